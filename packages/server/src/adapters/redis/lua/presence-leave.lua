-- PresenceStore.leave
-- KEYS and ARGV[1..4] as in presence-rules.lua  ARGV[5] device  ARGV[6] session, '' for the HTTP status
-- For the status: ARGV[7] node  ARGV[8] change  ARGV[9] '' or a time, ms: one that holds for longer stays
-- {new record or false, whether the device is still held by what was asked for: 0 or 1, the node that looked after the status
-- that was taken away or false}
local keeper = false
local device = read_device(ARGV[5])
if not device then return { false, 0 } end
if ARGV[6] ~= '' then
  if not device[4][ARGV[6]] then return { false, 0 } end
  device[4][ARGV[6]] = nil
else
  local lease = device[5]
  if lease == cjson.null then return { false, 0 } end
  if ARGV[9] ~= '' and lease[2] > tonumber(ARGV[9]) then return { false, 1 } end
  if lease[1] == ARGV[7] and lease[3] >= tonumber(ARGV[8]) then return { false, 1 } end
  keeper = lease[1]
  device[5] = cjson.null
end
write_device(ARGV[5], device)
return { show(), 0, keeper }
