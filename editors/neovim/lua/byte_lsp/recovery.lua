---Starts the server again where it has ended and nobody asked it to.
local clients = require('byte_lsp.clients')

local M = {}

local MOST_RESTARTS, WITHIN_MS, DELAY_MS = 3, 3 * 60 * 1000, 1000
local SIGTERM = 15

---@type byte_lsp.Status
local STARTING_AGAIN = {
  state = 'loading',
  kind = 'Warning',
  message = 'the server ended and is started again',
  busy = true,
  action = ':ByteLsp log says why.',
}

---@type byte_lsp.Status
local GIVEN_UP = {
  state = 'error',
  kind = 'Error',
  message = 'the server ended again and again',
  busy = false,
  action = ':ByteLsp log says why; :ByteLsp restart starts it again.',
}

local asked_to_stop = {} ---@type table<integer, boolean> by client id
local lost = {} ---@type table<integer, boolean> the buffers whose server has ended
local restarts = {} ---@type integer[] when, in milliseconds
local has_complained = false
local trouble = STARTING_AGAIN
local timer = assert(vim.uv.new_timer())

---@param bufnr? integer nil for any buffer
---@return byte_lsp.Status? trouble nil where the server has not ended by itself
function M.trouble(bufnr)
  local affected = bufnr or next(lost)
  return affected and lost[affected] and trouble or nil
end

---Neovim does not tell at a client's end whether it was asked to end: note it.
---@param client vim.lsp.Client
local function watch(client)
  if asked_to_stop[client.id] == nil then
    asked_to_stop[client.id] = false
    local stop = client.stop
    client.stop = function(...)
      asked_to_stop[client.id] = true
      return stop(...)
    end
  end
end

---@return boolean? enabled nil before Neovim 0.12
local function is_enabled()
  return vim.lsp.is_enabled and vim.lsp.is_enabled(clients.NAME)
end

---Give the server to all buffers that have lost it; start it if need be.
---@param config vim.lsp.ClientConfig
---@return boolean started false where there is no starting it
local function serve_lost(config)
  for bufnr in pairs(lost) do
    if not vim.api.nvim_buf_is_loaded(bufnr) then
      lost[bufnr] = nil
    elseif not require('byte_lsp.server').attach(bufnr, config) then
      return false
    end
  end
  return true
end

---The buffer has its server again.
---@param client vim.lsp.Client
---@param bufnr integer
function M.attached(client, bufnr)
  watch(client)
  lost[bufnr] = nil
  if next(lost) then
    vim.schedule(function()
      serve_lost(client.config)
    end)
  end
end

---Forget earlier ends: the user starts the server.
function M.forget()
  timer:stop()
  restarts, has_complained, trouble = {}, false, GIVEN_UP
end

---@return boolean
local function may_restart()
  local now = vim.uv.now()
  restarts = vim.tbl_filter(function(time)
    return now - time < WITHIN_MS
  end, restarts)
  if #restarts == MOST_RESTARTS then
    return false
  end
  table.insert(restarts, now)
  return true
end

---@param how string how the server ended
local function complain(how)
  if not has_complained then
    has_complained = true
    local advice = ('%s (:ByteLsp log) says why; :ByteLsp restart starts it again.'):format(
      vim.lsp.log.get_filename()
    )
    local complaint = ('byte-lsp: %s (%s). %s'):format(GIVEN_UP.message, how, advice)
    vim.notify(complaint, vim.log.levels.ERROR)
  end
end

---Start the server again, soon, or say that it is no use.
---@param config vim.lsp.ClientConfig
---@param how string how it ended
---@param was_enabled boolean? before it ended
local function recover(config, how, was_enabled)
  if may_restart() then
    trouble, has_complained = STARTING_AGAIN, false
    local function start()
      if was_enabled and not is_enabled() then
        lost = {}
        require('byte_lsp.status').announce()
      elseif not serve_lost(config) then
        recover(config, 'it cannot be started', was_enabled)
      end
    end
    timer:start(DELAY_MS, 0, vim.schedule_wrap(start))
  else
    trouble = GIVEN_UP
    complain(how)
  end
  require('byte_lsp.status').announce()
end

---@param client vim.lsp.Client
---@param code integer
---@param signal integer
---@return boolean
local function ended_by_itself(client, code, signal)
  -- One that does not answer yet cannot be asked to stop, and Neovim ends it by this signal.
  local is_clean = signal == SIGTERM or (code == 0 and signal == 0)
  return not asked_to_stop[client.id] and not is_clean
end

---@param client vim.lsp.Client
---@param buffers integer[] those it was attached to
---@param code integer
---@param signal integer
local function ended(client, buffers, code, signal)
  local is_leaving = vim.v.exiting ~= vim.NIL
  if is_leaving or #buffers == 0 or not ended_by_itself(client, code, signal) then
    return
  end
  for _, bufnr in ipairs(buffers) do
    lost[bufnr] = true
  end
  local config = vim.tbl_extend('force', client.config, { settings = client.settings })
  local how = signal ~= 0 and ('signal %d'):format(signal) or ('exit code %d'):format(code)
  recover(config, how, is_enabled())
end

---For the client's configuration. Most of Neovim must not be called where this is.
---@param code integer
---@param signal integer
---@param client_id integer
function M.on_exit(code, signal, client_id)
  local client = vim.lsp.get_client_by_id(client_id)
  local buffers = client and vim.tbl_keys(client.attached_buffers) or {}
  vim.schedule(function()
    require('byte_lsp.progress').reset()
    if client then
      ended(client, buffers, code, signal)
    end
  end)
end

return M
