-- SessionStore.confirm and detach
-- KEYS as in presence-rules.lua, of which the first four ARGV are not looked at
-- ARGV[5] id  ARGV[6] generation  ARGV[7] when it was left (steady, ms); '': the client holds the newest token
-- 1: done. 0: another generation has it. -1: nobody knows of it. -2: it is over.
local session = read_session(ARGV[5])
if session == nil then return missing_session(ARGV[5]) end
if session[3] ~= tonumber(ARGV[6]) then return 0 end
if ARGV[7] == '' then
  if session[5] == cjson.null then return 1 end
  session[5] = cjson.null
else
  if session[6] ~= cjson.null then return 1 end
  session[6] = tonumber(ARGV[7])
end
redis.call('HSET', KEYS[4], ARGV[5], cjson.encode(session))
return 1
