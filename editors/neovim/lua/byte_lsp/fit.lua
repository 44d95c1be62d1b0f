---Whether a suggestion still goes on from what stands before the cursor.
local M = {}

---What stands between a place and the cursor, where `text` begins with it.
---@param bufnr integer the current buffer
---@param row integer 0-based
---@param col integer 0-based, in bytes
---@param text string a suggestion made for that place
---@return string? typed nil where `text` no longer fits
function M.typed_since(bufnr, row, col, text)
  local cursor_row, cursor_col = unpack(vim.api.nvim_win_get_cursor(0))
  if cursor_row - 1 ~= row or cursor_col < col then
    return nil
  end
  local typed = vim.api.nvim_buf_get_text(bufnr, row, col, row, cursor_col, {})[1]
  return vim.startswith(text, typed) and typed or nil
end

return M
