-- Cluster.renew
-- KEYS[1] leases  KEYS[2] state: hash of `life` (another one each time the store came back empty), `renewed` (when anybody last
-- did, ms), `lost` (time in which nobody did, ms, less what the clock went back by) and `turns` (how often it did)
-- ARGV: node, ms that a lease lasts, grace in ms, a life should there be none, and what the node knows itself: lost, renewed, turns
-- {seconds, microseconds, lost, life, run, whether the node was known: 0 or 1, turns, node, lease, …} before this renewal
local state = redis.call('HMGET', KEYS[2], 'life', 'renewed', 'lost', 'turns')
local life = state[1] or ARGV[4]
local renewed, lost, turns = tonumber(state[2] or '0'), tonumber(state[3] or '0'), tonumber(state[4] or '0')
-- What is known elsewhere counts where the store forgot, or went back in time; not what was known before its clock went back.
local known_renewed, known_lost, known_turns = tonumber(ARGV[6]), tonumber(ARGV[5]), tonumber(ARGV[7])
local shift = 0
if known_turns > turns then
  if renewed > 0 then shift = known_lost - lost end
  renewed, lost, turns = known_renewed, known_lost, known_turns
elseif known_turns == turns then
  renewed, lost = math.max(renewed, known_renewed), math.max(lost, known_lost)
end
local known = redis.call('HEXISTS', KEYS[1], ARGV[1])
local leases = redis.call('HGETALL', KEYS[1])
local gap = renewed > 0 and now_ms - renewed or 0
-- Nobody could renew: the sessions of those who had died before keep their whole grace.
-- Or the clock went back: by steady time nothing passed, and what was due is as far away as before.
if gap > tonumber(ARGV[2]) or gap < 0 then
  lost = lost + gap
  shift = shift + gap
  if gap < 0 then turns = turns + 1 end
end
if shift ~= 0 then
  for i = 1, #leases, 2 do
    local lease = cjson.decode(leases[i + 1])
    lease[1] = lease[1] + math.min(shift, 0)
    lease[2] = lease[2] + shift
    write_lease(leases[i], lease)
    leases[i + 1] = cjson.encode(lease)
  end
end
redis.call('HSET', KEYS[2], 'life', life, 'renewed', now_ms, 'lost', lost, 'turns', turns)
local expires = now_ms + tonumber(ARGV[2])
write_lease(ARGV[1], { expires, expires + tonumber(ARGV[3]), 0 })
local answer = { time[1], time[2], tostring(lost), life, run_id, known, turns }
for i = 1, #leases do answer[#answer + 1] = leases[i] end
return answer
