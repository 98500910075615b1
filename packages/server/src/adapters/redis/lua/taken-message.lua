-- The message to the nodes of a user that a session went on elsewhere, as node-message-codec.ts reads it.

-- user, session: JSON text
local function taken_message(user, session, generation)
  return '{"kind":"taken","user":' .. user .. ',"session":' .. session
    .. ',"generation":' .. string.format('%.0f', generation) .. '}'
end
