-- Ends what a dead node has left of one user (Cluster.sweep)
-- KEYS and ARGV[1..4] as in presence-rules.lua  ARGV[5] the dead node  ARGV[6] the node that sweeps
-- {sessions ended, new record or false, whether an HTTP status is to be taken over: 0 or 1}
local ended = 0
local all = redis.call('HGETALL', KEYS[4])
for i = 1, #all, 2 do
  local session = cjson.decode(all[i + 1])
  -- It may have gone on elsewhere since.
  if session[2] == ARGV[5] then
    drop_session(all[i], session, ARGV[6])
    ended = ended + 1
  end
end
local leased = 0
local devices = redis.call('HGETALL', KEYS[1])
for i = 1, #devices, 2 do
  local device = cjson.decode(devices[i + 1])
  local lease = device[5]
  if lease ~= cjson.null and lease[1] == ARGV[5] then
    if lease[2] > tonumber(ARGV[3]) then
      leased = 1
    else
      device[5] = cjson.null
      write_device(devices[i], device)
    end
  end
end
return { ended, show(), leased }
