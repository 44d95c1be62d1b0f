---Ghost text: what is shown, whether it still fits what was typed, and the actions on it.
local completor = require('byte_lsp.completor')
local fit = require('byte_lsp.fit')
local METHOD = require('byte_lsp.replies').METHOD

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('nvim.lsp.inline_completion')

---@param bufnr integer
---@return boolean
function M.is_shown(bufnr)
  local marks = vim.api.nvim_buf_get_extmarks(bufnr, NAMESPACE, 0, -1, { details = true })
  for _, mark in ipairs(marks) do
    local details = assert(mark[4])
    local first_line = vim.tbl_get(details, 'virt_text', 1, 1) or ''
    if first_line ~= '' or #(details.virt_lines or {}) > 0 then
      return true
    end
  end
  return false
end

---What was typed since `item` was asked for, where that is the beginning of `item`.
---@param bufnr integer the current buffer
---@param item vim.lsp.inline_completion.Item
---@return string? typed nil where `item` no longer fits the text before the cursor
local function typed_along(bufnr, item)
  if not item.range or type(item.insert_text) ~= 'string' then
    return ''
  end
  local row, col = item.range:to_extmark()
  return fit.typed_since(bufnr, row, col, item.insert_text)
end

---@param bufnr integer
local function cancel_pending(bufnr)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr, name = 'byte_lsp' })) do
    for id, request in pairs(client.requests) do
      if request.bufnr == bufnr and request.method == METHOD and request.type == 'pending' then
        client:cancel_request(id)
      end
    end
  end
end

---Before Neovim redraws the ghost text at a moved cursor: drop it where it does not go on from what was
---typed, and cancel requests for the place that the cursor has left.
---@param bufnr integer the current buffer
function M.follow_cursor(bufnr)
  local shown = completor.get(bufnr)
  if not shown then
    return
  end
  if shown.current and not typed_along(bufnr, shown.current) then
    shown:abort()
  else
    cancel_pending(bufnr)
  end
end

---Neovim inserts an item over the range it had when it was asked for. Cut off what was typed since.
---@param item vim.lsp.inline_completion.Item
---@param typed string the beginning of `item` that stands before the cursor already
---@return vim.lsp.inline_completion.Item
local function cut_typed(item, typed)
  if typed == '' or not item.range:is_empty() then
    return item
  end
  local rest = vim.tbl_extend('force', item, { insert_text = item.insert_text:sub(#typed + 1) })
  rest.range = nil
  return rest
end

---Insert the suggestion at once: keys that are typed already must find it there.
---@param bufnr integer the current buffer
---@return boolean accepted false where no ghost text is shown, or none that fits what was typed
function M.accept(bufnr)
  local shown = completor.get(bufnr)
  if not shown then
    return M.is_shown(bufnr) and vim.lsp.inline_completion.get({ bufnr = bufnr })
  end
  local item = shown.current
  local typed = item and typed_along(bufnr, item)
  if not item or not typed or not M.is_shown(bufnr) then
    return false
  end
  shown:abort()
  -- Setting the option closes the undo block: undo takes the suggestion back and leaves what was typed.
  vim.go.undolevels = vim.go.undolevels
  shown:accept(cut_typed(item, typed))
  return true
end

---@param bufnr integer
---@return boolean dismissed
function M.dismiss(bufnr)
  local shown = completor.get(bufnr)
  if not shown or not M.is_shown(bufnr) then
    return false
  end
  shown:abort()
  return true
end

---Ask for several items and show the one `count` steps from the first.
---@param bufnr integer the current buffer
---@param count integer
local function request_alternatives(bufnr, count)
  for _, client in ipairs(vim.lsp.get_clients({ bufnr = bufnr, name = 'byte_lsp' })) do
    local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
    ---@cast params lsp.InlineCompletionParams
    params.context = { triggerKind = vim.lsp.protocol.InlineCompletionTriggerKind.Invoked }
    client:request(METHOD, params, function(err, result, ctx)
      local shown = completor.get(bufnr)
      if shown and shown.client_state[client.id] then
        shown:handler(err, result, ctx)
        vim.lsp.inline_completion.select({ bufnr = bufnr, count = count })
      end
    end, bufnr)
  end
end

---@param bufnr integer the current buffer
---@param count integer 1 for the next alternative, -1 for the one before
function M.select(bufnr, count)
  local shown = completor.get(bufnr)
  if not shown or shown:count_items() > 1 then
    vim.lsp.inline_completion.select({ bufnr = bufnr, count = count })
    return
  end
  local step = M.is_shown(bufnr) and count or 0
  cancel_pending(bufnr)
  shown:reset_timer()
  request_alternatives(bufnr, step)
end

return M
