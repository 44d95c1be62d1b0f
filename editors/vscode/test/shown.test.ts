import assert from "node:assert/strict";
import { test } from "node:test";
import { OnScreen, ShownSuggestion, type Suggested } from "../src/shown";

function suggested(text: string, more: Partial<Suggested<string>> = {}): Suggested<string> {
  return { item: text, uri: "file:///a.py", text, typed: 0, offset: 10, before: "  self.ite", behind: "", ...more };
}

const insert = (offset: number, text: string) => ({ offset, removed: 0, text });

test("typing along is followed key by key", () => {
  const shown = new ShownSuggestion(suggested("ms.append"));
  assert.equal(shown.follow(insert(10, "m")), "typed along");
  assert.equal(shown.follow(insert(11, "s")), "typed along");
  assert.equal(shown.acceptedLength, 2);
});

test("a word at once was accepted, and counts with what was typed before", () => {
  const shown = new ShownSuggestion(suggested("items.append(item)", { typed: 3 }));
  assert.equal(shown.follow(insert(10, "m")), "typed along");
  assert.equal(shown.follow(insert(11, "s.append")), "partly accepted");
  assert.equal(shown.acceptedLength, 12);
});

for (const [what, key] of [
  ["a character beyond the first plane", "🐍"],
  ["a family of emoji", "👩‍👩‍👧"],
  ["a letter with combining marks", "e\u0301\u0302"],
] as const) {
  test(`${what} is one key`, () => {
    const shown = new ShownSuggestion(suggested(`${key} snake`));
    assert.equal(shown.follow(insert(10, key)), "typed along");
    assert.equal(shown.acceptedLength, key.length);
  });
}

for (const [what, change] of [
  ["another text", insert(10, "x")],
  ["another place", insert(9, "m")],
  ["a place behind", insert(11, "m")],
  ["a replacement", { offset: 10, removed: 1, text: "m" }],
  ["a replacement of the word, as a popup makes", { offset: 7, removed: 3, text: "items" }],
  ["a deletion", { offset: 9, removed: 1, text: "" }],
  ["a change without an effect", insert(10, "")],
] as const) {
  test(`${what} ends it`, () => {
    assert.equal(new ShownSuggestion(suggested("ms")).follow(change), "gone");
  });
}

test("the whole rest at once was accepted; a key may write it, too", () => {
  assert.equal(new ShownSuggestion(suggested("ms")).follow(insert(10, "ms")), "accepted");
  assert.equal(new ShownSuggestion(suggested("m")).follow(insert(10, "m")), "gone");
});

test("the rest of a suggestion is the same one, shown before; another is not", () => {
  const shown = new ShownSuggestion(suggested("ms.append"));
  assert.equal(shown.isContinuedBy(suggested("ms.append")), false);
  shown.follow(insert(10, "m"));
  assert.equal(shown.isContinuedBy(suggested("s.append", { offset: 11 })), true);
  assert.equal(shown.isContinuedBy(suggested("ms.append(x)", { offset: 11, typed: 1 })), true);
  assert.equal(shown.isContinuedBy(suggested("y", { offset: 11 })), false);
  assert.equal(shown.isContinuedBy(suggested("s.append", { offset: 11, uri: "file:///b.py" })), false);
});

test("a bracket that the editor closes with the key is typed along", () => {
  const shown = new ShownSuggestion(suggested("(item)\n"));
  assert.equal(shown.follow(insert(10, "()")), "typed along");
  assert.equal(shown.acceptedLength, 1);
  const replacing = { offset: 11, typed: 1, behind: ")" };
  assert.equal(shown.isContinuedBy(suggested("(item)\n", replacing)), true);
  assert.equal(shown.isContinuedBy(suggested("(other)\n", replacing)), false);
  assert.equal(shown.follow(insert(11, "item")), "partly accepted");
  assert.equal(shown.follow({ offset: 15, removed: 1, text: ")" }), "typed along"); // typed over the one there
  assert.equal(shown.acceptedLength, 6);
});

