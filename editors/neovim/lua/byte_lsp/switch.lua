---Suggestions on and off: for a buffer, for a filetype, or everywhere.
local clients = require('byte_lsp.clients')

local M = {}

---@alias byte_lsp.Scope 'global'|'buffer'|'filetype'

---The nearest of buffer, filetype and everywhere that says something decides.
---@param bufnr integer
---@return boolean
function M.is_enabled(bufnr)
  local of_filetype = require('byte_lsp.options').current.filetypes[vim.bo[bufnr].filetype]
  if vim.b[bufnr].byte_lsp_enabled ~= nil then
    return vim.b[bufnr].byte_lsp_enabled
  elseif of_filetype ~= nil then
    return of_filetype
  end
  return vim.g.byte_lsp_enabled ~= false
end

---True where suggestions are this plugin's to show: a server makes them, and they are enabled.
---@param bufnr integer
---@return boolean
function M.is_on(bufnr)
  local client = clients.get(bufnr)
  return client ~= nil
    and require('byte_lsp.options').current.ghost_text
    and clients.suggests(client)
    and M.is_enabled(bufnr)
end

---Switch suggestions on or off. What a narrower scope said of this buffer is forgotten: they are on, or
---off, here in any case.
---@param bufnr integer
---@param scope byte_lsp.Scope
---@param enabled boolean
function M.set(bufnr, scope, enabled)
  local filetypes, filetype = require('byte_lsp.options').current.filetypes, vim.bo[bufnr].filetype
  vim.b[bufnr].byte_lsp_enabled = nil
  if scope == 'buffer' then
    vim.b[bufnr].byte_lsp_enabled = enabled
  elseif scope == 'filetype' then
    filetypes[filetype] = enabled
  else
    filetypes[filetype] = nil
    vim.g.byte_lsp_enabled = enabled
  end
  require('byte_lsp.typing').follow()
  require('byte_lsp.status').announce()
end

return M
