---`:ByteLsp`
local M = {}

local SCOPES = { 'global', 'buffer', 'filetype' }

---@class byte_lsp.Subcommand
---@field run fun(bufnr: integer, argument?: string)
---@field arguments? string[]

---@param find_enabled fun(bufnr: integer): boolean
---@return byte_lsp.Subcommand
local function switch_to(find_enabled)
  return {
    arguments = SCOPES,
    run = function(bufnr, scope)
      require('byte_lsp.switch').set(bufnr, scope or 'global', find_enabled(bufnr))
    end,
  }
end

---@type table<string, byte_lsp.Subcommand>
local SUBCOMMANDS = {
  enable = switch_to(function()
    return true
  end),
  disable = switch_to(function()
    return false
  end),
  toggle = switch_to(function(bufnr)
    return not require('byte_lsp.switch').is_enabled(bufnr)
  end),
  restart = {
    run = function()
      require('byte_lsp.server').restart()
    end,
  },
  status = {
    run = function(bufnr)
      require('byte_lsp.status').show(bufnr)
    end,
  },
  log = {
    run = function()
      vim.cmd.split(vim.fn.fnameescape(vim.lsp.log.get_filename()))
      vim.cmd.normal({ 'G', bang = true })
    end,
  },
  compare = {
    run = function(bufnr)
      require('byte_lsp.compare').show(bufnr)
    end,
  },
  model = {
    arguments = {},
    run = function(bufnr, name)
      require('byte_lsp.models').choose(bufnr, name)
    end,
  },
}

---@return string[]
local function names()
  local sorted = vim.tbl_keys(SUBCOMMANDS)
  table.sort(sorted)
  return sorted
end

---@param name string
---@param argument? string
---@return string? problem
local function find_problem(name, argument)
  local subcommand = SUBCOMMANDS[name]
  if not subcommand then
    return ('%s is no subcommand; there are %s'):format(name, table.concat(names(), ', '))
  end
  if argument and not subcommand.arguments then
    return ('%s takes no argument'):format(name)
  end
  local known = subcommand.arguments or {}
  if argument and #known > 0 and not vim.tbl_contains(known, argument) then
    return ('%s is not one of %s'):format(argument, table.concat(known, ', '))
  end
end

---@param call { fargs: string[] }
local function run(call)
  local name, argument = unpack(call.fargs)
  local problem = #call.fargs > 2 and 'too many arguments' or find_problem(name, argument)
  if problem then
    vim.notify(('byte-lsp: %s. See :help :ByteLsp.'):format(problem), vim.log.levels.ERROR)
    return
  end
  SUBCOMMANDS[name].run(vim.api.nvim_get_current_buf(), argument)
end

---@param lead string
---@param line string
---@return string[]
local function complete(lead, line)
  local name = line:match('^%s*%S+%s+(%S+)%s')
  local candidates = name and (SUBCOMMANDS[name] or {}).arguments or not name and names() or {}
  return vim.tbl_filter(function(candidate)
    return vim.startswith(candidate, lead)
  end, candidates)
end

function M.install()
  vim.api.nvim_create_user_command('ByteLsp', run, {
    nargs = '+',
    complete = complete,
    desc = 'Code completion by byte-lsp',
  })
end

return M
