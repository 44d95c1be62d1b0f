"""What of a suggestion is accepted."""

from byte_lsp.evaluation.typing_policy import REACTIONS, Choice, Ghost, Reaction, choose, reading_ms

DOCUMENT = "x = foo()"
CURSOR = 8


def accepted(
    reaction: Reaction, text: str, rest: str, end: int = CURSOR, start: int = CURSOR
) -> Choice | None:
    return choose(reaction, Ghost(start, end, text), CURSOR, DOCUMENT, rest)


def test_a_right_suggestion_is_accepted_whole_by_all_who_accept() -> None:
    for reaction in REACTIONS:
        found = accepted(reaction, "bar, baz", "bar, baz)\nnext")
        assert found == (None if reaction == "ignore" else Choice(CURSOR, CURSOR, "bar, baz", 8))


def test_a_wrong_one_is_accepted_as_far_as_the_editor_allows() -> None:
    rest = "bar, baz)\n    go()\n    stop()"
    assert accepted("accept", "bar, qux)", rest) is None
    assert accepted("word", "bar, qux)", rest) == Choice(CURSOR, CURSOR, "bar", 3)
    assert accepted("line", "bar, baz)\n    wait()", rest) == Choice(CURSOR, CURSOR, "bar, baz)", 9)
    assert accepted("line", "bar, qux)\n", rest) == Choice(CURSOR, CURSOR, "bar", 3)
    assert accepted("word", "b, qux)", rest) is None, "one key is no gain, and it is wrong besides"


def test_what_stands_behind_the_cursor_may_be_replaced_by_itself_alone() -> None:
    assert accepted("accept", "bar)", "bar", end=9) == Choice(CURSOR, 9, "bar)", 3)
    assert accepted("accept", "bar]", "bar", end=9) is None
    assert accepted("accept", "bar", "bar", end=9) is None, "the bracket would be lost"


def test_a_suggestion_that_begins_before_the_cursor_counts_from_the_cursor_on() -> None:
    assert accepted("accept", "foo(bar", "bar", start=4) == Choice(CURSOR, CURSOR, "bar", 3)
    assert accepted("accept", "fox(bar", "bar", start=4) is None


def test_longer_suggestions_are_read_longer() -> None:
    assert 250 < reading_ms("a") < reading_ms("a + b") < 3000
