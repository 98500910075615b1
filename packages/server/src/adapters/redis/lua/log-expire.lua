-- Deletes keys of one map that ran out, each by a publication of the server, and says when the next does. Whoever asks, and
-- how often, each key is deleted once.
--
-- KEYS[1..9]  as in log-put.lua
-- ARGV  1 an epoch never given before   2 now, ms   3 how many keys at most   4 onceMs where the channel
--       does not say it   5 the pub/sub channel
-- Returns {epoch, when the next key runs out or '', how many were deleted, and of each: offset, text, when it ran out}

local now, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
local result = { '', '', 0 }
if redis.call('EXISTS', KEYS[1]) == 0 then return result end
local channel = open_channel(ARGV[1])
result[1] = channel.epoch

local function expire(key, ran_out_at, count, age, units, allowed)
  local header = string.match(redis.call('HGET', KEYS[5], key), '^[^\n]*')
  -- Key and version end the header, as they have to end that of the deletion. A quote within a text would be escaped.
  local text = ',"at":' .. ARGV[2] .. string.sub(header, string.find(header, ',"key":', 1, true), -1)
  local version = redis.call('HGET', KEYS[7], key) or ''
  local is_new = add(channel, count, age, units, now, '0', text)
  delete_key(key, version, channel.top, channel.top - redis.call('LLEN', KEYS[2]), allowed, age, now)
  redis.call('SPUBLISH', ARGV[5], publication_message(channel.epoch, channel.top, text, ''))
  result[3] = result[3] + 1
  result[#result + 1] = channel.top
  result[#result + 1] = text
  result[#result + 1] = ran_out_at
  return is_new
end

local due = {}
if limit > 0 then due = redis.call('ZRANGE', KEYS[8], '-inf', now, 'BYSCORE', 'LIMIT', 0, limit, 'WITHSCORES') end
if #due > 0 then
  local map = redis.call('HMGET', KEYS[1], 'k', 'p', 'w')
  local count, age, units, allowed = string.match(map[1], '^(%S+) (%S+) (%S+) (%S+)$')
  count, age, units, allowed = tonumber(count), tonumber(age), tonumber(units), tonumber(allowed)
  local window = tonumber(map[3] or ARGV[4])
  local is_new = false
  for i = 1, #due, 2 do
    is_new = expire(due[i], tonumber(due[i + 1]), count, age, units, allowed) or is_new
  end
  renew_map(channel, life_of(age, window), now, is_new, map[2] == '1')
end

-- The index is written behind this. An append that counts on what it said before is refused meanwhile, by the count of looks.
local first = redis.call('ZRANGE', KEYS[8], 0, 0, 'WITHSCORES')
if first[2] then
  result[2] = tonumber(first[2])
  redis.call('HSET', KEYS[1], 'n', first[2])
else
  redis.call('HDEL', KEYS[1], 'n')
end
redis.call('HINCRBY', KEYS[1], 'g', 1)
return result
