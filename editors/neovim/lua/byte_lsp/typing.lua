---The typing loop: what is shown at the cursor, when the server is asked, and the actions on it.
---
---There is one cursor that types, so there is one suggestion, whatever the number of buffers and windows.
local ghost = require('byte_lsp.ghost')
local items = require('byte_lsp.items')
local places = require('byte_lsp.places')
local popup = require('byte_lsp.popup')
local reports = require('byte_lsp.reports')
local requests = require('byte_lsp.requests')

local M = {}

---@class byte_lsp.Suggestion
---@field place byte_lsp.Place
---@field serial integer
---@field items byte_lsp.Item[]
---@field index integer which one is shown
---@field is_chosen boolean the user has asked for it: what comes unasked does not take its place

local shown = nil ---@type byte_lsp.Suggestion?
local asked_at = '' ---the moment that the server was asked about last
local unwanted = 0 ---answers to requests up to this serial come too late
local timer = assert(vim.uv.new_timer())

---@return boolean
local function is_inserting()
  return vim.startswith(vim.api.nvim_get_mode().mode, 'i')
end

---@param bufnr integer the current buffer
---@return string moment the same as long as neither text nor cursor changes
local function moment_of(bufnr)
  local row, col = unpack(vim.api.nvim_win_get_cursor(0))
  return table.concat({ bufnr, vim.api.nvim_buf_get_changedtick(bufnr), row, col }, ' ')
end

local function drop()
  if shown then
    local bufnr = shown.place.bufnr
    if vim.api.nvim_buf_is_valid(bufnr) then
      ghost.clear(bufnr)
    end
    places.forget(shown.place)
    shown = nil
  end
end

---@return byte_lsp.Item?
---@return byte_lsp.Rest? rest nil where the item does not go on from the cursor
local function current()
  local item = shown and shown.items[shown.index]
  return item, item and items.rest(item)
end

