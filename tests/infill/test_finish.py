"""What happens to candidates before they are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.infill.brackets import find_marks, match
from byte_lsp.infill.finish import Fitted, cut_to_characters, fit, set_line_ends
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.infill.window import unify_line_ends


def fitted(language: str, prefix: str, text: str, suffix: str, *, goes_on: bool = False) -> tuple[str, int]:
    problem = InfillProblem(
        prefix.encode(), suffix.encode(), language, max_lines=0, suffix_goes_on=goes_on, max_bytes=400
    )
    found = fit(text.encode(), problem)
    return found.text.decode(), found.replaced_bytes


@given(st.binary(max_size=40))
def test_cut_is_the_longest_valid_beginning(text: bytes) -> None:
    cut = cut_to_characters(text)
    assert text.startswith(cut)
    cut.decode()
    for longer in range(len(cut) + 1, len(text) + 1):
        with pytest.raises(UnicodeDecodeError):
            text[:longer].decode()


@pytest.mark.parametrize("missing_bytes", [1, 2, 3])
def test_half_a_character_is_cut_off(missing_bytes: int) -> None:
    assert cut_to_characters("ok 😀".encode()[:-missing_bytes]) == b"ok "


@pytest.mark.parametrize(
    ("language", "prefix", "text", "suffix", "kept"),
    [
        # What the suffix has already.
        ("python", "f(", "a, b", ", b)\n", "a"),
        ("python", "f(", "a ,b", ", b)\n", "a"),
        ("python", "x = ", "foo.bar(1)", "foo.baz()\n", ""),
        ("java", "return ", "left + this.b;", "this.b;\n", "left + "),
        ("javascript", "const a = ", "await b()", "b()\n", "await "),
        ("typescript", "let a", ": string = b;", " = b;\n", ": string"),
        ("rust", "let x", ": u8 = 1;", " = 1;\n", ": u8"),
        ("python", "x = it", "ems", "s\n", "ems"),
        ("markdown", "so usefu", "l.", "l, but\n", ""),
        ("javascript", "a.", "then(b => {", "catch(c)\n", ""),
        ("lua", "f(bufn", "r", "r)\n", ""),
        ("python", "f(", "data", "a)\n", "data"),
        ("markdown", "The ", "quick fox", "fox jumps\n", "quick "),
        ("markdown", "Ein ", "schönes Übel", "Übel naht\n", "schönes "),
        ("html", "<p>", "Hello</p>", "</p>\n", "Hello"),
        ("yaml", "a: [", "1, 2]", "]\n", "1, 2"),
        # Brackets, quotes and comments stay what they are.
        ("python", "f(", "a, g(", ", b)\n", "a, g"),
        ("python", "f(", "a, {'b': [1", ", b)\n", "a"),
        ("python", "f(", "(", ", b)\n", ""),
        ("c", "x = a", "[i] + (b", " * 2;\n", "[i] +"),
        ("go", "f(", "a), g(b", ", c)\n", "a"),
        ("python", 'f("a ', 'b", c', ' d")\n', "b"),
        ("python", "f('", "a', 'b", "')\n", "a', 'b"),
        ("lua", "f('", "x', 1", "im.y')\n", ""),
        ("lua", "f('", "x ', 1", ".y')\n", "x"),
        ("python", "x = a", " + b  # why", " + c\n", " + b"),
        ("cpp", "x = a", " + b; // why", " + c;\n", " + b;"),
        ("lua", "x = a", " + b -- why", " + c\n", " + b"),
        ("javascript", " *", "/", " text\n", ""),
        ("c", "/* a ", "b */ c", " d */\n", "b"),
        ("shellscript", "echo ", "$# a", " b\n", "$# a"),
        ("rust", "fn f<'a>(x: ", "&'a str", ", y: u8)\n", "&'a str"),
        # The end of a line as the rest has it: another rest, not a part of the line.
        ("javascript", "x", " = 0;", " = f(1);\n", ""),
        ("javascript", "f(", "a, b);", ");\n", "a, b"),
        # The end of a line: openers stay open, closers that the suffix has go.
        ("php", "if ($a", ") {", "\n}\n", ") {"),
        ("ruby", "puts a.", "map { |b| b }", "\n", "map { |b| b }"),
        ("python", "f(\n    a", ", b)", "\n)\n", ", b"),
        ("python", "x = f(", "a, b)", "\ny = 1\n", "a, b)"),
        ("java", "f(", "a));", "\n", "a)"),
        # Whole lines that follow anyway, blank ends.
        ("python", "x = 1\n", "y = 2", "\ny = 2\n", ""),
        ("python", "def f():\n", "    a\nb = 1\nc", "\nb = 1\nc = 2\n", "    a"),
        ("python", "x = ", "1  \n\n", "\n", "1"),
        ("python", "x = ", "  \n \n", "\n", ""),
        ("python", "", "\t", "", ""),
    ],
)
def test_what_is_kept_between_prefix_and_suffix(
    language: str, prefix: str, text: str, suffix: str, kept: str
) -> None:
    assert fitted(language, prefix, text, suffix) == (kept, 0)


@pytest.mark.parametrize(
    ("language", "prefix", "text", "suffix", "kept", "replaced"),
    [
        ("python", "foo(", "a) + b(c)", ")\n", "a) + b(c)", 1),
        ("python", "def f(", "self, x) -> int:", "):\n", "self, x) -> int:", 2),
        ("python", 'print("', 'hello", x)', '")\n', 'hello", x)', 2),
        ("c", "f(", "a) || g(b);", ");  \n", "a) || g(b);", 2),
        ("rust", "let a = [", "1, 2].iter();", "];\n", "1, 2].iter();", 2),
        ("javascript", "a = {", "b: [1]}.c()", "}\n", "b: [1]}.c()", 1),
        ("python", "foo(", "a, b)", ")\n", "a, b", 0),
        ("python", "foo(", "a) + b(c", ")\n", "a", 0),
        ("python", "foo(", "a)) + 1", ")\n", "a", 0),
        ("python", "foo(", "a", ")\n", "a", 0),
        ("python", "foo(", "a) + b", ");\n", "a", 0),
        ("javascript", "  a: 1", ".foo(b, c)", ",\n", ".foo(b, c)", 0),
        ("python", 'x = "', 'a" + "b"', '"\n', 'a" + "b', 0),
        ("python", "foo(", "a) + b(c)", ", d)\n", "a", 0),
    ],
)
def test_the_text_takes_the_place_of_what_the_editor_closed(
    language: str, prefix: str, text: str, suffix: str, kept: str, replaced: int
) -> None:
    assert fitted(language, prefix, text, suffix) == (kept, replaced)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (b"\n\tself.items.append(item)\n\n\tself.items.append(None)", b""),
        (b"\t\tself.items.append(item)\n\tdef pop(self):", b"        self.items.append(item)"),
        (b"        self.items.append(item)\n\n\tdef pop(self):", b"        self.items.append(item)"),
    ],
    ids=["too shallow", "tabs alone", "spaces, then tabs"],
)
def test_tabs_are_judged_as_the_steps_that_they_become(text: bytes, kept: bytes) -> None:
    """As a model writes them that sees another open file with tabs."""
    prefix = b"class Stack:\n    def __init__(self):\n        self.items = []\n\n    def push(self, item):\n"
    assert fit(text, InfillProblem(prefix, b"", "python", max_lines=8)) == Fitted(kept)


def test_a_suggestion_is_indented_as_the_file_is() -> None:
    prefix = "func f() {\n\tif x {\n\t\ty()\n\t}\n}\n\nfunc g() {"
    assert fitted("go", prefix, "\n    if a {\n        b()\n    }\n}", "\n") == (
        "\n\tif a {\n\t\tb()\n\t}\n}",
        0,
    )


@pytest.mark.parametrize(
    ("before", "text", "kept"), [(b"caf\xc3", b"\xa9'", b"\xa9'"), (b"\xff", b"a", b"a")]
)
def test_a_text_may_complete_a_character_that_the_prefix_begins(
    before: bytes, text: bytes, kept: bytes
) -> None:
    assert cut_to_characters(text, before) == kept
    assert cut_to_characters(b"(" + text, b"caf\xc3") == b""


@given(st.binary(max_size=24), st.binary(max_size=24), st.integers(1, 12))
def test_what_is_left_of_any_bytes_are_characters_on_one_line(text: bytes, rest: bytes, most: int) -> None:
    found = fit(text, InfillProblem(b"a", b"b" + rest, max_bytes=most))
    assert "\n" not in found.text.decode()
    assert b"\r" not in found.text


@pytest.mark.parametrize("blank", ["\u00a0", "\u3000\n", "\u2028", "\x1c", "\x0b \f", "\r\n\r"])
@pytest.mark.parametrize("suffix", ["", "b)\n", "\n"])
def test_white_space_of_any_kind_is_nothing_to_show(blank: str, suffix: str) -> None:
    assert fitted("python", "f(", blank, suffix) == ("", 0)


@pytest.mark.parametrize("line_end", ["\r", "\r\n"])
def test_a_carriage_return_ends_the_line_too(line_end: str) -> None:
    assert fitted("python", "x = ", f"y +{line_end}z", " 1\n") == ("y +", 0)
    assert fitted("python", "x = ", f"y{line_end}z = 2{line_end}", "") == ("y", 0)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_become_the_files_own(line_end: bytes) -> None:
    assert set_line_ends(b"a\nb\r\nc\rd", line_end) == line_end.join([b"a", b"b", b"c", b"d"])


PARTS = st.sampled_from(
    [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        ", ",
        "; ",
        ":",
        " ",
        "a",
        "foo",
        "b.c",
        "é",
        "# ",
        "//",
        "\n",
        "\n    ",
    ]
)
TEXTS = st.lists(PARTS, max_size=10).map(lambda parts: "".join(parts).encode())
LANGUAGES = st.sampled_from(["python", "javascript", "rust", ""])


@given(TEXTS, st.binary(max_size=3), TEXTS, TEXTS, LANGUAGES, st.booleans())
def test_what_holds_of_every_fitted_text(
    text: bytes, end: bytes, prefix: bytes, suffix: bytes, language: str, goes_on: bool
) -> None:
    problem = InfillProblem(prefix, suffix, language, max_lines=0, suffix_goes_on=goes_on)
    found = fit(text + end, problem)
    found.text.decode()
    assert len(fit(found.text, problem).text) <= len(found.text)
    assert not found.text or found.text.strip()
    words = [line.strip() for line in found.text.split(b"\n")]
    assert [line.strip() for line in unify_line_ends(text + end).split(b"\n")][: len(words) - 1] == words[:-1]
    rest = suffix.split(b"\n")[0]
    assert suffix[: found.replaced_bytes] == rest[: found.replaced_bytes]
    if rest.strip() and found.text:
        assert b"\n" not in found.text
        check_line(prefix.split(b"\n")[-1], found, rest)


def check_line(line: bytes, found: Fitted, rest: bytes) -> None:
    """The brackets and quotes of a line are as they were, or fewer are open."""
    before = match(find_marks(line + rest))
    after = match(find_marks(line + found.text + rest[found.replaced_bytes :]))
    assert len(after[1]) <= len(before[1])
    quotes = [mark.is_quote for mark in find_marks(line + rest)].count(True)
    marks = find_marks(line + found.text + rest[found.replaced_bytes :])
    assert [mark.is_quote for mark in marks].count(True) <= quotes


@given(TEXTS, TEXTS, TEXTS)
def test_the_next_characters_are_not_repeated(text: bytes, prefix: bytes, suffix: bytes) -> None:
    found = fit(text, InfillProblem(prefix, suffix))
    rest = suffix.split(b"\n")[0]
    behind = "".join(suffix[found.replaced_bytes :].decode().split())
    own = "".join(found.text.decode().split())
    if rest.strip() and not found.replaced_bytes and len(behind) >= 3 and own:
        assert not own.startswith(behind[:3])
        assert not own.endswith(behind[:3])


@pytest.mark.parametrize(
    ("text", "suffix", "kept"),
    [
        ("    for a in b:\n        c()\n        if d:", "\n", "    for a in b:\n        c()"),
        ("    for a in b:\n        if c:", "\n\nx = 1\n", "    for a in b:"),
        ("    for a in b:", "\n", "    for a in b:"),
    ],
)
def test_a_block_does_not_end_with_an_opener_of_nothing(text: str, suffix: str, kept: str) -> None:
    problem = InfillProblem(b"def f():\n", suffix.encode(), "python", max_lines=0)
    assert fit(text.encode(), problem).text.decode() == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [("`${a.join(', ')}\\`${b(', ')", ""), ("`a ${b} c` + ", "`a ${b} c` + ")],
)
def test_code_in_a_template_literal_counts_too(text: str, kept: str) -> None:
    problem = InfillProblem(b"x = ", b"y + `z`;\n", "javascript")
    assert fit(text.encode(), problem).text.decode() == kept


def test_deeply_nested_text_has_its_innermost_brackets_closed_by_the_suffix() -> None:
    """Only the innermost brackets are matched, as that takes the square of their number."""
    depth = 3000
    problem = InfillProblem(b"[" * depth + b"f(", b")" + b"]" * depth + b"\n", "python")
    assert fit(b"a, b) + c", problem).text == b"a, b"
    assert fit(b"a, g(b)", problem).text == b"a, g(b)"
