-- A node's users leave a channel: `Members.leave`, `SharedMembers.sweepNode`, and `restore`, where Redis is older than that.
-- Needs run_id, and members-state.lua and member-message.lua before it.
--
-- KEYS[1] zset of the channel's users, in order
-- KEYS[2] hash: on how many further nodes a user is, where on any; '' see members-state.lua
-- KEYS[3] set of the users that the node holds
-- ARGV[1] the channel's pub/sub channel
-- ARGV[2] now, ms
-- ARGV[3] the incarnation that the node knows: in another one nothing is published, for it was; '' publishes always
-- ARGV[4], ARGV[5], … each user, as ordered text (utf16-order.ts) and as JSON text
-- Result: nothing
local now = tonumber(ARGV[2])
local version, incarnation = members_state(now)
local published = ARGV[3] == '' or ARGV[3] == incarnation
local changed = false
for i = 4, #ARGV, 2 do
  local user = ARGV[i]
  if redis.call('SREM', KEYS[3], user) == 1 then
    local further = redis.call('HGET', KEYS[2], user)
    if not further then
      redis.call('ZREM', KEYS[1], user)
      local prev = version
      version = next_version(prev, now)
      changed = true
      if published then redis.call('SPUBLISH', ARGV[1], member_message(ARGV[i + 1], false, version, prev)) end
    elseif tonumber(further) > 1 then
      redis.call('HINCRBY', KEYS[2], user, -1)
    else
      redis.call('HDEL', KEYS[2], user)
    end
  end
end
if changed then
  write_members_state(version, incarnation)
  if redis.call('EXISTS', KEYS[1]) == 0 then redis.call('PEXPIRE', KEYS[2], KEPT_EMPTY_MS) end
end
return nil
