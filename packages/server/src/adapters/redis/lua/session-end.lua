-- SessionStore.end, which lets go of the device too
-- KEYS and ARGV[1..4] as in presence-rules.lua  ARGV[5] id  ARGV[6] generation  ARGV[7] the node that asks
-- {1, new record or false}: it is over. {0}: another generation has it. {-1}, {-2} as in session-change.lua.
local session = read_session(ARGV[5])
if session == nil then return { missing_session(ARGV[5]) } end
if session[3] ~= tonumber(ARGV[6]) then return { 0 } end
drop_session(ARGV[5], session, ARGV[7])
return { 1, show() }
