"""The checks find what is wrong, and only that."""

from collections.abc import Callable
from pathlib import Path

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.coverage import (
    Share,
    Tally,
    check_share,
    check_vocabularies,
    find_vocabularies,
    main,
    report,
)
from byte_lsp.evaluation.coverage_checks import Checker, Failure
from byte_lsp.tokens.contexts import Context, Frontier, finder
from byte_lsp.tokens.tokenizer import Tokenizer

from .conftest import Pair, vocabulary_path
from .gguf_writer import byte_level_metadata, write_gguf

TEXT = "import os\n\n\nprint('naïve', 1234)  # 中文\n".encode()
OpenPair = Callable[[str], Pair]


def kinds_found(checker: Checker, text: bytes, offset: int) -> list[str]:
    return [failure.kind for failure in checker.check_offset(checker.passage(text), offset)[1]]


def with_context(tokenizer: Tokenizer, text: bytes, residual: bytes, tokens: tuple[int, ...]) -> Checker:
    """A checker of a finder that lists one context more; nothing is shared."""

    def frontier(prefix: bytes) -> Frontier:
        assert prefix == text + residual
        contexts = [*finder(tokenizer).frontier(prefix).contexts(), Context(tokens, residual)]
        tail = finder(tokenizer).canon.tail
        ends = [
            (tail(prefix[: len(prefix) - len(each.residual)], each.tokens), each.residual)
            for each in contexts
        ]
        return Frontier((), tuple(ends))

    return Checker(tokenizer, frontier=frontier)


def test_a_context_left_out_is_a_miss_where_the_text_needs_it(gpt2: Tokenizer) -> None:
    at = 0

    def frontier(prefix: bytes) -> Frontier:
        found = finder(gpt2).frontier(prefix)
        return Frontier(found.shared, found.ends[:at] + found.ends[at + 1 :])

    checker = Checker(gpt2, frontier=frontier)
    for offset in range(len(TEXT)):
        count = len(finder(gpt2).frontier(TEXT[:offset]).ends)
        found = []
        for at in range(count):  # noqa: B007 - frontier reads it
            found += kinds_found(checker, TEXT, offset)
        assert found == ["miss"], offset


@pytest.mark.parametrize(
    ("begun", "residual"),
    [
        (b"import", b""),  # has a token of its own
        (b"imp", b"ort"),
        (b"'s", b""),
        (b"'", b"s"),
        (b"1", b"2 "),  # no token has this piece, or a longer one
    ],
)
def test_a_context_that_no_text_has_is_found(gpt2: Tokenizer, begun: bytes, residual: bytes) -> None:
    tokens = tuple(gpt2.vocabulary.ids_of_spelling[chr(byte)] for byte in begun)
    checker = with_context(gpt2, begun, residual, tokens)
    assert kinds_found(checker, begun + residual + b"(", len(begun + residual)) == ["unextendable"]


def test_contexts_that_only_some_text_has_are_not_complained_of(gpt2: Tokenizer) -> None:
    (plain,) = gpt2.encode(b"\n\n")
    (line_feed,) = gpt2.encode(b"\n")
    for tokens in ((plain,), (line_feed, line_feed)):
        assert kinds_found(with_context(gpt2, b"\n\n", b"", tokens), b"\n\nx", 2) == []


def test_a_context_that_spells_something_else_is_found(gpt2: Tokenizer) -> None:
    checker = with_context(gpt2, b"a", b"", tuple(gpt2.encode(b"b")))
    assert kinds_found(checker, b"a b", 1) == ["unextendable"]


def test_ids_of_another_tokenizer_are_found(open_pair: OpenPair) -> None:
    checker = Checker(open_pair("gpt-2").ours, open_pair("starcoder").native)
    (failure,) = checker.check_ids(TEXT)
    assert (failure.kind, failure.text) == ("ids", TEXT)


def test_witnesses_are_shown_to_llama_cpp(open_pair: OpenPair) -> None:
    checker = Checker(open_pair("gpt-2").ours, open_pair("starcoder").native)
    assert set(kinds_found(checker, TEXT, 3)) == {"unextendable"}


