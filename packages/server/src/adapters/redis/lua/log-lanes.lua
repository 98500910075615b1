-- The lanes of a channel: the highest number taken of each queue of a user. They are kept for longer than the channel itself, so
-- they have a life of their own.
--
-- marks  a hash; from `user queue`, both as prints of 27 characters, to `number offset at epoch` (offset 0: it is nowhere), and
--        from the user's print to how many of them are his
-- ages   a zset of the same lanes by when their last number was taken, ms

-- Lanes that are dropped at once.
local LANES_DROPPED_AT_ONCE = 100
local PRINT_LENGTH = 27

-- Drops lanes whose time is over; returns whether there may be more of them.
local function age_lanes(lane, now)
  local over = '(' .. whole(now - lane.life)
  local dropped = redis.call('ZRANGE', lane.ages, '-inf', over, 'BYSCORE', 'LIMIT', 0, LANES_DROPPED_AT_ONCE)
  if #dropped == 0 then return false end
  redis.call('ZREM', lane.ages, unpack(dropped))
  redis.call('HDEL', lane.marks, unpack(dropped))
  for _, field in ipairs(dropped) do
    local user = string.sub(field, 1, PRINT_LENGTH)
    if redis.call('HINCRBY', lane.marks, user, -1) <= 0 then redis.call('HDEL', lane.marks, user) end
  end
  return #dropped == LANES_DROPPED_AT_ONCE
end

-- first: the place in ARGV of the user's print, the queue's, the number, the life in ms, and the lanes a user may have
local function open_lane(marks, ages, first, now)
  local lane = {
    marks = marks,
    ages = ages,
    user = ARGV[first],
    field = ARGV[first] .. ARGV[first + 1],
    number = tonumber(ARGV[first + 2]),
    life = tonumber(ARGV[first + 3]),
    allowed = tonumber(ARGV[first + 4]),
  }
  local more = age_lanes(lane, now)
  local held = redis.call('HGET', marks, lane.field)
  if held then
    local last, offset, at, epoch = string.match(held, '^(%d+) (%d+) (-?%d+) (.*)$')
    lane.is_held = true
    -- One whose time is over, and was not yet dropped, counts as none.
    if now - at <= lane.life then
      lane.last, lane.offset, lane.epoch = tonumber(last), tonumber(offset), epoch
    end
  end
  -- Nobody is refused for the sake of lanes whose time is over.
  while more and not lane.last and tonumber(redis.call('HGET', marks, lane.user) or 0) >= lane.allowed do
    more = age_lanes(lane, now)
    lane.is_held = lane.is_held and redis.call('HEXISTS', marks, lane.field) == 1
  end
  return lane
end

-- The answer to a number that is not above the last one taken; nil where it is. Where it was is said of the last alone, as long as
-- its epoch goes on.
local function answer_taken(channel, lane)
  if not lane.last or lane.number > lane.last then return nil end
  if lane.number == lane.last and lane.offset > 0 and lane.epoch == channel.epoch then
    return { 'duplicate', channel.epoch, lane.offset }
  end
  return { 'duplicate' }
end

-- The refusal of a lane that would be one too many; nil where it may be.
local function refuse_lane(lane)
  if lane.last then return nil end
  local count = tonumber(redis.call('HGET', lane.marks, lane.user) or 0)
  if lane.is_held then count = count - 1 end
  if count >= lane.allowed then return { 'limit_reached', count, 'lanes' } end
end

local function raise_lane(channel, lane, offset, now)
  local mark = table.concat({ whole(lane.number), whole(offset), whole(now), channel.epoch }, ' ')
  redis.call('HSET', lane.marks, lane.field, mark)
  redis.call('ZADD', lane.ages, whole(now), lane.field)
  if not lane.is_held then redis.call('HINCRBY', lane.marks, lane.user, 1) end
  if redis.call('PTTL', lane.marks) < lane.life then
    live(lane.marks, lane.life * LIFE_TO_SPARE)
    live(lane.ages, lane.life * LIFE_TO_SPARE)
  end
end
