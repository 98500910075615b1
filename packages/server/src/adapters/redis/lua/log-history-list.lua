-- The publications that are kept: KEYS[2], a list of texts, oldest first. A text is the units of the payload, what
-- publicationTail() of node-message-codec.ts gives, and the payload.

-- Publications looked at in one go, behind the one or two that nearly every append comes down to.
local MOST_AT_ONCE = 100

-- units of the payload, and when it was taken
local function measures(text)
  local units, at = string.match(text, '^(%d+),"at":(-?%d+)')
  return tonumber(units), tonumber(at)
end

-- Drops the oldest as long as isOverdue() of log-rules.ts says so. kept: the length of the list. Returns how many are left;
-- what the channel's hash says of them (u, o) is for the caller to write.
local function trim_history(channel, kept, count, age, units, now)
  local oldest = channel.oldest or now
  if kept == 0 or (kept <= count and oldest + age > now and (channel.units <= units or kept == 1)) then return kept end
  local dropped, held, at_once = 0, channel.units, 2
  local stays
  repeat
    local texts = redis.call('LRANGE', KEYS[2], dropped, dropped + at_once - 1)
    for _, text in ipairs(texts) do
      local left = kept - dropped
      local text_units, at = measures(text)
      if left <= count and at + age > now and (held <= units or left == 1) then
        stays = at
        break
      end
      dropped = dropped + 1
      held = held - text_units
    end
    at_once = MOST_AT_ONCE
  until stays or dropped >= kept or #texts == 0
  redis.call('LPOP', KEYS[2], dropped)
  channel.units = stays and held or 0
  channel.oldest = stays
  return kept - dropped
end

-- Drops what ran out by age, for scripts that read. Returns how many are left.
local function age_history(channel, age, now)
  local kept = redis.call('LLEN', KEYS[2])
  local left = trim_history(channel, kept, math.huge, age, math.huge, now)
  if left < kept then
    redis.call('HSET', KEYS[1], 'u', whole(channel.units), 'o', channel.oldest and whole(channel.oldest) or '')
  end
  return left
end
