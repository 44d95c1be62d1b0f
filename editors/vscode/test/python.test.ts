import assert from "node:assert/strict";
import { test } from "node:test";
import { choosePython, lookAt, pythonCommands, readLook, type Python } from "../src/python";

function python(minor: number, more: Partial<Python> = {}): Python {
  return { command: [`python3.${minor}`], version: [3, minor], canMakeEnvironments: true, executable: "", ...more };
}

test("the one that the user chose is the only one", () => {
  assert.deepEqual(pythonCommands("/opt/python"), [["/opt/python"]]);
  assert.deepEqual(pythonCommands("", "win32")[0], ["py", "-3"]);
});

test("the first that is new enough is taken", () => {
  const wanted = python(12);
  assert.equal(choosePython([python(9), wanted, python(11)]), wanted);
});

test("one that cannot make environments is passed over while there is another", () => {
  const wanted = python(11);
  assert.equal(choosePython([python(12, { canMakeEnvironments: false }), wanted]), wanted);
});

test("where there is none, what to do is said", () => {
  assert.throws(() => choosePython([python(9), python(9)]), /Python 3\.11 or newer is needed\. Found: 3\.9\. Install/);
  assert.throws(() => choosePython([]), /needed\. Install it/);
  assert.throws(() => choosePython([python(12, { canMakeEnvironments: false })], "linux"), /python3\.12-venv/);
});

test("a Python of this machine says what it is", async () => {
  const found = await lookAt(["python3"]);
  assert.equal(found?.version[0], 3);
  assert.match(found.executable, /python/);
});

test("what is no Python is none", async () => {
  assert.equal(await lookAt(["byte-lsp-no-such-program"]), undefined);
  assert.equal(await lookAt([process.execPath]), undefined);
  assert.equal(readLook(["python3"], "Python 2.7"), undefined);
});
