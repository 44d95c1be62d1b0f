import assert from "node:assert/strict";
import { test } from "node:test";
import { modelAfter, summarize, type Model } from "../src/model";

function model(name: string, more: Partial<Model> = {}): Model {
  return { name, description: "", licence: "Apache-2.0", bytes: 98_000_000, installed: true, current: false, ...more };
}

test("the next model is the next one on this machine, and then the first again", () => {
  const missing = model("b", { installed: false });
  assert.equal(modelAfter([model("a", { current: true }), missing, model("c")])?.name, "c");
  assert.equal(modelAfter([model("a"), missing, model("c", { current: true })])?.name, "a");
});

test("a model of the user's own, which the catalogue does not have, is followed by the first", () => {
  assert.equal(modelAfter([model("a"), model("b")])?.name, "a");
});

test("there is none where the current one is alone", () => {
  assert.equal(modelAfter([model("a", { current: true }), model("b", { installed: false })]), undefined);
  assert.equal(modelAfter([]), undefined);
});

test("an unknown size is left out", () => {
  assert.equal(summarize(model("a")), "98 MB, Apache-2.0, on this machine");
  assert.equal(summarize(model("a", { bytes: null, installed: false })), "Apache-2.0, to be downloaded");
});
