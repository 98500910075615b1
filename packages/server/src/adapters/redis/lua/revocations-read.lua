-- What was revoked since.
--
-- KEYS  as in revocations-life
-- ARGV  1 what a new life is named  2 the number behind which to read  3 entries at most
-- Gives the life, the newest number, and the entries as XRANGE does; what is not kept any more is missing from their beginning.

local life, newest = open_life(ARGV[1])
local since = tonumber(ARGV[2])
if since >= newest then
  return { life, newest, {} }
end
local entries = redis.call('XRANGE', KEYS[1], string.format('%.0f-0', since + 1), '+', 'COUNT', ARGV[3])
return { life, newest, entries }
