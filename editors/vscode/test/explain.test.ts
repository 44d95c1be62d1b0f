import assert from "node:assert/strict";
import { test } from "node:test";
import { explainFailure, summarizeLine } from "../src/explain";

test("a missing compiler is named, with what to install", () => {
  const told = explainFailure([
    "  CMake Error at CMakeLists.txt:3 (project):",
    "    No CMAKE_CXX_COMPILER could be found.",
    "ERROR: Failed building wheel for llama-cpp-python",
  ]);
  assert.match(told, /^There is no C\+\+ compiler.*build-essential/);
  assert.match(told, /Failed building wheel for llama-cpp-python$/);
});

test("a network that is not there is told from a version that is not there", () => {
  const missing = "ERROR: No matching distribution found for byte-lsp==0.1.0";
  assert.match(explainFailure([missing]), /no such version/);
  assert.match(explainFailure(["[Errno -3] Temporary failure in name resolution", missing]), /cannot be reached/);
});

test("what nobody foresaw shows its last lines", () => {
  const told = explainFailure(["one", "two", "three", "four", "", "five"]);
  assert.equal(told, "The set-up failed. Last lines: two | three | four | five");
  assert.equal(explainFailure([]), "The set-up failed.");
});

test("pip's progress is two words", () => {
  assert.equal(summarizeLine("Collecting llama-cpp-python>=0.3.36 (from byte-lsp==0.1.0)"), "fetching llama-cpp-python");
  assert.equal(summarizeLine("  Building wheel for llama-cpp-python (pyproject.toml): started"), "building llama-cpp-python");
  assert.equal(summarizeLine("Installing collected packages: numpy, rich"), "installing packages");
  assert.equal(summarizeLine("WARNING: something"), undefined);
});
