-- Moves channels in the index of expiries that were looked at, or takes them off it, unless they were noted again since.
--
-- KEYS[1]  the index: see log-note.lua
-- ARGV  of each channel: its name, when it was to be looked at as that was read, when next or ''

for i = 1, #ARGV, 3 do
  local channel, seen, next_at = ARGV[i], tonumber(ARGV[i + 1]), ARGV[i + 2]
  if tonumber(redis.call('ZSCORE', KEYS[1], channel)) == seen then
    if next_at == '' then redis.call('ZREM', KEYS[1], channel) else redis.call('ZADD', KEYS[1], next_at, channel) end
  end
end
return 1
