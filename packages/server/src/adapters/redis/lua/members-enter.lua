-- A node's users come into a channel: `Members.join`, and `SharedMembers.restore`.
-- Needs run_id, and members-state.lua and member-message.lua before it.
--
-- KEYS[1] zset of the channel's users, in order
-- KEYS[2] hash: on how many further nodes a user is, where on any; '' see members-state.lua
-- KEYS[3] set of the users that the node holds
-- ARGV[1] the channel's pub/sub channel
-- ARGV[2] now, ms
-- ARGV[3] the incarnation that the node knows: in another one nothing is published, for nobody left; '' publishes always
-- ARGV[4], ARGV[5], … each user, as ordered text (utf16-order.ts) and as JSON text
-- Result: the incarnation
local now = tonumber(ARGV[2])
local version, incarnation, written = members_state(now)
local published = ARGV[3] == '' or ARGV[3] == incarnation
local changed = false
for i = 4, #ARGV, 2 do
  local user = ARGV[i]
  if redis.call('SADD', KEYS[3], user) == 1 then
    if redis.call('ZADD', KEYS[1], 'NX', 0, user) == 1 then
      local prev = version
      version = next_version(prev, now)
      changed = true
      if published then redis.call('SPUBLISH', ARGV[1], member_message(ARGV[i + 1], true, version, prev)) end
    else
      redis.call('HINCRBY', KEYS[2], user, 1)
    end
  end
end
if changed or not written then
  write_members_state(version, incarnation)
  redis.call('PERSIST', KEYS[2])
end
return incarnation