---Draw what is left of the suggestion at the cursor; drop it where it does not go on from there.
local function redraw()
  local _, rest = current()
  if not shown or not rest then
    drop()
  elseif popup.has_selection() then
    ghost.clear(shown.place.bufnr)
  else
    local many = shown.is_chosen and (' (%d/%d)'):format(shown.index, #shown.items) or ''
    -- Lines below the cursor would push the menu's lines about.
    ghost.draw(shown.place.bufnr, rest, { hint = many, first_line_only = popup.is_open() })
  end
end

---@param answer byte_lsp.Answer
---@return byte_lsp.Item[] fitting those that go on from the cursor
local function fitting(answer)
  return vim.tbl_filter(function(item)
    return items.rest(item) ~= nil
  end, answer.items)
end

---@param suggestion byte_lsp.Suggestion
---@param was_on_screen string? the ghost text before
local function show(suggestion, was_on_screen)
  drop()
  shown = suggestion
  redraw()
  local item, rest = current()
  if item and rest and rest.text ~= was_on_screen then
    reports.shown(item)
  end
end

---@param answer byte_lsp.Answer
---@return boolean
local function is_wanted(answer)
  local newest = shown and shown.serial or 0
  return answer.serial > math.max(newest, unwanted)
    and is_inserting()
    and answer.place.bufnr == vim.api.nvim_get_current_buf()
end

---An answer to a key. One that is empty leaves what is typed along on the screen.
---@param answer byte_lsp.Answer
local function take(answer)
  local list = is_wanted(answer) and fitting(answer) or {}
  local _, rest = current()
  if #list == 0 then
    places.forget(answer.place)
    return
  end
  show(
    { place = answer.place, serial = answer.serial, items = list, index = 1, is_chosen = false },
    rest and rest.text
  )
end

local function ask()
  local bufnr = vim.api.nvim_get_current_buf()
  local now = moment_of(bufnr)
  if now ~= asked_at and is_inserting() and require('byte_lsp.switch').is_on(bufnr) then
    asked_at = now
    requests.ask(bufnr, requests.AUTOMATIC, take)
  end
end

---Hide the suggestion and forget what was asked.
function M.reset()
  timer:stop()
  requests.cancel()
  drop()
  asked_at, unwanted = '', requests.newest()
end

---The cursor or the text has changed: bring the screen up to date at once, and then ask the server.
function M.follow()
  local bufnr = vim.api.nvim_get_current_buf()
  if not is_inserting() or not require('byte_lsp.switch').is_on(bufnr) then
    M.reset()
    return
  end
  redraw()
  if moment_of(bufnr) == asked_at or popup.has_selection() then
    return
  end
  requests.cancel()
  timer:stop()
  if not (shown and shown.is_chosen) then
    timer:start(require('byte_lsp.options').current.debounce_ms, 0, vim.schedule_wrap(ask))
  end
end

---Ask once more about the same place, which there was no model for before.
function M.ask_again()
  asked_at = ''
  M.follow()
end

---Insert the suggestion, or the beginning of it, at once: keys typed ahead must find it there.
---@param bufnr integer the current buffer
---@param amount byte_lsp.Amount
local function insert(bufnr, amount)
  local item, rest = current()
  if not item or not rest then
    return
  end
  local part = require('byte_lsp.parts').take(rest.text, amount)
  local left = rest.text:sub(#part + 1)
  local is_all = left == '' or left == rest.behind
  require('byte_lsp.insert').insert(bufnr, part, left == '' and rest.behind or '')
  if is_all then
    drop()
    reports.accepted(item)
  else
    redraw()
    reports.partly_accepted(item, left)
  end
end

---@param amount byte_lsp.Amount
---@return boolean accepted false where no ghost text is shown, or none that fits what was typed
function M.accept(amount)
  local bufnr = vim.api.nvim_get_current_buf()
  local _, rest = current()
  if not rest or not ghost.is_shown(bufnr) then
    return false
  end
  if popup.is_open() then
    M.after_popup = function()
      insert(bufnr, amount)
    end
    local keys = vim.keycode("<C-x><C-z><Cmd>lua require('byte_lsp.typing').after_popup()<CR>")
    vim.api.nvim_feedkeys(keys, 'in', false)
  else
    insert(bufnr, amount)
  end
  return true
end

---@return boolean dismissed
function M.dismiss()
  local bufnr = vim.api.nvim_get_current_buf()
  if not ghost.is_shown(bufnr) then
    return false
  end
  M.reset()
  asked_at = moment_of(bufnr)
  return true
end

---@param count integer
local function step(count)
  shown.index = (shown.index - 1 + count) % #shown.items + 1
  shown.is_chosen = true
  redraw()
end

---What is on the screen stays the first of the alternatives, whatever the server thinks best now.
---@param answer byte_lsp.Answer
---@param count integer how far from it to show one
local function take_alternatives(answer, count)
  local list = is_wanted(answer) and fitting(answer) or {}
  local item, rest = current()
  if item and rest then
    list = vim.tbl_filter(function(other)
      return items.rest(other).text ~= rest.text
    end, list)
    table.insert(list, 1, items.move(item, rest, answer.place))
  end
  if #list == 0 then
    places.forget(answer.place)
    vim.api.nvim_echo({ { 'byte-lsp: no suggestion here' } }, false, {})
    return
  end
  local index = rest and count % #list + 1 or 1
  show(
    { place = answer.place, serial = answer.serial, items = list, index = index, is_chosen = true },
    rest and rest.text
  )
end

---Show the alternative `count` steps on; where there is only one, ask for more.
---@param count integer 0 to ask and show the best
function M.select(count)
  local bufnr = vim.api.nvim_get_current_buf()
  if shown and #shown.items > 1 and current() and count ~= 0 then
    step(count)
    return
  end
  timer:stop()
  asked_at = moment_of(bufnr)
  requests.ask(bufnr, requests.INVOKED, function(answer)
    take_alternatives(answer, count)
  end)
end

---True where Tab is wanted for the indentation: before the line's text, with more than a Tab to come.
---@return boolean
function M.is_indenting()
  local _, rest = current()
  local width = vim.fn.shiftwidth()
  return rest ~= nil
    and rest.before:match('[^\n]*$'):match('^%s*$') ~= nil
    and (vim.startswith(rest.text, '\t') or vim.startswith(rest.text, (' '):rep(width)))
end

return M
