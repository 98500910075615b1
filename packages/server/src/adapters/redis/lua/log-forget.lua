-- Log.forget. A channel that has had no publication stays, for its epoch may be known to somebody.
--
-- KEYS[1..9]  as in log-put.lua
-- Returns 1 where the index of expiries may name the channel

local held = redis.call('HMGET', KEYS[1], 't', 'n')
if not held[1] or held[1] == '0' then return 0 end
redis.call('UNLINK', unpack(KEYS))
return held[2] and 1 or 0
