// Connects to the tests and runs what they send: {"id", "code", "arguments"} a line, answered by {"id", "value"} or
// {"id", "error"}. `code` is the body of an async function of `vscode` and `args`.
const { createConnection } = require("node:net");
const { createInterface } = require("node:readline");
const vscode = require("vscode");

const AsyncFunction = (async () => undefined).constructor;

exports.activate = (context) => {
  const socket = createConnection(Number(process.env.BYTE_LSP_PROBE_PORT), "127.0.0.1");
  socket.on("error", (error) => console.error(error));
  createInterface({ input: socket }).on("line", async (line) => {
    const { id, code, arguments: args } = JSON.parse(line);
    const reply = await answer(code, args).catch((error) => ({ error: String(error?.stack ?? error) }));
    socket.write(`${JSON.stringify({ id, ...reply })}\n`);
  });
  context.subscriptions.push({ dispose: () => socket.destroy() });
};

async function answer(code, args) {
  return { value: (await new AsyncFunction("vscode", "args", code)(vscode, args)) ?? null };
}