def test_text_that_llama_cpp_takes_for_something_else_is_not_compared(open_pair: OpenPair) -> None:
    gemma = open_pair("gemma-3").checker
    assert gemma.is_comparable("naïve <bos>\n\n".encode())
    assert not gemma.is_comparable(b"naive \xff")
    assert not gemma.is_comparable("a\u2581b".encode())
    assert open_pair("gpt-2").checker.is_comparable("a\u2581b".encode())


def test_a_character_may_need_a_token_that_runs_on_to_be_completed(open_pair: OpenPair) -> None:
    """Two spaces, and C2 alone: only U+0085 splits so, and ``\\x85n`` keeps C2 from merging with 85."""
    pair = open_pair("llama-bpe")
    text = "\u00a0\u00a0\u00a0\n".encode()
    spaces, head = pair.ours.encode("\u00a0\u00a0".encode())[0], pair.ours.encode(b"\xc2")[0]
    contexts = finder(pair.ours).frontier(text[:5]).contexts()
    assert (spaces, head) in {context.tokens for context in contexts}
    assert kinds_found(pair.checker, text, 5) == []


def test_the_same_seed_checks_the_same_pairs() -> None:
    share = Share("gpt-2", vocabulary_path("gpt-2"), (), 40, "0")
    first, second = check_share(share), check_share(share)
    assert first == second
    assert first.pairs == 40
    assert first.contexts >= 40


def test_the_table_says_what_failed(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = Tally(pairs=10, contexts=25), Tally(pairs=10, contexts=20)
    for offset in range(50):
        bad.fail(Failure("miss", b"x\xff", offset, "no cover (1, 2)"))
    assert report({"one": good})
    assert not report({"one": good, "two": bad})
    shown = capsys.readouterr().out
    assert "50" in shown
    assert r"two: miss: offset 19 of b'x\xff': no cover (1, 2)" in shown
    assert "offset 20" not in shown


def test_the_program_checks_files_and_folders(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_gguf(
        tmp_path / "other.gguf", byte_level_metadata("gpt-2", ["a"], []) | {"tokenizer.ggml.model": b"t5"}
    )
    gpt2 = str(vocabulary_path("gpt-2"))
    assert main([gpt2, "--folder", str(tmp_path), "--pairs", "20", "--processes", "1"]) == 0
    shown = capsys.readouterr()
    assert "left out" in shown.err
    assert "ggml-vocab-gpt-2" in shown.out


def test_the_program_says_what_it_cannot_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path)]) == 1
    assert "no vocabulary to check" in capsys.readouterr().err
    assert main(["no-such-model"]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_files_that_are_no_use_are_left_out_of_a_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One is no GGUF file, and the other has a vocabulary that lacks byte tokens."""
    (tmp_path / "broken.gguf").write_bytes(b"GGUF and no more")
    bare = byte_level_metadata("gpt-2", ["a"], []) | {"tokenizer.ggml.model": b"llama"}
    write_gguf(tmp_path / "bare.gguf", bare | {"tokenizer.ggml.scores": [0.0]})
    found = find_vocabularies([str(vocabulary_path("gpt-2"))], tmp_path)
    assert list(found) == ["ggml-vocab-gpt-2"]
    left_out = capsys.readouterr().err.splitlines()
    assert len(left_out) == 2
    assert all(line.startswith("byte-lsp: left out: ") for line in left_out)


def test_what_was_found_before_a_failure_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """llama.cpp cannot read a vocabulary without an architecture."""
    metadata = byte_level_metadata("gpt-2", ["a"], [])
    del metadata["general.architecture"]
    bad = write_gguf(tmp_path / "bad.gguf", metadata)
    gpt2 = str(vocabulary_path("gpt-2"))
    assert main([gpt2, str(bad), "--pairs", "20", "--processes", "1"]) == 1
    shown = capsys.readouterr()
    assert "bad.gguf" in shown.err
    assert "ggml-vocab-gpt-2" in shown.out


def test_less_than_a_pair_for_each_is_refused(tmp_path: Path) -> None:
    vocabularies = {name: tmp_path / name for name in ("one", "two")}
    with pytest.raises(EvaluationError, match="1 pairs are too few for 2 vocabularies"):
        next(check_vocabularies(vocabularies, (), 1, 0, 1))
