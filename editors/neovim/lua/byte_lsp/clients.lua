---The server's client, in any version of Neovim: 0.10 calls a client's methods with a dot.
local M = {}

M.NAME = 'byte_lsp'

local has_methods = vim.fn.has('nvim-0.11') == 1
local taken_over = {} ---@type table<integer, boolean> by client id

---@param client vim.lsp.Client
---@param method string
local function call(client, method, ...)
  if has_methods then
    return client[method](client, ...)
  end
  return client[method](...)
end

---@param bufnr? integer nil for any buffer
---@return vim.lsp.Client?
function M.get(bufnr)
  return vim.lsp.get_clients({ bufnr = bufnr, name = M.NAME })[1]
end

---@param client vim.lsp.Client
---@param method string
---@param params table
---@param on_answer fun(err: lsp.ResponseError?, result: any)
---@param bufnr integer
---@return integer? id nil where the server cannot be reached
function M.request(client, method, params, on_answer, bufnr)
  local sent, id = call(client, 'request', method, params, on_answer, bufnr)
  return sent and id or nil
end

---@param client vim.lsp.Client
---@param method string
---@param params table
function M.notify(client, method, params)
  call(client, 'notify', method, params)
end

---@param client vim.lsp.Client
---@param id integer
function M.cancel(client, id)
  call(client, 'cancel_request', id)
end

---@param client vim.lsp.Client
function M.is_stopped(client)
  return call(client, 'is_stopped')
end

---Have the server run one of its commands.
---@param client vim.lsp.Client
---@param command lsp.Command
---@param bufnr integer
function M.execute(client, command, bufnr)
  local params = { command = command.command, arguments = command.arguments }
  M.request(client, 'workspace/executeCommand', params, function(err)
    if err then
      local problem = ('byte-lsp: %s failed: %s'):format(command.command, err.message)
      vim.notify(problem, vim.log.levels.WARN)
    end
  end, bufnr)
end

---@param client vim.lsp.Client
---@return boolean
local function offers_inline_completion(client)
  local provider = client.server_capabilities.inlineCompletionProvider
  return provider ~= nil and provider ~= false
end

---True where the server makes inline completions, which from then on are this plugin's to show: Neovim
---0.12 sees no such capability any more, or it would show the same text once more where the user has
---enabled |vim.lsp.inline_completion|.
---@param client vim.lsp.Client
---@return boolean
function M.take_over(client)
  if offers_inline_completion(client) then
    taken_over[client.id] = true
    client.server_capabilities.inlineCompletionProvider = nil
  end
  return taken_over[client.id] == true
end

---@param client vim.lsp.Client
---@return boolean
function M.suggests(client)
  return taken_over[client.id] == true or offers_inline_completion(client)
end

return M
