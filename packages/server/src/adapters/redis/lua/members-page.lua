-- `Members.page`.
--
-- KEYS[1] zset of the channel's users, in order
-- ARGV[1] where it begins, as ZRANGEBYLEX has it
-- ARGV[2] users at most
-- Result: {count, users as ordered text}
return { redis.call('ZCARD', KEYS[1]), redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2]) }
