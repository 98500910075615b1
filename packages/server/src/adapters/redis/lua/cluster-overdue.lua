-- Cluster.sweep: whether a node may be swept
-- KEYS[1] leases  ARGV: node, '1': nothing of it is left, its lease is forgotten
-- 1: it may. 0: it renewed, or its time has not come.
local lease = read_lease(ARGV[1])
if lease and lease[2] > now_ms then return 0 end
if ARGV[2] == '1' then redis.call('HDEL', KEYS[1], ARGV[1]) end
return 1
