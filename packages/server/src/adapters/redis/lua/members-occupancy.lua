-- A node has somebody subscribed to a channel from now on, or nobody any more: `Members.occupied`, `Members.vacated`.
--
-- KEYS[1] set of the nodes that have
-- ARGV[1] the node
-- ARGV[2] 'SADD' or 'SREM'
-- Result: {whether that was news, how many nodes have now}
return { redis.call(ARGV[2], KEYS[1], ARGV[1]), redis.call('SCARD', KEYS[1]) }
