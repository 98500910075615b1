-- Log.trim: drops publications up to an offset, some in each call.
--
-- KEYS[1..2]  the channel and its history: see log-channel.lua, log-history-list.lua
-- ARGV  1 an epoch never given before   2 epoch, 3 offset: up to there   4 publications dropped at most
-- Returns 1 where there is more to drop, or 0

local channel = open_channel(ARGV[1])
if ARGV[2] ~= channel.epoch then return 0 end
local kept = redis.call('LLEN', KEYS[2])
local wanted = math.min(tonumber(ARGV[3]), channel.top) - (channel.top - kept)
if wanted <= 0 then return 0 end
local dropped = math.min(wanted, tonumber(ARGV[4]))
local units = channel.units
for first = 0, dropped - 1, MOST_AT_ONCE do
  for _, text in ipairs(redis.call('LRANGE', KEYS[2], first, math.min(first + MOST_AT_ONCE, dropped) - 1)) do
    units = units - measures(text)
  end
end
redis.call('LPOP', KEYS[2], dropped)
local oldest = ''
if dropped < kept then
  local _, at = measures(redis.call('LINDEX', KEYS[2], 0))
  oldest = whole(at)
end
redis.call('HSET', KEYS[1], 'u', whole(dropped < kept and units or 0), 'o', oldest)
return dropped < wanted and 1 or 0
