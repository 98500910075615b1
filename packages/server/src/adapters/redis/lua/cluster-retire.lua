-- Cluster.retire
-- KEYS[1] leases  ARGV: node, grace in ms
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then
  write_lease(ARGV[1], { now_ms, now_ms + tonumber(ARGV[2]), 0 })
end
return 1
