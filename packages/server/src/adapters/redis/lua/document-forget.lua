-- DocumentStore.forget.
--
-- KEYS[1..2]  head and state of the snapshot   KEYS[3..4]  ids and heads of versions   KEYS[5..]  the states of all versions
-- ARGV  their ids in UTF-16BE, in the same order
-- Returns 1, or 0: there are other versions than these, and nothing was done

if redis.call('ZCARD', KEYS[3]) ~= #ARGV then return 0 end
for _, id in ipairs(ARGV) do
  if not redis.call('ZSCORE', KEYS[3], id) then return 0 end
end
for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end
return 1
