-- A resume that was given up without an answer may have been carried out: then nobody holds what it led to.
-- KEYS[1] the user's sessions  ARGV: hash of the token that it gave and nobody was told, node, the time (steady, ms)
-- {id, generation} of the session, which waits for its client from now on; false: the resume did not take place
local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local session = cjson.decode(all[i + 1])
  if session[4] == ARGV[1] and session[2] == ARGV[2] then
    if session[6] == cjson.null then
      session[6] = tonumber(ARGV[3])
      redis.call('HSET', KEYS[1], all[i], cjson.encode(session))
    end
    return { all[i], session[3] }
  end
end
return false
