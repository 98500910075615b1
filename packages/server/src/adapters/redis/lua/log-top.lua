-- Log.top. A channel that is not there begins, so that its next publication is the first of the epoch told here.
--
-- KEYS[1]  the channel: see log-channel.lua
-- ARGV  1 an epoch never given before   2 now, ms   3 ms by which the index of expiries may be late
-- Returns {epoch, top, when the index ought to have looked, where that did not happen, or ''}

local channel = open_channel(ARGV[1])
-- Somebody follows it: the position that is told now is good for half a day at least. Not renewed each time, for each is a write.
local left = redis.call('PTTL', KEYS[1])
if left >= 0 and left < UNTOUCHED_MS / 2 then redis.call('PEXPIRE', KEYS[1], UNTOUCHED_MS) end
local look_at = redis.call('HGET', KEYS[1], 'n')
if look_at and tonumber(look_at) + ARGV[3] >= tonumber(ARGV[2]) then look_at = '' end
return { channel.epoch, channel.top, look_at or '' }
