---`:checkhealth byte_lsp`
local health = vim.health
local support = require('byte_lsp.support')

local M = {}

local TIMEOUT_MS = 20000

---@return boolean supported
local function check_neovim()
  local version = tostring(vim.version())
  if not support.is_supported() then
    health.error(
      ('Neovim %s has no inline completion'):format(version),
      { ('Update to Neovim %s or newer.'):format(support.minimum_version) }
    )
    return false
  end
  health.ok('Neovim ' .. version)
  if require('byte_lsp.completor').is_known() then
    health.ok('inline completion works as this plugin expects')
  else
    health.warn(
      'this Neovim keeps inline completions elsewhere: dismissing and asking for alternatives do nothing',
      { 'Update the byte-lsp plugin.' }
    )
  end
  return true
end

---@param cmd string[]
local function check_executable(cmd)
  local path = vim.fn.exepath(cmd[1])
  if path == '' then
    health.error(("'%s' is not executable"):format(cmd[1]), {
      'Install the server: pip install byte-lsp',
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

local function check_clients()
  local clients = vim.lsp.get_clients({ name = 'byte_lsp' })
  if not vim.lsp.is_enabled('byte_lsp') then
    health.warn(
      'the server is not enabled',
      { "Call require('byte_lsp').setup() in your init.lua." }
    )
  elseif #clients == 0 then
    health.warn(
      'no buffer is attached',
      { 'Open a file. If it stays so, look at :checkhealth vim.lsp.' }
    )
  end
  for _, client in ipairs(clients) do
    local buffers = vim.tbl_keys(client.attached_buffers)
    table.sort(buffers)
    health.ok(
      ('client %d is attached to %d buffer(s): %s'):format(
        client.id,
        #buffers,
        table.concat(buffers, ', ')
      )
    )
    if not client:supports_method('textDocument/inlineCompletion') then
      health.error('the server offers no inline completion', { 'Update the server.' })
    end
  end
end

function M.check()
  health.start('byte-lsp')
  if not check_neovim() then
    return
  end
  local config = vim.lsp.config['byte_lsp']
  if not config or type(config.cmd) ~= 'table' then
    health.info('the server command is not a list: its executable cannot be checked')
  else
    check_executable(config.cmd --[[@as string[] ]])
  end
  check_clients()
end

return M
