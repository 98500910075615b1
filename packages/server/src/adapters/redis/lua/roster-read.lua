-- Reads the roster of a viewer, or hands out the right to fill it in. Told its `run_id`.
--
-- KEYS  1 entry: 'v', the run, the roster; or 't', the run, the token of whoever is reading the database
--       2 edits: what is being edited, as a sorted set; while there is any nobody fills
-- ARGV  1 token  2 how long it is good, ms
-- Gives the roster; 1 where the caller may fill it in under its token; 0 where somebody else does, or nobody may.
--
-- An entry of another run counts as none: that server may have missed an edit.

local run = string.sub(run_id, 1, 16)
local entry = redis.call('GET', KEYS[1])
if entry and string.sub(entry, 2, 17) == run then
  if string.sub(entry, 1, 1) == 'v' then
    return string.sub(entry, 18)
  end
  return 0
end
if redis.call('EXISTS', KEYS[2]) == 1 then
  return 0
end
redis.call('SET', KEYS[1], 't' .. run .. ARGV[1], 'PX', ARGV[2])
return 1
