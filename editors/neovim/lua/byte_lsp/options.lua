local M = {}

---@class byte_lsp.Keymaps
---@field accept? string|false insert the suggestion; falls through where none is shown
---@field next? string|false show the next alternative, or ask for one
---@field previous? string|false show the alternative before
---@field dismiss? string|false hide the suggestion; falls through where none is shown

---@class byte_lsp.Options
---@field cmd? string[] the command that serves LSP on stdio
---@field settings? table<string, any> the server's settings, as under "byteLsp"
---@field keymaps? byte_lsp.Keymaps|false insert-mode keys; false sets none

---@class byte_lsp.ResolvedOptions
---@field cmd string[]?
---@field settings table<string, any>
---@field keymaps table<byte_lsp.Action, string|false>

---@alias byte_lsp.Action 'accept'|'next'|'previous'|'dismiss'

---@type byte_lsp.ResolvedOptions
local defaults = {
  cmd = nil,
  settings = {},
  keymaps = { accept = '<Tab>', next = '<M-]>', previous = '<M-[>', dismiss = '<C-]>' },
}

---@type byte_lsp.ResolvedOptions
M.current = defaults

---@param known table<string, any>
---@param given table<string, any>
---@param where string
---@return string? problem
local function find_unknown_key(known, given, where)
  for key in pairs(given) do
    if not known[key] then
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

---@param given byte_lsp.Options
---@return string? problem
local function find_problem(given)
  local types = { cmd = 'table', settings = 'table', keymaps = 'table' }
  local problem = find_unknown_key(types, given, '')
  if problem then
    return problem
  end
  for key, expected in pairs(types) do
    local value = given[key]
    if value ~= nil and type(value) ~= expected and not (key == 'keymaps' and value == false) then
      return ('option %s must be a %s, not a %s'):format(key, expected, type(value))
    end
  end
  for action, lhs in pairs(given.keymaps or {}) do
    if type(lhs) ~= 'string' and lhs ~= false then
      return ('option keymaps.%s must be a string or false'):format(action)
    end
  end
  return find_unknown_key(defaults.keymaps, given.keymaps or {}, 'keymaps.')
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
  M.current = {
    cmd = given.cmd,
    settings = given.settings or {},
    keymaps = given.keymaps == false and {}
      or vim.tbl_extend('force', defaults.keymaps, given.keymaps or {}),
  }
  return M.current
end

return M
