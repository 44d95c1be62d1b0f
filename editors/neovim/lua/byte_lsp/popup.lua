---The popup menu of Neovim's own completion.
local M = {}

---@return boolean
function M.is_open()
  return vim.fn.pumvisible() == 1
end

---True where the user is choosing from the menu.
---@return boolean
function M.has_selection()
  return M.is_open() and vim.fn.complete_info({ 'selected' }).selected >= 0
end

return M
