-- Whether the user has a roster here, and so is known to the directory. Told its `run_id`.
--
-- KEYS  1 entry, as in roster-read
-- ARGV  1 what a known user's roster begins with
-- Gives 1 or 0; 0 says nothing of the user.

local head = 'v' .. string.sub(run_id, 1, 16) .. ARGV[1]
return redis.call('GETRANGE', KEYS[1], 0, #head - 1) == head and 1 or 0
