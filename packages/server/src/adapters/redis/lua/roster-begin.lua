-- An edit of a viewer's roster begins: from here on nothing is read from the entry, and nothing filled in.
--
-- KEYS  1 entry  2 edits, as in roster-read
-- ARGV  1 the edit's id  2 now, ms  3 when it is over even if nobody says so, ms  4 how long that is, ms
-- Gives 1.

redis.call('DEL', KEYS[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[2])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
