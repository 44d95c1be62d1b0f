---Asks the server for suggestions, about the place where the cursor is.
local clients = require('byte_lsp.clients')
local items = require('byte_lsp.items')
local places = require('byte_lsp.places')
local units = require('byte_lsp.units')

local M = {}

M.METHOD = 'textDocument/inlineCompletion'
M.INVOKED, M.AUTOMATIC = 1, 2

---What a request that was given up may be answered with.
local GIVEN_UP = { [-32800] = true, [-32801] = true, [-32802] = true }

---@class byte_lsp.Answer
---@field place byte_lsp.Place
---@field serial integer later requests have greater ones
---@field items byte_lsp.Item[]

---@type { client: vim.lsp.Client, id: integer, place: byte_lsp.Place }?
local pending
local serial = 0

---Places of requests that were given up, oldest first. What the server says to giving up Neovim keeps to
---itself, and an answer may come all the same.
---@type byte_lsp.Place[]
local given_up = {}
local MOST_GIVEN_UP = 8

---@param place byte_lsp.Place
local function give_up(place)
  table.insert(given_up, place)
  if #given_up > MOST_GIVEN_UP then
    places.forget(table.remove(given_up, 1))
  end
end

---@param place byte_lsp.Place
local function take_back(place)
  given_up = vim.tbl_filter(function(other)
    return other ~= place
  end, given_up)
end

---Tell the server that nobody waits any more.
function M.cancel()
  if pending then
    clients.cancel(pending.client, pending.id)
    give_up(pending.place)
    pending = nil
  end
end

---@return integer serial the newest request's
function M.newest()
  return serial
end

---@param result any
---@param place byte_lsp.Place
---@param encoding byte_lsp.Encoding
---@return byte_lsp.Item[]
local function read(result, place, encoding)
  local read_items = {}
  for _, raw in ipairs(type(result) == 'table' and (result.items or result) or {}) do
    table.insert(read_items, items.read(raw, place, encoding))
  end
  return read_items
end

---@param err lsp.ResponseError
local function report(err)
  if not GIVEN_UP[err.code] then
    vim.lsp.log.warn('byte_lsp', err)
  end
end

---Ask about the cursor, in place of what was asked before. `on_answer` is not called for a request that
---the server has given up.
---@param bufnr integer the current buffer
---@param trigger_kind integer
---@param on_answer fun(answer: byte_lsp.Answer)
function M.ask(bufnr, trigger_kind, on_answer)
  M.cancel()
  local client = clients.get(bufnr)
  if not client then
    return
  end
  local place, encoding = places.at_cursor(bufnr), client.offset_encoding
  serial = serial + 1
  local mine = { client = client, serial = serial, place = place }
  local params = {
    textDocument = { uri = vim.uri_from_bufnr(bufnr) },
    position = { line = place.row, character = units.count(place.before, encoding) },
    context = { triggerKind = trigger_kind },
  }
  pending = mine
  mine.id = clients.request(client, M.METHOD, params, function(err, result)
    if pending == mine then
      pending = nil
    end
    take_back(place)
    if err then
      report(err)
      places.forget(place)
    else
      on_answer({ place = place, serial = mine.serial, items = read(result, place, encoding) })
    end
  end, bufnr)
  if not mine.id and pending == mine then
    pending = nil
    places.forget(place)
  end
end

return M
