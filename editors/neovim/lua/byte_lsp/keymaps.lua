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

---What keys meant in a buffer alone before this plugin took them.
---@type table<integer, table<string, table<string, any>>>
local covered = {}

---@param bufnr integer
---@param lhs string
local function cover(bufnr, lhs)
  local before = vim.api.nvim_buf_call(bufnr, function()
    return vim.fn.maparg(lhs, 'i', false, true)
  end)
  if before.buffer == 1 and not vim.startswith(before.desc or '', 'byte-lsp: ') then
    covered[bufnr] = covered[bufnr] or {}
    covered[bufnr][lhs] = before
  end
end

---@param bufnr integer
local function uncover(bufnr)
  for lhs, before in pairs(covered[bufnr] or {}) do
    vim.api.nvim_buf_call(bufnr, function()
      if vim.fn.maparg(lhs, 'i', false, true).buffer ~= 1 then
        vim.fn.mapset('i', false, before)
      end
    end)
  end
  covered[bufnr] = nil
end

---Do what `lhs` does outside this plugin.
---@param lhs string
local function fall_through(lhs)
  ---@type table<string, any>?
  local mapping = (covered[vim.api.nvim_get_current_buf()] or {})[lhs]
    or vim.iter(vim.api.nvim_get_keymap('i')):find(function(candidate)
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

---@param act fun(): boolean
---@return fun(lhs: string)
local function or_fall_through(act)
  return function(lhs)
    if not act() then
      fall_through(lhs)
    end
  end
end

---@type table<byte_lsp.Action, { desc: string, run: fun(lhs: string) }>
local ACTIONS = {
  accept = {
    desc = 'Accept the suggestion',
    run = function(lhs)
      local is_indentation = encode(lhs) == '\t' and require('byte_lsp.typing').is_indenting()
      if is_indentation or not byte_lsp.accept() then
        fall_through(lhs)
      end
    end,
  },
  accept_word = {
    desc = "Accept the suggestion's next word",
    run = or_fall_through(byte_lsp.accept_word),
  },
  accept_line = {
    desc = "Accept the suggestion's next line",
    run = or_fall_through(byte_lsp.accept_line),
  },
  next = { desc = 'Next suggestion', run = byte_lsp.next },
  previous = { desc = 'Previous suggestion', run = byte_lsp.previous },
  suggest = { desc = 'Ask for suggestions', run = byte_lsp.suggest },
  dismiss = { desc = 'Dismiss the suggestion', run = or_fall_through(byte_lsp.dismiss) },
}

---@param bufnr integer
function M.set(bufnr)
  for action, lhs in pairs(options.current.keymaps) do
    if lhs then
      cover(bufnr, lhs)
      vim.keymap.set('i', lhs, function()
        ACTIONS[action].run(lhs)
      end, { buffer = bufnr, desc = 'byte-lsp: ' .. ACTIONS[action].desc })
    end
  end
end

---Remove what `set()` set, and nothing that was mapped over it since; keys mean what they meant before.
---@param bufnr integer
function M.remove(bufnr)
  for _, mapping in ipairs(vim.api.nvim_buf_get_keymap(bufnr, 'i')) do
    if vim.startswith(mapping.desc or '', 'byte-lsp: ') then
      vim.api.nvim_buf_del_keymap(bufnr, 'i', mapping.lhs)
    end
  end
  uncover(bufnr)
end

return M
