-- SessionStore.create
-- KEYS[1] the user's sessions  ARGV: id, the session as JSON, how many a user may have
-- {1}: it is there. {0}: refused, all have a connection. {0, id, session}: refused; this one has been without one for longest.
if redis.call('HLEN', KEYS[1]) < tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  return { 1 }
end
local all = redis.call('HGETALL', KEYS[1])
local oldest, since = 0, nil
for i = 1, #all, 2 do
  local detached_at = cjson.decode(all[i + 1])[6]
  if detached_at ~= cjson.null and (since == nil or detached_at < since) then
    oldest, since = i, detached_at
  end
end
if oldest == 0 then return { 0 } end
return { 0, all[oldest], all[oldest + 1] }
