---Puts accepted text into the buffer.
local M = {}

---Insert `text` at the cursor in place of `behind`, as an undo step of its own.
---
---|nvim_paste()| takes the text as it is, whatever 'autoindent', 'textwidth' and abbreviations would make
---of it, and has |.| repeat it with what was typed around it.
---@param bufnr integer the current buffer
---@param text string
---@param behind string
function M.insert(bufnr, text, behind)
  -- Setting the option closes the undo block, as CTRL-G u does for the keys that come next.
  vim.go.undolevels = vim.go.undolevels
  if behind ~= '' then
    local row, col = unpack(vim.api.nvim_win_get_cursor(0))
    vim.api.nvim_buf_set_text(bufnr, row - 1, col, row - 1, col + #behind, {})
  end
  vim.api.nvim_paste(text, false, -1)
  vim.api.nvim_feedkeys(vim.keycode('<C-g>u'), 'in', false)
end

return M
