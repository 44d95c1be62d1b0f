---`:checkhealth byte_lsp`
local clients = require('byte_lsp.clients')
local support = require('byte_lsp.support')

local health = vim.health
local M = {}

local TIMEOUT_MS = 20000

---@return boolean supported
local function check_neovim()
  local version = tostring(vim.version())
  if support.is_supported() then
    health.ok('Neovim ' .. version)
  else
    local advice = ('Update to Neovim %s or newer.'):format(support.minimum_version)
    health.error(('Neovim %s is too old'):format(version), { advice })
  end
  return support.is_supported()
end

---@param cmd string[]
local function check_executable(cmd)
  local path = vim.fn.exepath(cmd[1])
  if path == '' then
    health.error(("'%s' is not executable"):format(cmd[1]), {
      'Install the server: pipx install /path/to/byte-lsp',
      "Or name it: require('byte_lsp').setup({ cmd = { '/path/to/byte-lsp' } })",
    })
    return
  end
  health.ok('server command: ' .. table.concat(cmd, ' ') .. ' (' .. path .. ')')
  local answer =
    vim.system(vim.list_extend({ unpack(cmd) }, { '--version' }), { text = true }):wait(TIMEOUT_MS)
  if answer.code == 0 then
    health.ok('server version: ' .. vim.trim(answer.stdout))
  else
    local printed = vim.trim(answer.stderr or '')
    health.error(
      ('%s --version ended with code %d'):format(cmd[1], answer.code),
      printed ~= '' and { printed } or nil
    )
  end
end

---The command that starts the server: what a running one was started with, else what is configured.
---@return string[]|function|nil
local function find_command()
  local client = clients.get()
  local configured = vim.lsp.config and vim.lsp.config[clients.NAME] or {}
  return client and client.config.cmd
    or configured.cmd
    or require('byte_lsp.options').current.cmd
    or { 'byte-lsp' }
end

local function check_command()
  local cmd = find_command()
  if type(cmd) == 'table' then
    check_executable(cmd)
  else
    health.info('the server command is not a list: its executable cannot be checked')
  end
end

---@param client vim.lsp.Client
local function check_client(client)
  local buffers = vim.tbl_keys(client.attached_buffers)
  table.sort(buffers)
  local names = table.concat(buffers, ', ')
  health.ok(('client %d is attached to %d buffer(s): %s'):format(client.id, #buffers, names))
  if not clients.suggests(client) then
    health.error('the server offers no inline completion', { 'Update the server.' })
  end
  local status = buffers[1] and require('byte_lsp.status').get(buffers[1])
  if status and status.kind == 'Error' then
    health.error(status.message, { status.action })
  elseif status then
    health.info(('%s: %s'):format(status.state, status.message))
  end
end

local function check_clients()
  local running = vim.lsp.get_clients({ name = clients.NAME })
  local trouble = require('byte_lsp.recovery').trouble()
  if #running == 0 and trouble then
    health.error(trouble.message, { trouble.action })
  elseif #running == 0 then
    health.warn('no buffer is attached', {
      "Call require('byte_lsp').setup() in your init.lua, and open a file that has a 'filetype'.",
      'If it stays so, look at :checkhealth vim.lsp and :ByteLsp log.',
    })
  end
  for _, client in ipairs(running) do
    check_client(client)
  end
end

---@param lhs string
---@return string? other what else is mapped to a key of ours in the buffers that have ours
local function find_rival(lhs)
  for _, client in ipairs(vim.lsp.get_clients({ name = clients.NAME })) do
    for bufnr in pairs(client.attached_buffers) do
      for _, mapping in ipairs(vim.api.nvim_buf_get_keymap(bufnr, 'i')) do
        local is_same = vim.keycode(mapping.lhs) == vim.keycode(lhs)
        if is_same and not vim.startswith(mapping.desc or '', 'byte-lsp: ') then
          return mapping.desc or mapping.rhs or 'a Lua function'
        end
      end
    end
  end
end

local function check_keys()
  for action, lhs in pairs(require('byte_lsp.options').current.keymaps) do
    local rival = lhs and find_rival(lhs)
    if rival then
      health.warn(('another mapping has taken %s from %s: %s'):format(lhs, action, rival), {
        ("Give it another key: setup({ keymaps = { %s = '...' } })"):format(action),
      })
    end
  end
end

function M.check()
  health.start('byte-lsp')
  if check_neovim() then
    check_command()
    check_clients()
    check_keys()
  end
end

return M
