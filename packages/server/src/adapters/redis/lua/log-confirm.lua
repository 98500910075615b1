-- Writes what the channel says of itself once more: what WAIT asks for is the last write of its own connection, and what another
-- one wrote, or this one before it broke, lies before that.
--
-- KEYS[1]  the channel: see log-channel.lua

local epoch = redis.call('HGET', KEYS[1], 'e')
if epoch then redis.call('HSET', KEYS[1], 'e', epoch) end
return 1
