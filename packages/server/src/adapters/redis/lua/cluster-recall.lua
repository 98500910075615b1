-- Cluster.renew, where the store lost something: what a node saw of the others' leases
-- KEYS[1] leases  ARGV: ms that a lease lasts, grace in ms, then a node, when it may be swept by what was seen, …
local expires = now_ms + tonumber(ARGV[1])
local latest = expires + tonumber(ARGV[2])
for i = 3, #ARGV, 2 do
  local lease = read_lease(ARGV[i])
  local seen = math.min(tonumber(ARGV[i + 1]), latest)
  if not lease then
    -- Should it have died since, what it left in the new store is found.
    write_lease(ARGV[i], { expires, latest, 0 })
  elseif lease[2] < seen then
    -- A lease of the past would have its sessions swept before their grace is over.
    lease[2] = seen
    write_lease(ARGV[i], lease)
  end
end
return 1
