-- Log.forget. A channel that has had no publication stays, for its epoch may be known to somebody.
--
-- KEYS[1..11]  as in log-put.lua. Lanes outlive their channel, so they may be there without it.
-- Returns 1 where the index of expiries may name the channel

redis.call('UNLINK', KEYS[10], KEYS[11])
local held = redis.call('HMGET', KEYS[1], 't', 'n')
if not held[1] or held[1] == '0' then return 0 end
redis.call('UNLINK', unpack(KEYS))
return held[2] and 1 or 0
