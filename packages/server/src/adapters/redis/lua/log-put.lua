-- Log.append on a map: decides as refuseAppend() of log-rules.ts does, sets or deletes the key, and publishes.
--
-- KEYS[1..9]  the channel, its history, ids and their ages, and its keys: see log-channel.lua, log-history-list.lua,
--             log-adding.lua, log-keys.lua
-- KEYS[10..11]  only of a publication in a lane: the lanes and their ages, see log-lanes.lua
-- ARGV  1..16 as in log-append.lua; the payload is '' where the key is deleted
--       17 the key in UTF-16BE   18 version or ''   19 when it runs out, ms, or ''   20 keys allowed
--       21 what an earlier call answered with `index`, since when the index of expiries was written; or ''
--       22 ms by which the index may be late   23..27 only in a lane: as open_lane() takes them
-- Returns what log-append.lua does, or {'outdated', epoch, top}, {'limit_reached', n, 'keys'}, or {'index', token}: nothing was
--       done, for the key runs out before the index looks at this channel. It has to be written first.

local now, age, id, key = tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[12], ARGV[17]
local window, allowed, due = tonumber(ARGV[14]), tonumber(ARGV[20]), tonumber(ARGV[19])
local channel = open_channel(ARGV[1])
age_ids(channel, window, now)
if id ~= '' then
  local again = answer_again(channel, id, ARGV[13])
  if again then return again end
end
local lane = ARGV[23] and open_lane(KEYS[10], KEYS[11], 23, now)
if lane then
  local again = answer_taken(channel, lane)
  if again then return again end
end
if ARGV[10] ~= '' and not stands_at(channel, ARGV[11], tonumber(ARGV[10])) then
  return { 'conflict', channel.epoch, channel.top }
end
if lane then
  local refused = refuse_lane(lane)
  if refused then return refused end
end
if ARGV[18] ~= '' then
  local version = version_of(key, age, now)
  if version and tonumber(ARGV[18]) <= version then
    -- It was decided: sent again it is not to be decided anew.
    if lane then raise_lane(channel, lane, 0, now) end
    return { 'outdated', channel.epoch, channel.top }
  end
end
if ARGV[8] ~= '' and redis.call('HLEN', KEYS[5]) >= allowed and redis.call('HEXISTS', KEYS[5], key) == 0 then
  return { 'limit_reached', redis.call('HLEN', KEYS[5]), 'keys' }
end
if id ~= '' then
  local ids = redis.call('HLEN', KEYS[3])
  if ids >= tonumber(ARGV[15]) then return { 'limit_reached', ids, 'ids' } end
end

local map = redis.call('HMGET', KEYS[1], 'n', 'g', 'p')
if due then
  local looks_at = tonumber(map[1])
  if not looks_at or looks_at > due or looks_at + ARGV[22] < now then
    -- Whoever looked since may have moved what was written into the index.
    local token = channel.epoch .. ':' .. (map[2] or 0)
    if ARGV[21] ~= token then return { 'index', token } end
    redis.call('HSET', KEYS[1], 'n', whole(due))
  end
end

local text = ARGV[7] .. ARGV[8]
local is_new = add(channel, tonumber(ARGV[3]), age, tonumber(ARGV[5]), now, ARGV[6], text)
if ARGV[8] ~= '' then
  set_key(key, ARGV[18], due, text, channel.top)
else
  delete_key(key, ARGV[18], channel.top, channel.top - redis.call('LLEN', KEYS[2]), allowed, age, now)
end
redis.call('HSET', KEYS[1], 'k', table.concat({ ARGV[3], ARGV[4], ARGV[5], ARGV[20] }, ' '), 'w', ARGV[14])
if id ~= '' then
  remember_id(channel, id, ARGV[13], now)
  is_new = is_new or not channel.oldest_id
end
if lane then raise_lane(channel, lane, channel.top, now) end
redis.call('SPUBLISH', ARGV[16], publication_message(channel.epoch, channel.top, ARGV[9] .. text, ''))
renew_map(channel, life_of(age, window), now, is_new, map[3] == '1')
return { 'appended', channel.epoch, channel.top }
