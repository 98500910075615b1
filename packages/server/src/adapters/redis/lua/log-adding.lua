-- What the scripts that append have in common, behind log-channel.lua and log-history-list.lua. KEYS and ARGV as they say.
--
-- KEYS[3]  idempotency ids: a hash from the id to `offset:print`
-- KEYS[4]  a list of `at:id`, in the order they were taken

-- Ids that are dropped with one append at most: more than one come due with each only behind a rush of them.
local IDS_DROPPED_AT_ONCE = 100

-- Keys get a longer life than they need by this part of it, so that it need not be renewed with each append.
local LIFE_TO_SPARE = 1.25

-- Drops ids that were held for longer than their window.
local function age_ids(channel, window, now)
  if not channel.oldest_id or now - channel.oldest_id <= window then return end
  local dropped = {}
  local next_at
  for _, held in ipairs(redis.call('LRANGE', KEYS[4], 0, IDS_DROPPED_AT_ONCE)) do
    local at, id = string.match(held, '^(-?%d+):(.*)$')
    next_at = tonumber(at)
    if now - next_at <= window or #dropped == IDS_DROPPED_AT_ONCE then break end
    dropped[#dropped + 1] = id
    next_at = nil
  end
  if #dropped > 0 then
    redis.call('LPOP', KEYS[4], #dropped)
    redis.call('HDEL', KEYS[3], unpack(dropped))
  end
  channel.oldest_id = next_at
  redis.call('HSET', KEYS[1], 'i', next_at and whole(next_at) or '')
end

-- The answer to a publication whose id was taken before; nil where it was not.
local function answer_again(channel, id, print)
  local taken = redis.call('HGET', KEYS[3], id)
  if not taken then return nil end
  local offset, before = string.match(taken, '^(%d+):(.*)$')
  if before ~= print then return { 'id_reused' } end
  return { 'duplicate', channel.epoch, tonumber(offset) }
end

-- Whether the channel stands where it is expected to. No offset at all is the same in every epoch.
local function stands_at(channel, epoch, offset)
  if offset == 0 then return channel.top == 0 end
  return offset == channel.top and epoch == channel.epoch
end

-- Takes the next offset, keeps the publication, and drops what it leaves no room for. Returns whether the history
-- is a new key.
local function add(channel, count, age, units, now, payload_units, text)
  channel.top = channel.top + 1
  local kept = redis.call('RPUSH', KEYS[2], payload_units .. text)
  local oldest = channel.oldest
  if kept == 1 then
    -- What was kept before may have run out with its key.
    channel.units = tonumber(payload_units)
    channel.oldest = now
  else
    channel.units = channel.units + payload_units
  end
  trim_history(channel, kept, count, age, units, now)
  redis.call('HSET', KEYS[1], 't', whole(channel.top), 'u', whole(channel.units))
  if channel.oldest ~= oldest then
    redis.call('HSET', KEYS[1], 'o', channel.oldest and whole(channel.oldest) or '')
  end
  return kept == 1
end

local function remember_id(channel, id, print, now)
  redis.call('HSET', KEYS[3], id, whole(channel.top) .. ':' .. print)
  redis.call('RPUSH', KEYS[4], whole(now) .. ':' .. id)
  if not channel.oldest_id then redis.call('HSET', KEYS[1], 'i', whole(now)) end
end

-- How long the keys of the channel live without an append, ms.
local function life_of(age, window)
  return math.max(age, window, UNTOUCHED_MS)
end

-- Has a key run out so long from now; `math.huge`: never.
local function live(key, ms)
  if ms == math.huge then redis.call('PERSIST', key) else redis.call('PEXPIRE', key, whole(ms)) end
end

-- Gives keys their life, where they are new or the greater part of it is over. Returns whether it did.
local function renew(channel, keys, life, now, is_new)
  local left = channel.lives_until and channel.lives_until - now
  if not is_new and left and left >= life and left <= life * LIFE_TO_SPARE then return false end
  for _, key in ipairs(keys) do live(key, life * LIFE_TO_SPARE) end
  redis.call('HSET', KEYS[1], 'x', life == math.huge and 'inf' or whole(now + life * LIFE_TO_SPARE))
  return true
end
