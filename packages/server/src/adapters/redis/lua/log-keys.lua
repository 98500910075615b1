-- The keys of a map, behind log-channel.lua. A member or field that stands for one is the key in UTF-16BE, whose bytes sort as
-- its units do.
--
-- KEYS[5]  the keys that are set: a hash to `offset` and the text of the publication, without the units before it
-- KEYS[6]  those keys in order: a zset whose scores are all 0
-- KEYS[7]  versions, where there are any: a hash to `version`, or, of a key that was deleted, to `version:at`
-- KEYS[8]  keys that run out: a zset by the time at which they do, ms
-- KEYS[9]  deleted keys whose version is still known: a zset by the offset of the deletion

-- Deleted keys that are forgotten with one deletion for their age alone.
local AGED_AT_ONCE = 4

-- The version that a late publication of the key is compared with; nil where there is none.
local function version_of(key, age, now)
  local known = redis.call('HGET', KEYS[7], key)
  if not known then return nil end
  local version, at = string.match(known, '^([^:]+):?(.*)$')
  if at ~= '' and at + age <= now then return nil end
  return tonumber(version)
end

local function set_key(key, version, due, text, offset)
  if redis.call('HSET', KEYS[5], key, whole(offset) .. text) == 1 then
    redis.call('ZADD', KEYS[6], 0, key)
    redis.call('ZREM', KEYS[9], key)
  end
  if version ~= '' then redis.call('HSET', KEYS[7], key, version) else redis.call('HDEL', KEYS[7], key) end
  if due then redis.call('ZADD', KEYS[8], whole(due), key) else redis.call('ZREM', KEYS[8], key) end
end

-- Forgets deleted keys: the oldest, while there are more than keys are allowed and the history holds their deletions no more,
-- and some of those that are as old as the history gets.
local function trim_deleted(allowed, floor, age, now)
  local known = redis.call('ZCARD', KEYS[9])
  local aged = 0
  while known > 0 do
    local oldest = redis.call('ZRANGE', KEYS[9], 0, 0, 'WITHSCORES')
    if known <= allowed or tonumber(oldest[2]) > floor then
      local at = string.match(redis.call('HGET', KEYS[7], oldest[1]) or '', ':(.*)$')
      if aged == AGED_AT_ONCE or (at and at + age > now) then return end
      aged = aged + 1
    end
    redis.call('ZREM', KEYS[9], oldest[1])
    redis.call('HDEL', KEYS[7], oldest[1])
    known = known - 1
  end
end

-- A deletion without a version leaves nothing, and takes what an earlier one left: the last publication says how a key is.
local function delete_key(key, version, offset, floor, allowed, age, now)
  redis.call('HDEL', KEYS[5], key)
  redis.call('ZREM', KEYS[6], key)
  redis.call('ZREM', KEYS[8], key)
  if version == '' then
    redis.call('ZREM', KEYS[9], key)
    redis.call('HDEL', KEYS[7], key)
    return
  end
  redis.call('HSET', KEYS[7], key, version .. ':' .. whole(now))
  redis.call('ZADD', KEYS[9], whole(offset), key)
  trim_deleted(allowed, floor, age, now)
end

-- Gives the keys of a channel their life. While something is set, what the map consists of lives for ever.
local function renew_map(channel, life, now, is_new, was_for_ever)
  local for_ever = redis.call('HLEN', KEYS[5]) > 0
  renew(channel, { KEYS[2], KEYS[3], KEYS[4] }, life, now, is_new)
  if for_ever and was_for_ever then return end
  for _, i in ipairs({ 1, 5, 6, 7, 8, 9 }) do live(KEYS[i], for_ever and math.huge or life) end
  redis.call('HSET', KEYS[1], 'p', for_ever and 1 or 0)
end
