-- `Members.count`, and how much is known of what the node holds.
-- Needs run_id, and members-state.lua before it.
--
-- KEYS[1] zset of the channel's users, in order
-- KEYS[2] hash: see members-state.lua
-- KEYS[3] set of the users that the node holds
-- ARGV[1] now, ms
-- Result: {count, version, how many the node holds, the incarnation}
local version, incarnation = members_state(tonumber(ARGV[1]))
return { redis.call('ZCARD', KEYS[1]), version, redis.call('SCARD', KEYS[3]), incarnation }
