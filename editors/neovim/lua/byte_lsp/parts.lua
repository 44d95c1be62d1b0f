---How much of a suggestion to accept.
local M = {}

---@alias byte_lsp.Amount 'all'|'word'|'line'

---Line ends, then signs and white space, then a word; what is a word is up to 'iskeyword'.
local WORD = [[\v^\n*%(\k@![^\n])*\k*]]
local LINE = [[\v^\n*[^\n]*]]

---The beginning of `text` to accept. A line ends before its line end, so that you can go on typing in it.
---@param text string
---@param amount byte_lsp.Amount
---@return string
function M.take(text, amount)
  if amount == 'all' then
    return text
  end
  return vim.fn.matchstr(text, amount == 'word' and WORD or LINE)
end

return M
