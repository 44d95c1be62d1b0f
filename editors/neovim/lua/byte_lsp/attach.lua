---What happens in a buffer when the server attaches to it.
local M = {}

local METHOD = require('byte_lsp.replies').METHOD
local installed = false

---@param event { buf: integer, data: { client_id: integer } }
local function on_attach(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  if client and client.name == 'byte_lsp' and client:supports_method(METHOD, event.buf) then
    require('byte_lsp.replies').watch(client)
    vim.lsp.inline_completion.enable(true, { bufnr = event.buf })
    require('byte_lsp.keymaps').set(event.buf)
  end
end

---@param event { buf: integer, data: { client_id: integer } }
local function on_detach(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  if client and client.name == 'byte_lsp' then
    require('byte_lsp.keymaps').remove(event.buf)
  end
end

---@param event { buf: integer }
local function on_cursor(event)
  require('byte_lsp.ghost').follow_cursor(event.buf)
end

---Listen for the server. Idempotent.
---
---Autocommands run in the order of their creation: these are made before any buffer's inline completion,
---so that the ghost text is looked at before Neovim draws it again.
function M.install()
  if installed then
    return
  end
  installed = true
  local group = vim.api.nvim_create_augroup('byte_lsp', { clear = true })
  local create = vim.api.nvim_create_autocmd
  create('LspAttach', { group = group, callback = on_attach })
  create('LspDetach', { group = group, callback = on_detach })
  create({ 'CursorMovedI', 'TextChangedP' }, { group = group, callback = on_cursor })
end

return M
