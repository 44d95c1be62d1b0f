---What plain tokenization and token healing would say here, beside byte-lsp's exact answer.
local clients = require('byte_lsp.clients')
local units = require('byte_lsp.units')

local M = {}

local METHOD = 'byteLsp/compare'

---The cursor; just after insert mode was left, the place where it stood there, one character on.
---@param bufnr integer the current buffer
---@return integer row 0-based
---@return integer col 0-based, in bytes
local function find_place(bufnr)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  local left_row, left_col = unpack(vim.api.nvim_buf_get_mark(bufnr, '^'))
  local character = vim.fn.matchstr(vim.api.nvim_get_current_line():sub(col + 1), '^.')
  local was_left_here = left_row == row and left_col == col + #character
  local is_normal = vim.startswith(vim.api.nvim_get_mode().mode, 'n')
  return row - 1, is_normal and was_left_here and left_col or col
end

---@param arms { arm: string, text: string }[]
---@param typed string the end of what stands before the cursor
---@return string[]
local function spell(arms, typed)
  local lines = {}
  for _, arm in ipairs(arms) do
    local said = vim.split(arm.text, '\n')
    table.insert(lines, ('%-8s %s|%s'):format(arm.arm, typed, said[1]))
    for index = 2, #said do
      table.insert(lines, (' '):rep(9) .. said[index])
    end
  end
  return lines
end

---Show in a small window what each way to treat the cursor would say.
---@param bufnr integer the current buffer
function M.show(bufnr)
  local client = clients.get(bufnr)
  if not client then
    vim.notify(
      'byte-lsp: no server in this buffer. See :checkhealth byte_lsp.',
      vim.log.levels.WARN
    )
    return
  end
  local row, col = find_place(bufnr)
  local before = vim.api.nvim_buf_get_lines(bufnr, row, row + 1, true)[1]:sub(1, col)
  clients.request(client, METHOD, {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    position = { line = row, character = units.count(before, client.offset_encoding) },
  }, function(err, result)
    if err then
      vim.notify('byte-lsp: nothing to compare: ' .. err.message, vim.log.levels.WARN)
    elseif vim.api.nvim_get_current_buf() == bufnr then
      require('byte_lsp.float').open('byte-lsp compare', spell(result.arms, before:match('%S*$')))
    end
  end, bufnr)
end

return M
