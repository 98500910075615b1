-- DocumentStore.removeVersion.
--
-- KEYS[1..3]  ids, heads, and the version's state: see document-version.lua
-- ARGV  1 id in UTF-16BE
-- Returns 1 where there was one, or 0

redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('UNLINK', KEYS[3])
return redis.call('ZREM', KEYS[1], ARGV[1])
