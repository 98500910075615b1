-- `Members.count`.
--
-- KEYS[1] zset of the channel's users, in order
-- KEYS[2] hash whose field '' begins with the version of the last change
-- Result: {count, version}
local known = redis.call('HGET', KEYS[2], '')
return { redis.call('ZCARD', KEYS[1]), known and tonumber(string.match(known, '^%d+')) or 0 }
