import assert from "node:assert/strict";
import { test } from "node:test";
import { isDisabled, readLanguages, toggleLanguage } from "../src/languages";

test("spaces and empty entries do not matter", () => {
  assert.deepEqual(readLanguages(" python ,, go,"), ["python", "go"]);
});

test("a language goes in behind the others, and comes out again", () => {
  const on = toggleLanguage("python", "go");
  assert.equal(on, "python, go");
  assert.equal(toggleLanguage(on, "go"), "python");
  assert.equal(toggleLanguage("go", "go"), "");
});

test("neither does their case, as for the server", () => {
  assert.equal(isDisabled("Markdown, go", "markdown"), true);
  assert.equal(isDisabled("markdown", "mark"), false);
  assert.equal(toggleLanguage("Markdown, go", "markdown"), "go");
});
