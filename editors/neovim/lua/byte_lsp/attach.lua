---What happens when the server attaches to a buffer, and what the plugin listens to.
local clients = require('byte_lsp.clients')

local M = {}

local installed = false

---@param event { buf: integer, data: { client_id: integer } }
---@return vim.lsp.Client? client where it is the server's
local function own_client(event)
  local client = vim.lsp.get_client_by_id(event.data.client_id)
  return client and client.name == clients.NAME and client or nil
end

local function on_attach(event)
  local client = own_client(event)
  if client then
    require('byte_lsp.recovery').attached(client, event.buf)
  end
  if client and require('byte_lsp.options').current.ghost_text and clients.take_over(client) then
    require('byte_lsp.keymaps').set(event.buf)
    if event.buf == vim.api.nvim_get_current_buf() then
      require('byte_lsp.reports').focused(event.buf)
      require('byte_lsp.typing').follow()
    end
  end
end

local function on_detach(event)
  if own_client(event) then
    require('byte_lsp.keymaps').remove(event.buf)
    require('byte_lsp.typing').reset()
    vim.schedule(require('byte_lsp.status').announce)
  end
end

local function on_progress(event)
  if own_client(event) then
    require('byte_lsp.progress').take(event.data.params)
  end
end

local function on_focus(event)
  if clients.get(event.buf) then
    require('byte_lsp.reports').focused(event.buf)
  end
end

local function on_change()
  require('byte_lsp.typing').follow()
end

local function on_leave()
  require('byte_lsp.typing').reset()
end

---Listen for the server, and define the command. Idempotent.
function M.install()
  if installed then
    return
  end
  installed = true
  local group = vim.api.nvim_create_augroup('byte_lsp', { clear = true })
  local function on(events, callback, pattern)
    vim.api.nvim_create_autocmd(events, { group = group, callback = callback, pattern = pattern })
  end
  on('LspAttach', on_attach)
  on('LspDetach', on_detach)
  on('LspProgress', on_progress)
  on('BufEnter', on_focus)
  on(
    { 'CursorMovedI', 'TextChangedI', 'TextChangedP', 'CompleteChanged', 'CompleteDone' },
    on_change
  )
  on({ 'WinEnter', 'BufEnter' }, on_change)
  on('ModeChanged', on_change, '*:i*')
  on('ModeChanged', on_leave, 'i*:[^i]*')
  on('ColorScheme', require('byte_lsp.ghost').set_highlights)
  require('byte_lsp.ghost').set_highlights()
  require('byte_lsp.commands').install()
end

return M
