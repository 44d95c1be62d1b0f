---Insert-mode keys of a buffer. A key that has nothing to do here means what it meant before.
local byte_lsp = require('byte_lsp')
local options = require('byte_lsp.options')

local M = {}

---@param keys string
---@return string
local function encode(keys)
  return vim.api.nvim_replace_termcodes(keys, true, true, true)
end

---@param keys string
---@param mode 'in'|'im' without or with remapping, before whatever else is typed ahead
local function feed(keys, mode)
  vim.api.nvim_feedkeys(keys, mode, false)
end

---Do what `lhs` does outside this plugin.
---@param lhs string
local function fall_through(lhs)
  ---@type table<string, any>?
  local mapping = vim.iter(vim.api.nvim_get_keymap('i')):find(function(candidate)
    return encode(candidate.lhs) == encode(lhs)
  end)
  if not mapping then
    feed(encode(lhs), 'in')
    return
  end
  local keys = mapping.rhs and encode(mapping.rhs) or ''
  if mapping.callback then
    keys = mapping.callback() or ''
  elseif mapping.expr == 1 then
    keys = vim.api.nvim_eval(mapping.rhs)
  end
  if mapping.replace_keycodes == 1 then
    keys = encode(keys)
  end
  if mapping.expr == 1 or not mapping.callback then
    feed(keys, mapping.noremap == 1 and 'in' or 'im')
  end
end

---@type table<byte_lsp.Action, fun(lhs: string)>
local ACTIONS = {
  accept = function(lhs)
    if not byte_lsp.accept() then
      fall_through(lhs)
    end
  end,
  next = byte_lsp.next,
  previous = byte_lsp.previous,
  dismiss = function(lhs)
    if not byte_lsp.dismiss() then
      fall_through(lhs)
    end
  end,
}

---@type table<byte_lsp.Action, string>
local DESCRIPTIONS = {
  accept = 'Accept the suggestion',
  next = 'Next suggestion',
  previous = 'Previous suggestion',
  dismiss = 'Dismiss the suggestion',
}

---@param bufnr integer
function M.set(bufnr)
  for action, lhs in pairs(options.current.keymaps) do
    if lhs then
      vim.keymap.set('i', lhs, function()
        ACTIONS[action](lhs)
      end, { buffer = bufnr, desc = 'byte-lsp: ' .. DESCRIPTIONS[action] })
    end
  end
end

---Remove what `set()` set, and nothing that was mapped over it since.
---@param bufnr integer
function M.remove(bufnr)
  for _, mapping in ipairs(vim.api.nvim_buf_get_keymap(bufnr, 'i')) do
    if vim.startswith(mapping.desc or '', 'byte-lsp: ') then
      vim.api.nvim_buf_del_keymap(bufnr, 'i', mapping.lhs)
    end
  end
end

return M
