---Starts the server: by |vim.lsp.enable()|, and on Neovim 0.10, which has none, by autocommand.
local clients = require('byte_lsp.clients')

local M = {}

local ROOT_MARKERS = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' }
local has_enable = vim.fn.has('nvim-0.11') == 1

---One server for all projects: each one holds a model in memory.
---@param client vim.lsp.Client
---@param config vim.lsp.ClientConfig
local function can_reuse(client, config)
  return client.name == config.name and not clients.is_stopped(client)
end

---The configuration for `lsp/byte_lsp.lua`.
---@return vim.lsp.Config
function M.config()
  return {
    cmd = { 'byte-lsp' },
    root_markers = ROOT_MARKERS,
    reuse_client = can_reuse,
    handlers = require('byte_lsp.status').handlers,
    on_exit = require('byte_lsp.recovery').on_exit,
    -- Before 0.12 Neovim does not say this by itself.
    capabilities = {
      textDocument = { inlineCompletion = { dynamicRegistration = false } },
    },
  }
end

---Give a buffer the server; start that if it is not running.
---@param bufnr integer
---@param config vim.lsp.ClientConfig
---@return integer? client_id nil where it cannot be started
function M.attach(bufnr, config)
  return vim.lsp.start(config, { bufnr = bufnr, reuse_client = can_reuse })
end

---@param bufnr integer
---@param options byte_lsp.ResolvedOptions
local function start(bufnr, options)
  if vim.bo[bufnr].buftype ~= '' or vim.bo[bufnr].filetype == '' then
    return
  end
  local config = M.config()
  M.attach(bufnr, {
    name = clients.NAME,
    cmd = options.cmd or config.cmd,
    root_dir = vim.fs.root(bufnr, ROOT_MARKERS),
    settings = M.settings(options),
    handlers = config.handlers,
    on_exit = config.on_exit,
    capabilities = vim.tbl_deep_extend(
      'force',
      vim.lsp.protocol.make_client_capabilities(),
      config.capabilities
    ),
  })
end

---@param options byte_lsp.ResolvedOptions
---@return table? settings nil for none: an empty Lua table would reach the server as an empty array
function M.settings(options)
  return next(options.settings) and { byteLsp = options.settings } or nil
end

---@param options byte_lsp.ResolvedOptions
local function start_by_autocommand(options)
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('byte_lsp.start', { clear = true }),
    callback = function(event)
      start(event.buf, options)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      start(bufnr, options)
    end
  end
end

---Start the server for all buffers, those that are open and those to come.
---@param options byte_lsp.ResolvedOptions
function M.enable(options)
  if not has_enable then
    start_by_autocommand(options)
    return
  end
  vim.lsp.config(clients.NAME, { cmd = options.cmd, settings = M.settings(options) })
  vim.lsp.enable(clients.NAME)
end

---Load the model anew; where the server itself has ended, start that.
function M.restart()
  require('byte_lsp.recovery').forget()
  local client = clients.get()
  if client and not clients.is_stopped(client) then
    clients.execute(client, { title = '', command = 'byteLsp.restart' }, 0)
  elseif has_enable then
    vim.lsp.enable(clients.NAME, false)
    vim.lsp.enable(clients.NAME)
  else
    start_by_autocommand(require('byte_lsp.options').current)
  end
end

---Change the server's settings while it runs, and for as long as this Neovim does.
---@param client vim.lsp.Client
---@param changes table<string, any> as under "byteLsp"
function M.change_settings(client, changes)
  local options = require('byte_lsp.options').current
  options.settings = vim.tbl_deep_extend('force', options.settings, changes)
  client.settings = vim.tbl_deep_extend('force', client.settings or {}, { byteLsp = changes })
  if has_enable then
    vim.lsp.config(clients.NAME, { settings = { byteLsp = changes } })
  end
  clients.notify(client, 'workspace/didChangeConfiguration', { settings = client.settings })
end

return M
