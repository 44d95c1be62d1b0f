---What the server suggests: text for one place, and what of it is left once some of it was typed.
local places = require('byte_lsp.places')
local units = require('byte_lsp.units')

local M = {}

---@class byte_lsp.Item
---@field place byte_lsp.Place
---@field insert string what goes in at the place
---@field behind string what it takes the place of, behind the cursor
---@field typed string what the server's text had before the place: it stood there already
---@field raw table the item as the server sent it

---@class byte_lsp.Rest what of an item would go in at the cursor now
---@field text string
---@field behind string what it takes the place of
---@field tail string what stands behind that on the cursor's line
---@field before string what stands before the cursor, from the beginning of the item's line on

---@param raw table an LSP inline completion item
---@param place byte_lsp.Place where it was asked for
---@param encoding byte_lsp.Encoding
---@return byte_lsp.Item? item nil where it cannot be shown as ghost text at the place
function M.read(raw, place, encoding)
  local text = raw.insertText
  if type(text) ~= 'string' then
    return nil
  end
  local start, stop = #place.before, #place.before
  if raw.range then
    if raw.range.start.line ~= place.row or raw.range['end'].line ~= place.row then
      return nil
    end
    local line = place.before .. place.after
    start = units.to_byte(line, raw.range.start.character, encoding)
    stop = units.to_byte(line, raw.range['end'].character, encoding)
  end
  local typed = place.before:sub(start + 1)
  text = text:gsub('\r\n?', '\n')
  if start > #place.before or stop < #place.before or not vim.startswith(text, typed) then
    return nil
  end
  return {
    place = place,
    insert = text:sub(#typed + 1),
    behind = place.after:sub(1, stop - #place.before),
    typed = typed,
    raw = raw,
  }
end

---@param part string
---@param whole string
---@return boolean in_order true where all bytes of `part` come up in `whole`, one after the other
local function has_in_order(part, whole)
  local at = 0
  for index = 1, #part do
    local found = whole:find(part:sub(index, index), at + 1, true)
    if not found then
      return false
    end
    at = found
  end
  return true
end

---What is left of `item` at the cursor.
---
---What stands before the cursor must be the beginning of what the line would be. Behind the cursor only
---closers may have come (set by the editor) or gone (typed over), and none while the cursor went back.
---@param item byte_lsp.Item
---@return byte_lsp.Rest? rest nil where the item does not go on from here, or all of it stands there
function M.rest(item)
  local place = item.place
  local before, after = places.around_cursor(place)
  local whole = place.before .. item.insert
  local tail = place.after:sub(#item.behind + 1)
  if not before or not vim.startswith(whole, before) or not vim.endswith(after, tail) then
    return nil
  end
  local text = whole:sub(#before + 1)
  local behind = after:sub(1, #after - #tail)
  if text == '' or text == behind then
    return nil
  end
  local has_typed = #before > #place.before
  if
    behind ~= item.behind and not (has_typed and has_in_order(behind, vim.split(text, '\n')[1]))
  then
    return nil
  end
  return { text = text, behind = behind, tail = tail, before = before }
end

---The same suggestion, as if `place`, where the cursor is, had been asked about.
---@param item byte_lsp.Item
---@param rest byte_lsp.Rest
---@param place byte_lsp.Place
---@return byte_lsp.Item
function M.move(item, rest, place)
  local typed = item.typed .. item.insert:sub(1, #item.insert - #rest.text)
  return { place = place, insert = rest.text, behind = rest.behind, typed = typed, raw = item.raw }
end

return M
