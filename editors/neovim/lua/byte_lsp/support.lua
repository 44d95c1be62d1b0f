local M = {}

M.minimum_version = '0.10'

---@return boolean
function M.is_supported()
  return vim.fn.has('nvim-' .. M.minimum_version) == 1
end

---As `is_supported()`, and tells the user once where it is false.
---@return boolean
function M.check()
  if M.is_supported() then
    return true
  end
  local version = vim.version()
  vim.notify_once(
    ('byte-lsp: ghost text needs Neovim %s or newer; this is %d.%d.%d. Please update Neovim.'):format(
      M.minimum_version,
      version.major,
      version.minor,
      version.patch
    ),
    vim.log.levels.WARN
  )
  return false
end

return M
