-- The message about somebody who came into a channel or left it, as node-message-codec.ts reads it.

-- user: JSON text of the name; joined: a boolean
local function member_message(user, joined, version, prev)
  return '{"kind":"member","user":' .. user .. ',"joined":' .. tostring(joined)
    .. ',"version":' .. string.format('%.0f', version) .. ',"prev":' .. string.format('%.0f', prev) .. '}'
end
