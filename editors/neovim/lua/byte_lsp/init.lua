---The plugin's door: `require('byte_lsp').setup()`, and the actions for keymaps of your own.
local M = {}

---Configure the server, enable it, and show its suggestions as ghost text. See |byte-lsp-setup|.
---@param opts? byte_lsp.Options
function M.setup(opts)
  if not require('byte_lsp.support').check() then
    return
  end
  local options, problem = require('byte_lsp.options').resolve(opts)
  if not options then
    vim.notify(('byte-lsp: %s. See :help byte-lsp-setup.'):format(problem), vim.log.levels.ERROR)
    return
  end
  vim.lsp.config('byte_lsp', {
    cmd = options.cmd,
    -- An empty Lua table would reach the server as an empty array.
    settings = next(options.settings) and { byteLsp = options.settings } or nil,
  })
  vim.lsp.enable('byte_lsp')
end

---Insert the suggestion that is shown.
---@return boolean accepted false where no ghost text is shown
function M.accept()
  return require('byte_lsp.ghost').accept(vim.api.nvim_get_current_buf())
end

---Show the next alternative. Asks the server for alternatives where it has sent at most one.
function M.next()
  require('byte_lsp.ghost').select(vim.api.nvim_get_current_buf(), 1)
end

---Show the alternative before.
function M.previous()
  require('byte_lsp.ghost').select(vim.api.nvim_get_current_buf(), -1)
end

---Hide the suggestion until the next keystroke.
---@return boolean dismissed false where no ghost text is shown
function M.dismiss()
  return require('byte_lsp.ghost').dismiss(vim.api.nvim_get_current_buf())
end

return M
