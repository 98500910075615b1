-- DocumentStore.addVersion.
--
-- KEYS[1]  ids in order, in UTF-16BE: a zset whose scores are all 0   KEYS[2]  heads by those ids: a hash to JSON
-- KEYS[3]  the version's state: see document-taking.lua   KEYS[4]  its parts, put aside
-- ARGV  1 id in UTF-16BE   2 head   3 parts   4 what names the state
-- Returns 1, or -1: not all parts were there

if not is_whole(KEYS[4], ARGV[3]) then return -1 end
take(KEYS[4], KEYS[3], ARGV[3], ARGV[4])
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
