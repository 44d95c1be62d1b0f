import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../src/process";
import { whenEnded } from "./processes";

const node = process.execPath;

test("both outputs and the exit code come back", async () => {
  const { code, lines } = await run([node, "-e", "console.log('out'); console.error('err'); process.exitCode = 3"]);
  assert.equal(code, 3);
  assert.deepEqual([...lines].sort(), ["err", "out"]);
});

test("a program that is not there is a failure with a reason", async () => {
  const { code, lines } = await run(["byte-lsp-no-such-program"]);
  assert.equal(code, null);
  assert.match(lines.join(), /ENOENT/);
});

test("an end ends what the program started too", async () => {
  const ending = new AbortController();
  const code = "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], {stdio: 'inherit'});";
  const finished = run([node, "-e", `${code} console.log('started'); setInterval(() => 0, 1000)`], {
    signal: ending.signal,
    onLine: () => {
      ending.abort();
    },
  });
  assert.equal((await finished).code, null); // the outputs closed, so nobody holds them any more
});

test("a program that takes too long is ended", async () => {
  assert.equal((await run([node, "-e", "setInterval(() => 0, 1000)"], { timeoutMs: 50 })).code, null);
});

test("one that ignores that is ended all the same", async () => {
  const ending = new AbortController();
  const stubborn = "process.on('SIGTERM', () => 0); setTimeout(() => 0, 60000); console.log('started')";
  const finished = await run([node, "-e", stubborn], {
    signal: ending.signal,
    onLine: () => {
      ending.abort();
    },
  });
  assert.equal(finished.code, null);
});

test("a program ends, with what it started, when this process does", async () => {
  const { code, lines } = await run([node, join(__dirname, "..", "programs", "leave.cjs")]);
  assert.equal(code, 0, lines.join("\n"));
  const pids = lines.map(Number);
  assert.equal(pids.length, 2);
  await Promise.all(pids.map(whenEnded));
});
