---The plugin's door: `require('byte_lsp').setup()`, and the actions for keymaps of your own.
local M = {}

---Configure the server, start it, and show its suggestions as ghost text. See |byte-lsp-setup|.
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
  require('byte_lsp.attach').install()
  require('byte_lsp.server').enable(options)
end

---Insert the suggestion that is shown.
---@return boolean accepted false where no ghost text is shown
function M.accept()
  return require('byte_lsp.typing').accept('all')
end

---Insert the suggestion's next word. The rest stays on the screen.
---@return boolean accepted false where no ghost text is shown
function M.accept_word()
  return require('byte_lsp.typing').accept('word')
end

---Insert the suggestion up to its next line end. The rest stays on the screen.
---@return boolean accepted false where no ghost text is shown
function M.accept_line()
  return require('byte_lsp.typing').accept('line')
end

---Show the next alternative. Asks the server for alternatives where it has sent at most one.
function M.next()
  require('byte_lsp.typing').select(1)
end

---Show the alternative before.
function M.previous()
  require('byte_lsp.typing').select(-1)
end

---Ask for suggestions here, also for such as are too unsure to be shown while you type.
function M.suggest()
  require('byte_lsp.typing').select(0)
end

---Hide the suggestion until the next keystroke.
---@return boolean dismissed false where no ghost text is shown
function M.dismiss()
  return require('byte_lsp.typing').dismiss()
end

---True while ghost text is on the screen of the current buffer.
---@return boolean
function M.is_visible()
  return require('byte_lsp.ghost').is_shown(vim.api.nvim_get_current_buf())
end

---How it goes in the current buffer. The autocommand event `User ByteLspStatus` tells of changes.
---@return byte_lsp.Status
function M.status()
  return require('byte_lsp.status').get(vim.api.nvim_get_current_buf())
end

---The same in a word or two, for a statusline; empty where no server is.
---@return string
function M.statusline()
  return require('byte_lsp.status').text(vim.api.nvim_get_current_buf())
end

return M
