-- What the scripts about one user share. They decide as core/presence/aggregate.ts and fields.ts do.
--
-- KEYS[1] devices    hash: device -> JSON [status, changedAt as text, fields, {session: [generation, change]}, lease or null],
--                    where lease is [node, expiresAtMs, change]
-- KEYS[2] record     the visible record as JSON, as PresenceStore.read gives it
-- KEYS[3] unsettled  there while nodes put back what an emptied store forgot: nothing is shown meanwhile
-- KEYS[4] sessions   hash: session -> JSON [device, node, generation, tokenHash, previousTokenHash, detachedAtMs]
-- KEYS[5] ended      set: sessions that are over, which nodes other than the one that ended them may remember; kept for a while
-- ARGV[1] the user as JSON text  ARGV[2] the pub/sub channel  ARGV[3] the time, ms  ARGV[4] stamp of the change, microseconds
--
-- `change` numbers what a node sent about a holder: what was given up, and comes behind something later, has no effect.

-- Records of those who went offline, ms: a day. Behind it the directory knows when they were last seen.
local OFFLINE_KEPT_MS = 86400000

-- Far longer than a node takes to learn that a session of its own was ended by another, ms.
local ENDED_KEPT_MS = 600000

local RANK = { Busy = 3, Online = 2, Away = 1, Offline = 0, Invisible = 0 }

-- Lua writes large numbers as 1.7e+15.
local function whole(number)
  return string.format('%.0f', number)
end

local function read_device(name)
  local text = redis.call('HGET', KEYS[1], name)
  if text then return cjson.decode(text) end
  return nil
end

-- Keeps a device as long as somebody holds it.
local function write_device(name, device)
  if next(device[4]) == nil and device[5] == cjson.null then
    redis.call('HDEL', KEYS[1], name)
  else
    redis.call('HSET', KEYS[1], name, cjson.encode(device))
  end
end

-- What a device says, for its node to remember.
local function state_of(device)
  return cjson.encode({ device[1], device[2], device[3] })
end

-- An empty text clears a field.
local function patch_device(device, status, fields)
  local changed = false
  if status ~= '' and status ~= device[1] then
    device[1] = status
    changed = true
  end
  for name, value in pairs(fields) do
    if (device[3][name] or '') ~= value then
      if value == '' then device[3][name] = nil else device[3][name] = value end
      changed = true
    end
  end
  if changed then device[2] = ARGV[4] end
end

local function outranks(one, other)
  if RANK[one[1]] ~= RANK[other[1]] then return RANK[one[1]] > RANK[other[1]] end
  local speaks = next(one[3]) ~= nil
  if speaks ~= (next(other[3]) ~= nil) then return speaks end
  return tonumber(one[2]) > tonumber(other[2])
end

-- Status and fields that others see. One invisible device hides the user on all.
local function aggregate()
  local best = nil
  for _, text in ipairs(redis.call('HVALS', KEYS[1])) do
    local device = cjson.decode(text)
    if device[1] == 'Invisible' then return 'Offline', {} end
    if RANK[device[1]] > 0 and (best == nil or outranks(device, best)) then best = device end
  end
  if best == nil then return 'Offline', {} end
  return best[1], best[3]
end

local function same_fields(one, other)
  for name, value in pairs(one) do
    if other[name] ~= value then return false end
  end
  for name in pairs(other) do
    if one[name] == nil then return false end
  end
  return true
end

local function keep_record(text, status)
  if status == 'Offline' then
    redis.call('SET', KEYS[2], text, 'PX', OFFLINE_KEPT_MS)
  else
    redis.call('SET', KEYS[2], text)
  end
end

-- Shows others what the devices add up to, where that differs from what they were shown.
-- Gives what became of it and the new record's text, or false: '+' they came, '-' they are gone, '=' something else.
local function show()
  local status, fields = aggregate()
  local before = { version = 0, s = 'Offline', fields = {} }
  local text = redis.call('GET', KEYS[2])
  if text then before = cjson.decode(text) end
  if before.s == status and same_fields(before.fields, fields) then return false end
  if redis.call('EXISTS', KEYS[3]) == 1 then return false end
  local seen = 'null'
  if status == 'Offline' then seen = ARGV[3] end
  local record = '{"user":' .. ARGV[1]
    .. ',"version":' .. whole(math.max(before.version + 1, tonumber(ARGV[4])))
    .. ',"s":"' .. status .. '","fields":' .. cjson.encode(fields) .. ',"lastSeenMs":' .. seen .. '}'
  keep_record(record, status)
  redis.call('SPUBLISH', ARGV[2], presence_message(before.version, record))
  if (before.s == 'Offline') == (status == 'Offline') then return '=' .. record end
  return (status == 'Offline' and '-' or '+') .. record
end

local function read_session(id)
  local text = redis.call('HGET', KEYS[4], id)
  if text then return cjson.decode(text) end
  return nil
end

-- Takes a session out, and lets go of its device.
-- by: the node that ends it; where that is not the session's only home, another has yet to learn that it is over
local function drop_session(id, session, by)
  redis.call('HDEL', KEYS[4], id)
  local device = read_device(session[1])
  if device and device[4][id] then
    device[4][id] = nil
    write_device(session[1], device)
  end
  if session[2] ~= by or session[3] > 1 then
    redis.call('SADD', KEYS[5], id)
    redis.call('PEXPIRE', KEYS[5], ENDED_KEPT_MS)
  end
end

-- Of a session that is not there: -2 it is over, -1 nobody knows of it.
local function missing_session(id)
  if redis.call('SISMEMBER', KEYS[5], id) == 1 then return -2 end
  return -1
end
