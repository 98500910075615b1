-- An edit of a viewer's roster is over.
--
-- KEYS  1 entry  2 edits, as in roster-read
-- ARGV  1 the edit's id
-- Gives 1. The entry goes once more: where Redis lost the mark of the edit, somebody may have filled in what was before it.

redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[1])
return 1