test("one that leaves the closed bracket where it is goes on with the one that would replace it", () => {
  const shown = new ShownSuggestion(suggested("append(item)"));
  assert.equal(shown.follow(insert(10, "append")), "partly accepted");
  assert.equal(shown.follow(insert(16, "()")), "typed along");
  assert.equal(shown.isContinuedBy(suggested("item", { offset: 17 })), true);
  assert.equal(shown.isContinuedBy(suggested("it", { offset: 17 })), false);
});

test("a word that is accepted across a bracket behind the cursor writes that anew", () => {
  const shown = new ShownSuggestion(suggested(")  # all", { behind: ")" }));
  assert.equal(shown.follow({ offset: 10, removed: 1, text: ")  #" }), "partly accepted");
  assert.equal(shown.acceptedLength, 4);
});

test("one that removes more than the suggestion replaces ends it", () => {
  const shown = new ShownSuggestion(suggested(")  # all", { behind: ")" }));
  assert.equal(shown.follow({ offset: 10, removed: 2, text: ")  #" }), "gone");
});

test("Tab and Enter write indentations, and nobody accepted these", () => {
  const shown = new ShownSuggestion(suggested("        if x:\n            pop\n", { offset: 20, before: "" }));
  assert.equal(shown.follow(insert(20, "    ")), "typed along");
  assert.equal(shown.follow({ offset: 20, removed: 4, text: "        " }), "typed along"); // the whole indentation
  assert.equal(shown.acceptedLength, 8);
  assert.equal(shown.follow(insert(28, "if x:")), "partly accepted");
  assert.equal(shown.follow(insert(33, "\n            ")), "typed along");
  assert.equal(shown.acceptedLength, 26);
});

for (const [what, text] of [
  ["the same", "ms:\r\n    pop()\r\n"],
  ["others", "ms:\n    pop()\n"],
] as const) {
  test(`in a file with DOS line ends, a suggestion with ${what} is followed across lines`, () => {
    const shown = new ShownSuggestion(suggested(text));
    assert.equal(shown.follow(insert(10, "ms:\r\n")), "partly accepted");
    assert.equal(shown.acceptedLength, text.indexOf("\n") + 1);
    assert.equal(shown.follow(insert(15, "    p")), "partly accepted");
    assert.equal(shown.isContinuedBy(suggested("op()\r\n", { offset: 20 })), true);
    assert.equal(shown.acceptedLength, text.indexOf("op()"));
  });
}

test("Enter in a file with DOS line ends is one key", () => {
  const shown = new ShownSuggestion(suggested("\r\npass\r\n"));
  assert.equal(shown.follow(insert(10, "\r\n")), "typed along");
  assert.equal(shown.acceptedLength, 2);
});

const FILE = "file:///a.py";

test("an answer that is not drawn yet does not hide that the one before was accepted", () => {
  const screen = new OnScreen<string>();
  screen.show([suggested("ms.append(item)\n    return")]);
  assert.equal(screen.follow(FILE, [insert(10, "m")]), undefined);
  screen.show([suggested("s.append(item)", { offset: 11 })]); // what was whole in time
  const accepted = screen.follow(FILE, [insert(11, "s.append(item)\n")]);
  assert.deepEqual(accepted, { item: "ms.append(item)\n    return", acceptedLength: 16 });
  assert.equal(screen.show([suggested("    return", { offset: 26 })]), false);
});

test("what was typed may leave another item on the screen than the first", () => {
  const screen = new OnScreen<string>();
  screen.show([suggested("return 1"), suggested("if a:\r\n    b"), suggested("if not a:")]);
  for (const [at, key] of ["i", "f"].entries()) {
    assert.equal(screen.follow(FILE, [insert(10 + at, key)]), undefined);
  }
  const accepted = screen.follow(FILE, [insert(12, " a:\r\n")]);
  assert.deepEqual(accepted, { item: "if a:\r\n    b", acceptedLength: 7 });
  assert.equal(screen.show([suggested("    b", { offset: 17 })]), false);
});

