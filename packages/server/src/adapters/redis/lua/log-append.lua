-- Log.append on a stream: decides as refuseAppend() of log-rules.ts does, appends and publishes.
--
-- KEYS[1..4]  the channel, its history, ids and their ages: see log-channel.lua, log-history-list.lua, log-adding.lua
-- KEYS[5..6]  only of a publication in a lane: the lanes and their ages, see log-lanes.lua
-- ARGV  1 an epoch never given before   2 now, ms
--       3 count, 4 age in ms, 5 units: the retention (`inf` where there is no end)
--       6 UTF-16 units of the payload   7 publicationTail() without `silent`   8 payload   9 toldText(), which is not kept
--       10 offset expected or '', 11 its epoch
--       12 idempotency id or '', 13 print of the payload   14 onceMs   15 oncePerChannel
--       16 the pub/sub channel   17..21 only in a lane: as open_lane() takes them
-- Returns {'appended', epoch, offset}, {'duplicate', epoch, offset} ({'duplicate'} where it is not known), {'id_reused'},
--       {'conflict', epoch, top} or {'limit_reached', how many are held, 'ids' or 'lanes'}

local now, age, id = tonumber(ARGV[2]), tonumber(ARGV[4]), ARGV[12]
local channel = open_channel(ARGV[1])
age_ids(channel, tonumber(ARGV[14]), now)
if id ~= '' then
  local again = answer_again(channel, id, ARGV[13])
  if again then return again end
end
local lane = ARGV[17] and open_lane(KEYS[5], KEYS[6], 17, now)
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
if id ~= '' then
  local ids = redis.call('HLEN', KEYS[3])
  if ids >= tonumber(ARGV[15]) then return { 'limit_reached', ids, 'ids' } end
end

local text = ARGV[7] .. ARGV[8]
local is_new = add(channel, tonumber(ARGV[3]), age, tonumber(ARGV[5]), now, ARGV[6], text)
if id ~= '' then
  remember_id(channel, id, ARGV[13], now)
  is_new = is_new or not channel.oldest_id
end
redis.call('SPUBLISH', ARGV[16], publication_message(channel.epoch, channel.top, ARGV[9] .. text, ''))
if lane then raise_lane(channel, lane, channel.top, now) end
renew(channel, { KEYS[1], KEYS[2], KEYS[3], KEYS[4] }, life_of(age, tonumber(ARGV[14])), now, is_new)
return { 'appended', channel.epoch, channel.top }
