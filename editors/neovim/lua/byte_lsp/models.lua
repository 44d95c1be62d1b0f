---Choosing another model.
local clients = require('byte_lsp.clients')

local M = {}

---@class byte_lsp.Model
---@field name string
---@field description string
---@field licence string
---@field bytes integer? nothing where it is not known
---@field installed boolean
---@field current boolean

---@param model byte_lsp.Model
---@return string
local function spell(model)
  local place = model.current and 'in use'
    or model.installed and 'on this machine'
    or 'to be downloaded'
  local about = { model.licence, place }
  if type(model.bytes) == 'number' then
    table.insert(about, 1, ('%.0f MB'):format(model.bytes / 1e6))
  end
  return ('%s (%s) %s'):format(model.name, table.concat(about, ', '), model.description)
end

---@param client vim.lsp.Client
---@param name string
local function use(client, name)
  require('byte_lsp.server').change_settings(client, { model = name })
  local keep = ("setup({ settings = { model = '%s' } })"):format(name)
  vim.notify(('byte-lsp: changing to %s. To keep it: %s'):format(name, keep))
end

---Change to the model of this name, or to the one that the user picks.
---@param bufnr integer
---@param name? string
function M.choose(bufnr, name)
  local client = clients.get(bufnr) or clients.get()
  if not client then
    vim.notify('byte-lsp: no server is running. See :checkhealth byte_lsp.', vim.log.levels.WARN)
    return
  end
  if name then
    use(client, name)
    return
  end
  clients.request(client, 'byteLsp/models', vim.empty_dict(), function(err, result)
    if err then
      vim.notify('byte-lsp: no list of models: ' .. err.message, vim.log.levels.WARN)
      return
    end
    local options = { prompt = 'Model:', format_item = spell, kind = 'byte_lsp_model' }
    vim.ui.select(result.models, options, function(model)
      if model and not model.current then
        use(client, model.name)
      end
    end)
  end, bufnr)
end

return M
