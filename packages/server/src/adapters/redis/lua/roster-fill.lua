-- Fills in a roster that was read from the database. Told its `run_id`.
--
-- KEYS  1 entry, as in roster-read
-- ARGV  1 the token that roster-read took  2 the roster  3 how long it lives, ms
-- Gives 1; 0 where the token is gone, for the roster was edited meanwhile, or the reading took too long.

local run = string.sub(run_id, 1, 16)
if redis.call('GET', KEYS[1]) ~= 't' .. run .. ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], 'v' .. run .. ARGV[2], 'PX', ARGV[3])
return 1
