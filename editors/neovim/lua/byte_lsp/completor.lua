---The one place that reaches behind Neovim's public interface.
---
---|vim.lsp.inline_completion| can show, switch, and accept a little later. It has no public way to hide a
---suggestion, to ask for alternatives, to see what is shown, or to accept it at once; those need the object
---that Neovim keeps per buffer.
local M = {}

---@class byte_lsp.Completor
---@field current? vim.lsp.inline_completion.Item the item shown, if any
---@field client_state table<integer, table>
---@field abort fun(self: byte_lsp.Completor) hide, and cancel what is pending
---@field accept fun(self: byte_lsp.Completor, item: vim.lsp.inline_completion.Item) insert
---@field count_items fun(self: byte_lsp.Completor): integer
---@field handler fun(self: byte_lsp.Completor, err?: table, result: any, ctx: lsp.HandlerContext)
---@field reset_timer fun(self: byte_lsp.Completor)

local METHODS = { 'abort', 'accept', 'count_items', 'handler', 'reset_timer' }

---@return table<integer, byte_lsp.Completor>? active nil where this Neovim keeps it elsewhere
local function find_active()
  local found, capability = pcall(require, 'vim.lsp._capability')
  local class = found and vim.tbl_get(capability, 'all', 'inline_completion')
  if type(class) ~= 'table' or type(class.active) ~= 'table' then
    return nil
  end
  for _, method in ipairs(METHODS) do
    if type(class[method]) ~= 'function' then
      return nil
    end
  end
  return class.active
end

---True where this Neovim's internals are as this plugin expects them.
---@return boolean
function M.is_known()
  return vim.lsp.inline_completion ~= nil and find_active() ~= nil
end

---@param bufnr integer
---@return byte_lsp.Completor?
function M.get(bufnr)
  local active = find_active()
  return active and active[bufnr]
end

return M
