-- The message about a user's new visible record, as node-message-codec.ts reads it.

-- prev: the version before; record: JSON text of {user, version, s, fields, lastSeenMs}
local function presence_message(prev, record)
  return '{"kind":"presence","prev":' .. string.format('%.0f', prev) .. ',"record":' .. record .. '}'
end
