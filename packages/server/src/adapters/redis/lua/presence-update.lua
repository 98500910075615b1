-- PresenceStore.update
-- KEYS and ARGV as in presence-join.lua; ARGV[10] is '' for an HTTP status
-- {1, state, new record or false}: done. {0}: refused. {-1}, {-2} as in session-change.lua.
local id = ARGV[9]
local change = tonumber(ARGV[8])
local device = read_device(ARGV[5])
if id ~= '' then
  local holder = device and device[4][id]
  if not holder then
    if read_session(id) then return { 0 } end
    return { missing_session(id) }
  end
  local generation = tonumber(ARGV[10])
  if holder[1] > generation or (holder[1] == generation and holder[2] >= change) then return { 0 } end
  device[4][id] = { generation, change }
else
  if not device or device[5] == cjson.null then return { 0 } end
  local lease = device[5]
  if lease[1] == ARGV[11] then
    if lease[3] >= change then return { 0 } end
    lease[3] = change
  end
end
patch_device(device, ARGV[6], cjson.decode(ARGV[7]))
write_device(ARGV[5], device)
return { 1, state_of(device), show() }
