---Tells the server what became of its suggestions.
local clients = require('byte_lsp.clients')
local units = require('byte_lsp.units')

local M = {}

---@param bufnr integer
---@param method string
---@param params table
local function notify(bufnr, method, params)
  local client = clients.get(bufnr)
  if client then
    clients.notify(client, method, params)
  end
end

---The user works in this buffer now.
---@param bufnr integer
function M.focused(bufnr)
  notify(bufnr, 'textDocument/didFocus', { textDocument = { uri = vim.uri_from_bufnr(bufnr) } })
end

---@param item byte_lsp.Item
function M.shown(item)
  notify(item.place.bufnr, 'textDocument/didShowCompletion', { item = item.raw })
end

---@param item byte_lsp.Item
---@param left string what of it was not accepted
function M.partly_accepted(item, left)
  local accepted = item.typed .. item.insert:sub(1, #item.insert - #left)
  notify(item.place.bufnr, 'textDocument/didPartiallyAcceptCompletion', {
    item = item.raw,
    acceptedLength = units.count(accepted, 'utf-16'),
  })
end

---@param item byte_lsp.Item
function M.accepted(item)
  local client = clients.get(item.place.bufnr)
  if client and item.raw.command then
    clients.execute(client, item.raw.command, item.place.bufnr)
  end
end

return M
