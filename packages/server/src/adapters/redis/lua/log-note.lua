-- Has the index of expiries look at a channel at a time, at the latest.
--
-- KEYS[1]  the index: a zset of channels by the time to look at them, ms
-- ARGV  1 the channel   2 when, ms

local before = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
local at = tonumber(ARGV[2])
-- Always another time than before: whoever is looking at this moment would otherwise take it off behind this.
if before and before <= at then at = before - 1 end
redis.call('ZADD', KEYS[1], string.format('%.0f', at), ARGV[1])
return 1
