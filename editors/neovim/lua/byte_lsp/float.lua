---A small window at the cursor, closed by q, Esc, or going on.
local M = {}

---@param title string
---@param lines string[]
---@return integer bufnr
function M.open(title, lines)
  local bufnr, winid = vim.lsp.util.open_floating_preview(lines, '', {
    border = 'rounded',
    title = (' %s '):format(title),
    focus_id = 'byte_lsp',
    wrap = false,
  })
  vim.keymap.set('n', '<Esc>', function()
    vim.api.nvim_win_close(winid, true)
  end, { buffer = bufnr, nowait = true, desc = 'Close' })
  return bufnr
end

return M
