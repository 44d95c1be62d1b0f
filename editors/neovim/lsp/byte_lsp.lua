---@brief
---
--- Local code completion that is exact at every byte. Start it with `vim.lsp.enable('byte_lsp')`.

if require('byte_lsp.support').check() then
  require('byte_lsp.attach').install()
end

---@type vim.lsp.Config
return {
  cmd = { 'byte-lsp' },
  root_markers = { '.git', '.hg', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod' },
  -- One server for all projects: each one holds a model in memory.
  reuse_client = function(client, config)
    return client.name == config.name and not client:is_stopped()
  end,
}
