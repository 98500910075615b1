-- What the scripts about leases share.
-- KEYS[1] leases  hash: node -> JSON [expiresAtMs, sweepAtMs, held: 0 or 1]

local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local function read_lease(node)
  local text = redis.call('HGET', KEYS[1], node)
  if text then return cjson.decode(text) end
  return nil
end

local function write_lease(node, lease)
  redis.call('HSET', KEYS[1], node, cjson.encode(lease))
end
