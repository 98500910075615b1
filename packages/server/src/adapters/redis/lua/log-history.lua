-- Log.history: a page of what is kept.
--
-- KEYS[1..2]  the channel and its history: see log-channel.lua, log-history-list.lua
-- ARGV  1 an epoch never given before   2 now, ms   3 age, ms: the retention
--       4 offset or ''   5 1: reverse   6 limit   7 since, ms, or ''
-- Returns {epoch, top, floor, 1 where there is more or 0, offset, text, offset, text…}

local channel = open_channel(ARGV[1])
local kept = age_history(channel, tonumber(ARGV[3]), tonumber(ARGV[2]))
local floor = channel.top - kept
local from, reverse, limit, since = tonumber(ARGV[4]), ARGV[5] == '1', tonumber(ARGV[6]), tonumber(ARGV[7])
local result = { channel.epoch, channel.top, floor, 0 }

-- Places in the list, from 0; the first that is asked for, and the one behind the last.
local place, step, past = math.max(from or 0, floor) - floor, 1, kept
if reverse then place, step, past = math.min(from or channel.top + 1, channel.top + 1) - floor - 2, -1, -1 end
local found = 0
while (past - place) * step > 0 do
  local last = place + step * (MOST_AT_ONCE - 1)
  local texts = reverse and redis.call('LRANGE', KEYS[2], math.max(last, 0), place) or redis.call('LRANGE', KEYS[2], place, last)
  for i = 1, #texts do
    local text = texts[reverse and #texts + 1 - i or i]
    local _, at = measures(text)
    if not since or at >= since then
      if found == limit then
        result[4] = 1
        return result
      end
      found = found + 1
      result[#result + 1] = floor + place + 1
      result[#result + 1] = text
    end
    place = place + step
  end
end
return result
