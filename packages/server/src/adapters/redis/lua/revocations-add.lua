-- Tells the other nodes of a revocation that is durable.
--
-- KEYS  as in revocations-life
-- ARGV  1 what a new life is named  2 entries kept  3 how long they are kept, ms
--       then the fields and values of the entry
-- Gives its number.

local _, newest = open_life(ARGV[1])
local number = newest + 1
redis.call('HSET', KEYS[2], 'n', number)
redis.call('XADD', KEYS[1], 'MAXLEN', ARGV[2], string.format('%.0f-0', number), unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return number
