---Where the server was asked: the cursor and its line at that time, found again after edits elsewhere.
local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('byte_lsp.places')

---@class byte_lsp.Place
---@field bufnr integer
---@field row integer 0-based, when the place was made
---@field before string what stood before the cursor on its line
---@field after string what stood behind it
---@field mark integer

---@param bufnr integer the current buffer
---@return byte_lsp.Place
function M.at_cursor(bufnr)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local line = vim.api.nvim_get_current_line()
  return {
    bufnr = bufnr,
    row = row - 1,
    before = line:sub(1, col),
    after = line:sub(col + 1),
    mark = vim.api.nvim_buf_set_extmark(bufnr, NAMESPACE, row - 1, col, {
      right_gravity = false,
      undo_restore = false,
    }),
  }
end

---What stands around the cursor now, before it from the beginning of the place's line on.
---@param place byte_lsp.Place
---@return string? before nil where the cursor is above the place, or in another buffer
---@return string? after
function M.around_cursor(place)
  if vim.api.nvim_get_current_buf() ~= place.bufnr then
    return nil
  end
  local found = vim.api.nvim_buf_get_extmark_by_id(place.bufnr, NAMESPACE, place.mark, {})
  local cursor_row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local row = cursor_row - 1
  if not found[1] or found[1] > row then
    return nil
  end
  local before = vim.api.nvim_buf_get_text(place.bufnr, found[1], 0, row, col, {})
  return table.concat(before, '\n'), vim.api.nvim_get_current_line():sub(col + 1)
end

---@param place byte_lsp.Place
function M.forget(place)
  if vim.api.nvim_buf_is_valid(place.bufnr) then
    vim.api.nvim_buf_del_extmark(place.bufnr, NAMESPACE, place.mark)
  end
end

return M
