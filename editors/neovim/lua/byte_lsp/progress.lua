---What takes long, a download above all: said below the text, for those who show no LSP progress elsewhere.
local M = {}

local titles = {} ---@type table<string|integer, string> by token
local said = nil ---@type string?

---@param value { kind: 'begin'|'report'|'end', title?: string, message?: string, percentage?: integer }
---@param token string|integer
---@return string? text nil once it is over, or where nothing can be counted
local function spell(value, token)
  titles[token] = value.title or titles[token]
  local title = titles[token]
  if value.kind == 'end' then
    titles[token] = nil
  end
  if value.kind == 'end' or not title or not value.percentage then
    return nil
  end
  return ('%s: %d%% %s'):format(title, value.percentage, value.message or '')
end

---@param progress { token: string|integer, value: table }
function M.take(progress)
  local before = said
  said = spell(progress.value, progress.token)
  if said or before then
    vim.api.nvim_echo({ { said or '' } }, false, {})
    require('byte_lsp.status').announce()
  end
end

---Nothing goes on any more: the server, which would tell of its end, has ended.
function M.reset()
  titles, said = {}, nil
end

---@return string? text what is going on now, with how much of it is done
function M.get()
  return said
end

return M
