-- Log.entries: a page of the keys of a map that are set.
--
-- KEYS[1..2]  the channel: see log-channel.lua   KEYS[5..6] of log-keys.lua, here 2 and 3: keys with their texts, and in order
-- ARGV  1 an epoch never given before   2 the key behind which the page begins, in UTF-16BE; `-` begins, any other follows `(`
--       3 limit
-- Returns {epoch, top, 1 where there is more or 0, text…}

-- What Lua hands over as arguments at once.
local MOST_ARGUMENTS = 1000

local channel = open_channel(ARGV[1])
local limit = tonumber(ARGV[3])
local keys = redis.call('ZRANGE', KEYS[3], ARGV[2], '+', 'BYLEX', 'LIMIT', 0, limit + 1)
local more = #keys > limit
if more then keys[#keys] = nil end
local result = { channel.epoch, channel.top, more and 1 or 0 }
for first = 1, #keys, MOST_ARGUMENTS do
  local last = math.min(first + MOST_ARGUMENTS - 1, #keys)
  for _, text in ipairs(redis.call('HMGET', KEYS[2], unpack(keys, first, last))) do result[#result + 1] = text end
end
return result
