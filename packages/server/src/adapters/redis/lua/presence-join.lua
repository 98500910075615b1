-- PresenceStore.join
-- KEYS and ARGV[1..4] as in presence-rules.lua  ARGV[5] device  ARGV[6] status or ''  ARGV[7] fields as JSON  ARGV[8] change
-- ARGV[9] session, '' for an HTTP status  ARGV[10] generation, or until when the status holds, ms  ARGV[11] node
-- {1, state, new record or false, record or false, the node that looked after the status before or false}: joined.
-- {0}: a later generation has it, or a later change came before.
-- {-1}, {-2} as in session-change.lua.
local id = ARGV[9]
local generation = tonumber(ARGV[10])
local change = tonumber(ARGV[8])
if id ~= '' then
  local session = read_session(id)
  if session == nil then return { missing_session(id) } end
  if session[3] ~= generation then
    -- A store that went back in time does not know this generation yet: it is put back.
    return { session[3] > generation and 0 or -1 }
  end
end
local device = read_device(ARGV[5])
local known = device ~= nil
local keeper = false
if not known then device = { ARGV[6] ~= '' and ARGV[6] or 'Online', ARGV[4], {}, {}, cjson.null } end
if id ~= '' then
  local holder = device[4][id]
  if holder and (holder[1] > generation or (holder[1] == generation and holder[2] >= change)) then return { 0 } end
  device[4][id] = { generation, change }
else
  local lease = device[5]
  if lease ~= cjson.null and lease[1] == ARGV[11] and lease[3] >= change then return { 0 } end
  keeper = lease ~= cjson.null and lease[1]
  device[5] = { ARGV[11], generation, change }
end
patch_device(device, known and ARGV[6] or '', cjson.decode(ARGV[7]))
write_device(ARGV[5], device)
local shown = show()
return { 1, state_of(device), shown, shown and string.sub(shown, 2) or redis.call('GET', KEYS[2]), keeper }
