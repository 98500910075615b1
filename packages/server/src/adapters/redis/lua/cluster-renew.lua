-- Cluster.renew
-- KEYS[1] leases  KEYS[2] state: hash of `life` (another one each time the store came back empty), `renewed` (when anybody last
-- did, ms) and `lost` (time in which nobody did, ms)
-- ARGV: node, ms that a lease lasts, grace in ms, a life should there be none, and what the node knows itself: lost, renewed
-- {seconds, microseconds, lost, life, run, whether the node was known: 0 or 1, node, lease, …} before this renewal
local state = redis.call('HMGET', KEYS[2], 'life', 'renewed', 'lost')
local life = state[1] or ARGV[4]
-- What is known elsewhere counts where the store forgot, or went back in time.
local renewed = math.max(tonumber(state[2] or '0'), tonumber(ARGV[6]))
local lost = math.max(tonumber(state[3] or '0'), tonumber(ARGV[5]))
local known = redis.call('HEXISTS', KEYS[1], ARGV[1])
local leases = redis.call('HGETALL', KEYS[1])
local gap = renewed > 0 and now_ms - renewed or 0
if gap > tonumber(ARGV[2]) then
  -- Nobody could renew: the sessions of those who had died before keep their whole grace.
  lost = lost + gap
  for i = 1, #leases, 2 do
    local lease = cjson.decode(leases[i + 1])
    lease[2] = lease[2] + gap
    write_lease(leases[i], lease)
    leases[i + 1] = cjson.encode(lease)
  end
end
redis.call('HSET', KEYS[2], 'life', life, 'renewed', now_ms, 'lost', lost)
local expires = now_ms + tonumber(ARGV[2])
write_lease(ARGV[1], { expires, expires + tonumber(ARGV[3]), 0 })
local answer = { time[1], time[2], tostring(lost), life, run_id, known }
for i = 1, #leases do answer[#answer + 1] = leases[i] end
return answer
