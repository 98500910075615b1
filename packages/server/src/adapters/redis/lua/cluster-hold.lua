-- Cluster.hold
-- KEYS[1] leases  ARGV: when they may be swept, then the nodes
for i = 2, #ARGV do
  local lease = read_lease(ARGV[i])
  if lease and lease[3] == 0 and lease[1] <= now_ms then write_lease(ARGV[i], { lease[1], tonumber(ARGV[1]), 1 }) end
end
return 1
