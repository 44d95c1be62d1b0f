---What `setup()` takes.
local M = {}

---@class byte_lsp.Keymaps insert-mode keys; false sets none
---@field accept? string|false insert the suggestion; falls through where none is shown
---@field accept_word? string|false insert its next word; falls through
---@field accept_line? string|false insert its next line; falls through
---@field next? string|false show the next alternative, or ask for one
---@field previous? string|false show the alternative before
---@field suggest? string|false ask for suggestions here
---@field dismiss? string|false hide the suggestion; falls through where none is shown

---@class byte_lsp.Options
---@field cmd? string[]|function the command that serves LSP on stdio, or what |vim.lsp.ClientConfig| takes
---@field settings? table<string, any> the server's settings, as under "byteLsp"
---@field keymaps? byte_lsp.Keymaps|false insert-mode keys; false sets none
---@field filetypes? table<string, boolean> false for those that get no suggestions
---@field ghost_text? boolean false leaves showing suggestions to |vim.lsp.inline_completion|
---@field debounce_ms? integer milliseconds without a key before the server is asked

---@class byte_lsp.ResolvedOptions
---@field cmd (string[]|function)?
---@field settings table<string, any>
---@field keymaps table<byte_lsp.Action, string|false>
---@field filetypes table<string, boolean>
---@field ghost_text boolean
---@field debounce_ms integer

---@alias byte_lsp.Action
---| 'accept'
---| 'accept_word'
---| 'accept_line'
---| 'next'
---| 'previous'
---| 'suggest'
---| 'dismiss'

---@type byte_lsp.ResolvedOptions
local defaults = {
  cmd = nil,
  settings = {},
  keymaps = {
    accept = '<Tab>',
    accept_word = '<M-Right>',
    accept_line = '<M-C-Right>',
    next = '<M-]>',
    previous = '<M-[>',
    suggest = '<M-\\>',
    dismiss = '<C-]>',
  },
  filetypes = {},
  ghost_text = true,
  debounce_ms = 0,
}

local TYPES = {
  cmd = { 'table', 'function' },
  settings = { 'table' },
  keymaps = { 'table' },
  filetypes = { 'table' },
  ghost_text = { 'boolean' },
  debounce_ms = { 'number' },
}

---@type byte_lsp.ResolvedOptions
M.current = vim.deepcopy(defaults)

---@param known table<string, any>
---@param given table<string, any>
---@param where string
---@return string? problem
local function find_unknown_key(known, given, where)
  for key in pairs(given) do
    if known[key] == nil then
      local expected = vim.tbl_keys(known)
      table.sort(expected)
      return ('unknown option %s%s; known ones are %s'):format(
        where,
        key,
        table.concat(expected, ', ')
      )
    end
  end
end

---@param given table<string, any>
---@return string? problem
local function find_wrong_type(given)
  for key, expected in pairs(TYPES) do
    local value = given[key]
    local is_off = key == 'keymaps' and value == false
    if value ~= nil and not is_off and not vim.tbl_contains(expected, type(value)) then
      return ('option %s must be a %s, not a %s'):format(
        key,
        table.concat(expected, ' or a '),
        type(value)
      )
    end
  end
end

---@param values table<any, any>
---@param where string
---@param is_right fun(value: any): boolean
---@param expected string
---@return string? problem
local function find_wrong_value(values, where, is_right, expected)
  for key, value in pairs(values) do
    if type(key) ~= 'string' or not is_right(value) then
      return ('option %s.%s must be %s'):format(where, key, expected)
    end
  end
end

---@param given byte_lsp.Options
---@return string? problem
local function find_problem(given)
  local keymaps, filetypes = given.keymaps or {}, given.filetypes or {}
  return find_unknown_key(TYPES, given, '')
    or find_wrong_type(given)
    or find_unknown_key(defaults.keymaps, keymaps, 'keymaps.')
    or find_wrong_value(keymaps, 'keymaps', function(value)
      return type(value) == 'string' or value == false
    end, 'a string or false')
    or find_wrong_value(filetypes, 'filetypes', function(value)
      return type(value) == 'boolean'
    end, 'true or false')
end

---Check `given`, complete it from the defaults and remember it.
---@param given byte_lsp.Options?
---@return byte_lsp.ResolvedOptions? options nil where `problem` says what is wrong
---@return string? problem
function M.resolve(given)
  given = given or {}
  local problem = find_problem(given)
  if problem then
    return nil, problem
  end
  M.current = vim.tbl_extend('force', vim.deepcopy(defaults), given)
  M.current.keymaps = given.keymaps == false and {}
    or vim.tbl_extend('force', defaults.keymaps, given.keymaps or {})
  return M.current
end

return M
