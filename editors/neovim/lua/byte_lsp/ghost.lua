---Draws ghost text: extmarks that show what would be inserted where.
local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('byte_lsp.ghost')
local TEXT, HINT = 'ByteLspSuggestion', 'ByteLspHint'

---Give the highlight groups their looks, where the user or a color scheme has not.
function M.set_highlights()
  local has_native = vim.fn.hlexists('ComplHint') == 1
  vim.api.nvim_set_hl(0, TEXT, { link = has_native and 'ComplHint' or 'NonText', default = true })
  vim.api.nvim_set_hl(
    0,
    HINT,
    { link = has_native and 'ComplHintMore' or 'MoreMsg', default = true }
  )
end

---@param text string
---@param column integer the cell that it begins at
---@return string text with spaces in place of tabs, as wide as the tabs would be
local function expand_tabs(text, column)
  local head, rest = text:match('^([^\t]*)\t(.*)$')
  while head do
    local width = vim.fn.strdisplaywidth('\t', column + vim.fn.strdisplaywidth(head, column))
    text = head .. (' '):rep(width) .. rest
    head, rest = text:match('^([^\t]*)\t(.*)$')
  end
  return text
end

---@class byte_lsp.Piece
---@field offset integer bytes behind the cursor
---@field text string

---Split `text` around the characters of `behind`, which stand on the screen already, from the end on.
---@param text string
---@param behind string
---@return byte_lsp.Piece[]
local function split_around(text, behind)
  local characters, stands = vim.fn.split(text, '\\zs'), vim.fn.split(behind, '\\zs')
  local pieces, piece, offset = {}, '', #behind ---@type byte_lsp.Piece[], string, integer
  for index = #characters, 1, -1 do
    if #stands > 0 and characters[index] == stands[#stands] then
      table.insert(pieces, { offset = offset, text = piece })
      offset, piece = offset - #table.remove(stands), ''
    else
      piece = characters[index] .. piece
    end
  end
  if #stands > 0 then
    return { { offset = 0, text = text } }
  end
  table.insert(pieces, { offset = offset, text = piece })
  return pieces
end

---@param bufnr integer
---@param row integer
---@param col integer
---@param chunks [string, string?][]
---@param details vim.api.keyset.set_extmark
local function mark(bufnr, row, col, chunks, details)
  details.virt_text, details.hl_mode, details.undo_restore = chunks, 'combine', false
  vim.api.nvim_buf_set_extmark(bufnr, NAMESPACE, row, col, details)
end

---@param lines string[] those below the first
---@param tail string what goes down with the last of them
---@param hint string
---@return [string, string?][][]
local function draw_lines(lines, tail, hint)
  local drawn = vim.tbl_map(function(line)
    return { { expand_tabs(line, 0), TEXT } }
  end, lines)
  vim.list_extend(drawn[#drawn], { { tail }, { hint, HINT } })
  return drawn
end

---@param bufnr integer
---@param rest byte_lsp.Rest
---@param row integer 0-based, the cursor's
---@param col integer 0-based, in bytes
---@param opts { hint: string, first_line_only: boolean }
local function draw_at(bufnr, rest, row, col, opts)
  local lines = vim.split(rest.text, '\n')
  local before = vim.api.nvim_get_current_line():sub(1, col)
  local first = expand_tabs(table.remove(lines, 1), vim.fn.strdisplaywidth(before))
  if #lines == 0 or opts.first_line_only then
    for _, piece in ipairs(split_around(first, #lines == 0 and rest.behind or '')) do
      if piece.text ~= '' then
        mark(bufnr, row, col + piece.offset, { { piece.text, TEXT } }, { virt_text_pos = 'inline' })
      end
    end
    return
  end
  local covered = vim.fn.strdisplaywidth(rest.behind .. rest.tail)
  local blank = (' '):rep(covered - vim.fn.strdisplaywidth(first))
  mark(bufnr, row, col, { { first, TEXT }, { blank } }, {
    virt_text_pos = covered > 0 and 'overlay' or 'inline',
    virt_lines = draw_lines(lines, rest.tail, opts.hint),
  })
end

---Show `rest` at the cursor in place of what is shown.
---@param bufnr integer the current buffer
---@param rest byte_lsp.Rest
---@param opts { hint: string, first_line_only: boolean }
function M.draw(bufnr, rest, opts)
  M.clear(bufnr)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  draw_at(bufnr, rest, row - 1, col, opts)
  if opts.hint ~= '' and not rest.text:find('\n', 1, true) then
    local chunk = { { opts.hint, HINT } }
    mark(bufnr, row - 1, #vim.api.nvim_get_current_line(), chunk, { virt_text_pos = 'inline' })
  end
end

---@param bufnr integer
function M.clear(bufnr)
  vim.api.nvim_buf_clear_namespace(bufnr, NAMESPACE, 0, -1)
end

---@param bufnr integer
---@return boolean
function M.is_shown(bufnr)
  return #vim.api.nvim_buf_get_extmarks(bufnr, NAMESPACE, 0, -1, { limit = 1 }) > 0
end

return M
