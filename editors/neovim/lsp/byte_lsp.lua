---@brief
---
--- Local code completion that is exact at every byte. Start it with `vim.lsp.enable('byte_lsp')`.

if require('byte_lsp.support').check() then
  require('byte_lsp.attach').install()
end

return require('byte_lsp.server').config()
