-- DocumentStore.put: keeps a snapshot in the place of the one that it names.
--
-- KEYS[1]  the head: a hash
--   e, o  epoch and offset of its position   v  vector, a list as JSON   w  owners   b  bytes of the state   i  what names the state
-- KEYS[2]  the state: see document-taking.lua   KEYS[3]  the parts of the new one, put aside
-- ARGV  1 offset, 2 epoch of what it replaces; '' where there is to be none   3 epoch   4 offset   5 vector   6 owners   7 bytes
--       8 parts   9 what names the state
-- Returns 1: it is kept, 0: another one is, -1: not all parts were there

local held = redis.call('HMGET', KEYS[1], 'e', 'o')
local matches = held[1] == ARGV[2] and held[2] == ARGV[1]
if ARGV[1] == '' then matches = not held[1] end
if not matches then
  redis.call('UNLINK', KEYS[3])
  return 0
end
if not is_whole(KEYS[3], ARGV[8]) then return -1 end
take(KEYS[3], KEYS[2], ARGV[8], ARGV[9])
redis.call('HSET', KEYS[1], 'e', ARGV[3], 'o', ARGV[4], 'v', ARGV[5], 'w', ARGV[6], 'b', ARGV[7], 'i', ARGV[9])
return 1
