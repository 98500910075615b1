-- PresenceStore.erase
-- KEYS and ARGV[1..4] as in presence-rules.lua
-- the last record that others are shown, as show() gives it, or false
redis.call('DEL', KEYS[1], KEYS[3])
local shown = show()
redis.call('DEL', KEYS[2])
return shown
