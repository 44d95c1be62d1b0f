---Byte offsets, and the units that LSP counts in.
local M = {}

---@alias byte_lsp.Encoding 'utf-8'|'utf-16'|'utf-32'

---How long `text` is.
---@param text string
---@param encoding byte_lsp.Encoding
---@return integer units
function M.count(text, encoding)
  if encoding == 'utf-8' then
    return #text
  end
  -- Composing characters count by themselves, as in LSP.
  return encoding == 'utf-16' and vim.fn.strutf16len(text, true) or vim.fn.strchars(text)
end

---@param text string
---@param units integer
---@param encoding byte_lsp.Encoding
---@return integer offset in bytes, at most the length of `text`
function M.to_byte(text, units, encoding)
  if encoding == 'utf-8' then
    return math.min(units, #text)
  end
  local offset = vim.fn.byteidxcomp(text, units, encoding == 'utf-16')
  return offset < 0 and #text or offset
end

return M
