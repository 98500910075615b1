-- Messages about publications, as node-message-codec.ts reads them. Shared by the scripts that append.

-- tail: publicationTail() of node-message-codec.ts, which ends with the newline before the payload
-- data: the payload as JSON text; '' where a key was deleted
local function publication_message(epoch, offset, tail, data)
  return '{"kind":"publication","epoch":"' .. epoch .. '","offset":' .. string.format('%.0f', offset) .. tail .. data
end

-- A key of a map that was deleted by nobody: it ran out. at: ms since the epoch; key: as it is stored.
local function deletion_message(epoch, offset, at, key)
  local tail = ',"at":' .. string.format('%.0f', at) .. ',"key":' .. cjson.encode(key) .. '}'
  return publication_message(epoch, offset, tail, '')
end
