-- Takes over the HTTP statuses of a dead node (Cluster.sweep)
-- KEYS as in presence-rules.lua  ARGV[5] the dead node  ARGV[6] the node that takes over  ARGV[7] its change
-- {device, until when it holds (ms), state, …}
local taken = {}
local devices = redis.call('HGETALL', KEYS[1])
for i = 1, #devices, 2 do
  local device = cjson.decode(devices[i + 1])
  local lease = device[5]
  if lease ~= cjson.null and lease[1] == ARGV[5] then
    device[5] = { ARGV[6], lease[2], tonumber(ARGV[7]) }
    write_device(devices[i], device)
    taken[#taken + 1] = devices[i]
    taken[#taken + 1] = whole(lease[2])
    taken[#taken + 1] = state_of(device)
  end
end
return taken
