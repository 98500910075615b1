-- Log.read: what lies behind a position, or why it cannot be had.
--
-- KEYS[1..2]  the channel and its history: see log-channel.lua, log-history-list.lua
-- ARGV  1 an epoch never given before   2 now, ms   3 age, ms: the retention
--       4 epoch, 5 offset: the position
--       6 UTF-16 units of payloads after which the rest is left for another call
-- Returns {'ok', epoch, top, texts…}, which end before the top where there is more, or {'epoch' | 'ahead' | 'trimmed', epoch, top}

local channel = open_channel(ARGV[1])
local offset, most = tonumber(ARGV[5]), tonumber(ARGV[6])
if ARGV[4] ~= channel.epoch then return { 'epoch', channel.epoch, channel.top } end
if offset > channel.top then return { 'ahead', channel.epoch, channel.top } end
local kept = age_history(channel, tonumber(ARGV[3]), tonumber(ARGV[2]))
local wanted = channel.top - offset
if wanted > kept then return { 'trimmed', channel.epoch, channel.top } end

local result = { 'ok', channel.epoch, channel.top }
local place, taken = kept - wanted, 0
-- As many as are likely to be wanted, for what is looked at is copied.
local at_once = math.max(1, math.min(MOST_AT_ONCE, math.ceil(most * kept / (channel.units + 1))))
while place < kept and taken < most do
  for _, text in ipairs(redis.call('LRANGE', KEYS[2], place, place + at_once - 1)) do
    result[#result + 1] = text
    taken = taken + measures(text)
    place = place + 1
    if taken >= most then break end
  end
end
return result
