---How it goes, for statuslines: what the server has told, and whether suggestions are on here.
local clients = require('byte_lsp.clients')

local M = {}

M.NOTIFICATION = 'didChangeStatus'

---@class byte_lsp.Status
---@field state 'loading'|'ready'|'busy'|'degraded'|'error'|'off'|'excluded'|'stopped'
---@field kind 'Normal'|'Warning'|'Error'|'Inactive'
---@field message string
---@field busy boolean
---@field action string what you can do, a sentence or nothing

local told = {} ---@type table<integer, byte_lsp.Status> by client id

---@type byte_lsp.Status
local STARTING =
  { state = 'loading', kind = 'Normal', message = 'starting', busy = true, action = '' }

local HAS_MODEL = { ready = true, busy = true, degraded = true }

---@param state string
---@param message string
---@param action string
---@return byte_lsp.Status
local function inactive(state, message, action)
  return { state = state, kind = 'Inactive', message = message, busy = false, action = action }
end

---@param bufnr integer
---@return byte_lsp.Status
function M.get(bufnr)
  local client = clients.get(bufnr)
  if not client then
    return require('byte_lsp.recovery').trouble(bufnr)
      or inactive('stopped', 'no server in this buffer', ':checkhealth byte_lsp says why.')
  end
  if not require('byte_lsp.switch').is_enabled(bufnr) then
    return inactive('off', 'suggestions are off here', ':ByteLsp enable switches them on.')
  end
  local status = told[client.id] or STARTING
  local progress = require('byte_lsp.progress').get()
  return progress and vim.tbl_extend('force', status, { message = progress, busy = true }) or status
end

---@param bufnr integer
---@return string text short, empty where no server is
function M.text(bufnr)
  local status = M.get(bufnr)
  if status.state == 'stopped' then
    return ''
  elseif status.state == 'ready' then
    return 'byte-lsp'
  end
  return 'byte-lsp: ' .. (status.state == 'busy' and '...' or status.state)
end

---Have statuslines drawn again, and tell who wants to know.
function M.announce()
  local status = M.get(vim.api.nvim_get_current_buf())
  vim.api.nvim_exec_autocmds('User', { pattern = 'ByteLspStatus', modeline = false, data = status })
  vim.cmd.redrawstatus({ bang = true })
end

---@type table<string, lsp.Handler>
M.handlers = {
  [M.NOTIFICATION] = function(_, status, ctx)
    local before = told[ctx.client_id] or STARTING
    told[ctx.client_id] = status
    M.announce()
    if before.state == 'loading' and HAS_MODEL[status.state] then
      require('byte_lsp.typing').ask_again()
    end
  end,
}

---@param status byte_lsp.Status
---@return [string, string?][]
local function spell(status)
  local colors =
    { Error = 'ErrorMsg', Warning = 'WarningMsg', Normal = 'MoreMsg', Inactive = 'Comment' }
  local chunks = {
    { 'byte-lsp: ' },
    { status.state, colors[status.kind] },
    { '\n' .. status.message },
  }
  if status.action ~= '' then
    table.insert(chunks, { '\n' .. status.action })
  end
  return chunks
end

---@param counters table<string, integer>
---@return string
local function spell_counters(counters)
  local names = vim.tbl_keys(counters)
  table.sort(names)
  local parts = vim.tbl_map(function(name)
    return ('%s %d'):format(name:gsub('_', ' '), counters[name])
  end, names)
  return table.concat(parts, ', ')
end

---Print the status, what can be done, and what the server has counted.
---@param bufnr integer
function M.show(bufnr)
  local chunks = spell(M.get(bufnr))
  local client = clients.get(bufnr)
  if not client then
    vim.api.nvim_echo(chunks, true, {})
    return
  end
  clients.request(client, 'byteLsp/status', vim.empty_dict(), function(err, result)
    if not err and next(result.counters) then
      table.insert(chunks, { '\n' .. spell_counters(result.counters), 'Comment' })
    end
    vim.api.nvim_echo(chunks, true, {})
  end, bufnr)
end

return M
