-- DocumentStore.versions: heads, newest first.
--
-- KEYS[1]  ids in order   KEYS[2]  heads: see document-version.lua
-- ARGV  1 the id behind which they begin, in UTF-16BE and behind `(`; `+` begins   2 limit
-- Returns a list of heads

-- What Lua hands over as arguments at once.
local MOST_ARGUMENTS = 1000

local ids = redis.call('ZRANGE', KEYS[1], ARGV[1], '-', 'BYLEX', 'REV', 'LIMIT', 0, ARGV[2])
local result = {}
for first = 1, #ids, MOST_ARGUMENTS do
  local last = math.min(first + MOST_ARGUMENTS - 1, #ids)
  for _, head in ipairs(redis.call('HMGET', KEYS[2], unpack(ids, first, last))) do result[#result + 1] = head end
end
return result
