-- The stream of revocations, and the life it belongs to. For scripts that are told their `run_id`.
--
-- KEYS  1 the stream: entries `N-0`, N counts from 1 without a gap
--       2 state, a hash: life, and n, the number of the newest entry
--
-- A life ends with the server: one that was started again, or took over, may lack what was added last, and would give the
-- same numbers again. It ends with FLUSHALL too. Whoever finds another life than before reads the database.

local function open_life(new_life)
  local run = string.sub(run_id, 1, 16)
  local state = redis.call('HMGET', KEYS[2], 'life', 'n')
  if state[1] and string.sub(state[1], 1, 16) == run then
    return state[1], tonumber(state[2])
  end
  local life = run .. new_life
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'life', life, 'n', 0)
  return life, 0
end
