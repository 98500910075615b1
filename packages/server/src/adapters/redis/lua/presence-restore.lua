-- Puts back what a node holds of one user into a store that came back empty, or older. Shows nothing to anybody, and holds
-- back what would be shown until the others have put theirs back too (presence-settle.lua).
-- KEYS and ARGV[1..4] as in presence-rules.lua  ARGV[5] node  ARGV[6] ms that it is held back at most
-- ARGV[7] JSON {sessions: {id: session}, devices: {name: device}} in the form of the hashes
-- ARGV[8] the record as the node last knew it, ''  ARGV[9] '1': nothing of the user is under way at the node, so that what
-- else the store has in its name is of before
-- 1: something had been lost, and is held back. 0: everything was there.
local mine = cjson.decode(ARGV[7])
local here = {}
local lost = false
for id, session in pairs(mine.sessions) do
  local kept = read_session(id)
  local newer = kept and (kept[3] > session[3] or (kept[3] == session[3] and kept[2] ~= ARGV[5]))
  if not newer and redis.call('SISMEMBER', KEYS[5], id) == 0 then
    lost = lost or not kept or kept[3] < session[3]
    redis.call('HSET', KEYS[4], id, cjson.encode(session))
    here[id] = true
  end
end
if ARGV[9] == '1' then
  local all = redis.call('HGETALL', KEYS[4])
  for i = 1, #all, 2 do
    local session = cjson.decode(all[i + 1])
    if session[2] == ARGV[5] and not mine.sessions[all[i]] then
      drop_session(all[i], session, ARGV[5])
      lost = true
    end
  end
  local devices = redis.call('HGETALL', KEYS[1])
  for i = 1, #devices, 2 do
    local device = cjson.decode(devices[i + 1])
    local own = mine.devices[devices[i]]
    if device[5] ~= cjson.null and device[5][1] == ARGV[5] and (own == nil or own[5] == cjson.null) then
      device[5] = cjson.null
      write_device(devices[i], device)
      lost = true
    end
  end
end
for name, own in pairs(mine.devices) do
  local device = read_device(name) or { own[1], own[2], own[3], {}, cjson.null }
  local older = tonumber(own[2]) > tonumber(device[2])
  if older then device[1], device[2], device[3] = own[1], own[2], own[3] end
  for id, holder in pairs(own[4]) do
    local kept = device[4][id]
    if here[id] and (not kept or kept[1] < holder[1]) then
      device[4][id] = holder
      older = true
    end
  end
  if own[5] ~= cjson.null and (device[5] == cjson.null or device[5][2] < own[5][2]) then
    device[5] = own[5]
    older = true
  end
  if older then
    write_device(name, device)
    lost = true
  end
end
if ARGV[8] ~= '' then
  local record = cjson.decode(ARGV[8])
  local kept = redis.call('GET', KEYS[2])
  if not kept or cjson.decode(kept).version < record.version then
    keep_record(ARGV[8], record.s)
    lost = true
  end
end
if not lost then return 0 end
redis.call('SET', KEYS[3], '1', 'PX', ARGV[6])
return 1
