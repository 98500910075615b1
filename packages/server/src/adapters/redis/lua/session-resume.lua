-- SessionStore.resume, as core/session/resume.ts decides it
-- KEYS[1] the user's sessions
-- ARGV: hash of the token, hash of the next one, node, the time (steady, ms), grace, ms
-- {1, id, session as JSON, the node before} or {0, reason}
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local session = cjson.decode(all[i + 1])
  if session[4] == ARGV[1] or session[5] == ARGV[1] then
    if session[6] ~= cjson.null and tonumber(ARGV[4]) - session[6] >= tonumber(ARGV[5]) then
      return { 0, 'expired' }
    end
    local from = session[2]
    session[2] = ARGV[3]
    session[3] = session[3] + 1
    session[4] = ARGV[2]
    -- The client surely holds the token it presented; whether the reply with the next one arrives is not yet known.
    session[5] = ARGV[1]
    session[6] = cjson.null
    local text = cjson.encode(session)
    redis.call('HSET', KEYS[1], all[i], text)
    return { 1, all[i], text, from }
  end
end
return { 0, 'unknown' }
