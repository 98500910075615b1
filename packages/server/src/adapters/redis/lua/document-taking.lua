-- What the scripts that keep a state have in common.
--
-- A state is a hash: its parts by their number, and
--   id  what names it: another one for each state that was ever put

-- Whether all parts of a state were put aside: those that ran out, or went to a server that is gone, are not there.
local function is_whole(aside, parts)
  return redis.call('HLEN', aside) == tonumber(parts)
end

-- Puts a state in the place of another.
local function take(aside, place, parts, id)
  redis.call('UNLINK', place)
  if tonumber(parts) == 0 then return end
  redis.call('RENAME', aside, place)
  redis.call('PERSIST', place)
  redis.call('HSET', place, 'id', id)
end
