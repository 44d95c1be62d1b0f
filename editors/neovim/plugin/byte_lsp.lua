if vim.g.loaded_byte_lsp then
  return
end
vim.g.loaded_byte_lsp = true

if require('byte_lsp.support').check() then
  require('byte_lsp.attach').install()
end