test("of what both answers suggest, the newer is told of, once", () => {
  const screen = new OnScreen<string>();
  screen.show([suggested("items.append", { typed: 0 })]);
  screen.follow(FILE, [insert(10, "i")]);
  assert.equal(screen.show([suggested("tems.append(x)", { offset: 11 })]), false);
  assert.deepEqual(screen.follow(FILE, [insert(11, "tems.")]), { item: "tems.append(x)", acceptedLength: 5 });
  assert.equal(screen.follow(FILE, [insert(16, "x")]), undefined);
  assert.equal(screen.follow(FILE, [insert(17, "append")]), undefined);
});

test("only the last two answers may be on the screen", () => {
  const screen = new OnScreen<string>();
  for (const texts of [["one.two", "eins.zwei"], ["three", "drei"], ["four"]]) {
    assert.equal(screen.show(texts.map((text) => suggested(text))), true);
  }
  assert.equal(screen.follow(FILE, [insert(10, "eins.")]), undefined);
});

test("an answer whose items are gone still hides the one before the last", () => {
  const screen = new OnScreen<string>();
  screen.show([suggested("mm.one")]);
  screen.show([suggested("mm.two"), suggested("x")]);
  screen.follow(FILE, [insert(10, "m")]);
  screen.show([suggested("y", { offset: 11 })]);
  assert.equal(screen.follow(FILE, [insert(11, "m.one")]), undefined);
});

test("an answer that stands elsewhere takes the place of all others", () => {
  const screen = new OnScreen<string>();
  screen.show([suggested("one.two")]);
  assert.equal(screen.show([]), false);
  assert.equal(screen.show([]), false);
  assert.equal(screen.follow(FILE, [insert(10, "one.")]), undefined);
});

for (const [what, answers, keys] of [
  ["the newer answer", [["ms.append(item)\n    return"], ["s.append(item)"]], "m"],
  ["the first item", [["return x", "return x\n    y"]], ""],
] as const) {
  test(`${what} accepted whole is not told as a part of another`, () => {
    const screen = new OnScreen<string>();
    const [first, second] = answers;
    screen.show(first.map((text) => suggested(text)));
    for (const key of keys) {
      screen.follow(FILE, [insert(10, key)]);
    }
    if (second) {
      screen.show(second.map((text) => suggested(text, { offset: 10 + keys.length })));
    }
    const whole = (second ?? first)[0];
    assert.equal(screen.follow(FILE, [insert(10 + keys.length, whole)]), undefined);
    assert.equal(screen.follow(FILE, [insert(10 + keys.length + whole.length, "\n    ret")]), undefined);
  });
}

test("an item that typing brought up counts as shown from then on", () => {
  const screen = new OnScreen<string>();
  assert.equal(screen.show([suggested("append(x)"), suggested("extend(y)")]), true);
  screen.follow(FILE, [insert(10, "e")]);
  assert.equal(screen.show([suggested("xtend(y)", { offset: 11 })]), true);
  screen.follow(FILE, [insert(11, "x")]);
  assert.equal(screen.show([suggested("tend(y)", { offset: 12 })]), false);
});

test("what happens in other documents changes nothing", () => {
  const screen = new OnScreen<string>();
  screen.show([suggested("one.two")]);
  screen.show([]);
  screen.follow("output:log", [insert(0, "a line")]);
  screen.show([]);
  assert.equal(screen.follow(FILE, [insert(10, "one.")]), undefined);
});

test("several changes at once end it; those elsewhere, and none, do not", () => {
  const accepted = { item: "ms.append", acceptedLength: 3 };
  for (const [uri, changes, after] of [
    [FILE, [insert(10, "m"), insert(90, "m")], undefined],
    ["file:///b.py", [insert(10, "ms.")], accepted],
    [FILE, [], accepted],
  ] as const) {
    const screen = new OnScreen<string>();
    screen.show([suggested("ms.append")]);
    assert.equal(screen.follow(uri, changes), undefined);
    assert.deepEqual(screen.follow(FILE, [insert(10, "ms.")]), after);
  }
});
