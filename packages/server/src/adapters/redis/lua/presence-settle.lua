-- Every node has put back what it holds: shows what differs from what was shown before, and ends the holding back.
-- KEYS and ARGV[1..4] as in presence-rules.lua
-- the new record or false
redis.call('DEL', KEYS[3])
return show()
