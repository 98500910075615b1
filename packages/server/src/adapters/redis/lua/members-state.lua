-- What is known of the changes of who is in a channel: field '' of KEYS[2] (no user is called so), "<version> <incarnation>".
-- Expects run_id, which life of which server runs this: another one may have lost what was acknowledged last, and then a new
-- incarnation begins. So it does where nothing is known.

-- How long that outlives the last user, ms: by then every node has put back what it held.
local KEPT_EMPTY_MS = 3600000

-- now: ms. Returns the version, the incarnation that counts from here on, and whether that one is written down.
local function members_state(now)
  local known = redis.call('HGET', KEYS[2], '')
  if not known then return 0, run_id .. ':' .. string.format('%.0f', now), false end
  local version, incarnation = string.match(known, '^(%d+) (.+)$')
  if string.sub(incarnation, 1, #run_id + 1) ~= run_id .. ':' then
    return tonumber(version), run_id .. ':' .. string.format('%.0f', now), false
  end
  return tonumber(version), incarnation, true
end

-- Versions are microseconds, so that none comes again where the store lost the newest.
local function next_version(prev, now)
  return math.max(prev + 1, now * 1000)
end

local function write_members_state(version, incarnation)
  redis.call('HSET', KEYS[2], '', string.format('%.0f', version) .. ' ' .. incarnation)
end
