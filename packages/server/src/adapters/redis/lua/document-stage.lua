-- Puts a part of a state aside, until the script that keeps the whole takes it. What nobody takes runs out.
--
-- KEYS[1]  the place for it: a hash of parts by their number
-- ARGV  1 the part's number   2 its content   3 how long it is kept, ms

redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
