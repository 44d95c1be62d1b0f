---Mend the server's suggestions before Neovim shows them.
---
---Neovim shows whatever arrives. A suggestion that comes late, for a cursor that has gone elsewhere, is
---dropped here; line ends become the ones that Neovim's buffers use.
local fit = require('byte_lsp.fit')

local M = {}

M.METHOD = 'textDocument/inlineCompletion'

---@param item lsp.InlineCompletionItem
---@param ctx lsp.HandlerContext
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return boolean
local function fits_cursor(item, ctx, encoding)
  local start = item.range.start
  local line = vim.api.nvim_buf_get_lines(ctx.bufnr, start.line, start.line + 1, false)[1]
  if not line or type(item.insertText) ~= 'string' then
    return line ~= nil
  end
  local col = vim.str_byteindex(line, encoding, start.character, false)
  return fit.typed_since(ctx.bufnr, start.line, col, item.insertText) ~= nil
end

---@param result? lsp.InlineCompletionItem[]|lsp.InlineCompletionList
---@param ctx lsp.HandlerContext
---@param encoding 'utf-8'|'utf-16'|'utf-32'
---@return lsp.InlineCompletionItem[]?
local function mend(result, ctx, encoding)
  if type(result) ~= 'table' or ctx.bufnr ~= vim.api.nvim_get_current_buf() then
    return nil
  end
  local position = ctx.params.position
  return vim
    .iter(result.items or result)
    :map(function(item)
      item.range = item.range or { start = position, ['end'] = position }
      if type(item.insertText) == 'string' then
        item.insertText = item.insertText:gsub('\r\n?', '\n')
      end
      return item
    end)
    :filter(function(item)
      return fits_cursor(item, ctx, encoding)
    end)
    :totable()
end

---Stand between `client`'s answers and Neovim, for inline completions only. Idempotent.
---@param client vim.lsp.Client
function M.watch(client)
  if rawget(client, 'byte_lsp_watched') then
    return
  end
  rawset(client, 'byte_lsp_watched', true)
  local request = client.request
  ---@diagnostic disable-next-line: duplicate-set-field
  client.request = function(self, method, params, handler, bufnr)
    if method == M.METHOD and handler then
      local show = handler
      handler = function(err, result, ctx)
        return show(err, mend(result, ctx, self.offset_encoding), ctx)
      end
    end
    return request(self, method, params, handler, bufnr)
  end
end

return M
