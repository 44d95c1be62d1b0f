import assert from "node:assert/strict";
import { test } from "node:test";
import { describe, lookOf, readStatus } from "../src/status";

test("a status is what the server says", () => {
  const params = { state: "degraded", message: "slow", action: "Do this.", busy: true, kind: "Warning" };
  assert.deepEqual(readStatus(params), { state: "degraded", message: "slow", action: "Do this.", busy: true });
});

test("a status in Copilot's words alone, or none at all, is one too", () => {
  assert.equal(readStatus({ kind: "Error", message: "gone" }).state, "error");
  assert.equal(readStatus({ kind: "Normal" }).state, "ready");
  assert.deepEqual(readStatus(null), { state: "ready", message: "", action: "", busy: false });
});

test("an error looks like one", () => {
  assert.equal(lookOf(readStatus({ state: "error" })).severity, "error");
  assert.equal(lookOf(readStatus({ state: "ready" })).severity, "none");
});

test("what is said aloud names the state and the reason", () => {
  assert.equal(describe(readStatus({ state: "ready", message: "smollm2-135m" })), "byte-lsp: ready (smollm2-135m)");
  assert.equal(describe(readStatus({ state: "off", message: "" })), "byte-lsp: off");
});
