-- The channel of a script of the log, and where it stands. For scripts that are told their `run_id`.
--
-- KEYS[1], a hash:
--   e  epoch
--   r  the beginning of the run_id of the server that the epoch was last seen on
--   t  top: the offset of the newest publication
--   u  UTF-16 units of the payloads that are kept
--   o  when the oldest that is kept was taken, ms
--   i  when the oldest idempotency id was taken, ms
--   x  until when the keys live unless something is appended, ms; `inf`: for ever
-- and of maps
--   k  retention of the last append: count, age, units, keys; under that its keys run out
--   w  and for how long ids are held, ms; version N-1 does not write it
--   n  the index of expiries looks at this channel at that time at the latest, ms
--   g  how often it was looked at
--   p  1 where the keys of the map live for ever, for something is set
--
-- The publications that are kept lie in a list, which has no gap: the offset before the oldest is top less its length.

-- What an untouched or emptied channel is known for, ms: a client that names a position goes on from it within a day.
local UNTOUCHED_MS = 86400000

-- Sixteen of forty digits: two servers of one app have never had the same.
local RUN_DIGITS = 16

local function whole(number)
  return string.format('%d', number)
end

-- The channel as it is. One that is not there begins, with the epoch given; where another server runs this than the one the
-- epoch was seen on, publications may be missing, and a new epoch begins. Offsets go on in it.
local function open_channel(new_epoch)
  local held = redis.call('HMGET', KEYS[1], 'e', 'r', 't', 'u', 'o', 'i', 'x')
  local run = string.sub(run_id, 1, RUN_DIGITS)
  if not held[1] then
    redis.call('HSET', KEYS[1], 'e', new_epoch, 'r', run, 't', 0, 'u', 0)
    redis.call('PEXPIRE', KEYS[1], UNTOUCHED_MS)
    return { epoch = new_epoch, top = 0, units = 0 }
  end
  if held[2] ~= run then
    redis.call('HSET', KEYS[1], 'e', new_epoch, 'r', run)
    held[1] = new_epoch
  end
  return {
    epoch = held[1],
    top = tonumber(held[3]),
    units = tonumber(held[4]),
    oldest = tonumber(held[5]),
    oldest_id = tonumber(held[6]),
    lives_until = tonumber(held[7]),
  }
end
