"""Prompts within a budget of the real tokenizers' tokens, cut where typing leaves the cuts alone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache, lru_cache
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byte_lsp.bytes.framing import Framing
from byte_lsp.infill.budget import SUFFIX_SHARE, Measure, cut_end, cut_start, fit_budget
from byte_lsp.infill.layouts import Form, PromptEncoder, lay_out
from byte_lsp.infill.problem import Chunk, InfillProblem
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer
from tests.tokens.conftest import vocabulary_path

NAMES = ("gpt-2", "llama-bpe", "qwen2", "starcoder", "llama-spm")
FORMS = {
    "prefix": Form(),
    "psm": Form("psm", prefix=1, suffix=2, middle=3),
    "spm": Form("spm", prefix=1, suffix=2, middle=3),
    "files": Form("psm", prefix=1, suffix=2, middle=3, repo=4, file_sep=5),
}
CODE = b"".join(b"def f%d(a, b):\n    return a * %d + b\n\n\n" % (n, n * n) for n in range(90))
TEXTS = st.one_of(
    st.text(st.sampled_from("ab  \n\n\t(é😀語"), max_size=900).map(str.encode),
    st.builds(lambda start, length: CODE[start : start + length], st.integers(0, 999), st.integers(0, 2500)),
    st.binary(max_size=300),
)


@cache
def tokenizer_of(name: str) -> Tokenizer:
    return load_tokenizer(vocabulary_path(name))


def measure_of(name: str, form: Form) -> Measure:
    tokenizer = tokenizer_of(name)
    encode = lru_cache(64)(tokenizer.encode)
    encoder = PromptEncoder(tokenizer, form, Framing((0,), ()))

    def prompt_tokens(problem: InfillProblem) -> int:
        prompt = lay_out(problem, form)
        return len(encoder.frame(prompt).head) + len(encode(prompt.prefix))

    def token_ends(text: bytes) -> Sequence[int]:
        return list(accumulate(len(tokenizer.pieces[token]) for token in encode(text)))

    return Measure(prompt_tokens, token_ends)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", NAMES)
def test_no_prompt_is_over_its_budget(name: str, form: str) -> None:
    measure = measure_of(name, FORMS[form])

    @settings(max_examples=25, deadline=None)
    @given(TEXTS, TEXTS, st.lists(TEXTS, max_size=3), st.booleans(), st.integers(32, 700))
    def check(prefix: bytes, suffix: bytes, chunks: list[bytes], goes_on: bool, room: int) -> None:
        shown = tuple(Chunk(b"a/%d.py" % at, text) for at, text in enumerate(chunks))
        problem = InfillProblem(
            prefix, suffix, "python", suffix_goes_on=goes_on, path=b"a.py", repo=b"r", chunks=shown
        )
        fitted = fit_budget(problem, room, measure)
        assert measure.prompt_tokens(fitted) <= room
        assert prefix.endswith(fitted.prefix)
        assert suffix.startswith(fitted.suffix)
        assert fitted.chunks == shown[: len(fitted.chunks)]
        assert fitted.suffix_goes_on == (goes_on or fitted.suffix != suffix)
        assert replace(fitted, prefix=prefix, suffix=suffix, chunks=shown, suffix_goes_on=goes_on) == problem
        if measure.prompt_tokens(problem) <= room:
            assert fitted == problem

    check()


@pytest.mark.parametrize("name", NAMES)
def test_the_room_is_used(name: str) -> None:
    """Of code, where lines are short, a step of the prefix and two lines at most are left unused."""
    measure = measure_of(name, FORMS["psm"])
    for room in (150, 400, 1000):
        fitted = fit_budget(InfillProblem(CODE, CODE), room, measure)
        assert measure.prompt_tokens(fitted) >= room - room // 4 - 32
        assert 0 < len(measure.token_ends(fitted.suffix)) <= room // SUFFIX_SHARE
        assert CODE[: len(CODE) - len(fitted.prefix)].endswith(b"\n")
        assert fitted.suffix.endswith(b"\n")


def test_a_short_prefix_leaves_the_suffix_more_than_its_share() -> None:
    measure = measure_of("gpt-2", FORMS["spm"])
    fitted = fit_budget(InfillProblem(b"import os\n", CODE), 400, measure)
    assert fitted.prefix == b"import os\n"
    assert measure.prompt_tokens(fitted) >= 400 - 2 * (400 // 16) - 32


def test_what_a_layout_leaves_out_costs_nothing() -> None:
    measure = measure_of("gpt-2", FORMS["prefix"])
    with_suffix = fit_budget(InfillProblem(CODE, CODE), 300, measure)
    assert with_suffix.suffix == CODE
    assert with_suffix.prefix == fit_budget(InfillProblem(CODE), 300, measure).prefix


def test_chunks_get_what_is_left_and_the_least_relevant_is_dropped_whole() -> None:
    measure = measure_of("gpt-2", FORMS["files"])
    chunks = tuple(Chunk(b"%d.py" % at, CODE[: 200 * (at + 1)]) for at in range(4))
    problem = InfillProblem(CODE[:1000], b"x = 1\n", path=b"a.py", chunks=chunks)
    counts = [len(fit_budget(problem, room, measure).chunks) for room in range(300, 2000, 20)]
    assert counts == sorted(counts)
    assert set(counts) == {0, 1, 2, 3, 4}
    for room in range(300, 2000, 100):
        fitted = fit_budget(problem, room, measure)
        assert not fitted.chunks or fitted.prefix == problem.prefix


@pytest.mark.parametrize("form", ["prefix", "spm"])
@pytest.mark.parametrize("name", NAMES)
def test_all_but_the_end_of_the_prefix_stays_put_while_typing(name: str, form: str) -> None:
    """A thousand bytes are typed; with room for 400 tokens a cut moves every hundred."""
    measure = measure_of(name, FORMS[form])
    chunks = (Chunk(b"b.py", CODE[:300]), Chunk(b"c.py", CODE[300:600]))
    seen = []
    for typed in range(2000, 3000, 10):
        fitted = fit_budget(InfillProblem(CODE[:typed], CODE[3000:], chunks=chunks), 400, measure)
        seen.append((typed - len(fitted.prefix), fitted.suffix, fitted.chunks))
    assert len(set(seen)) <= len(measure.token_ends(CODE[2000:3000])) // 100 + 2
    assert seen == sorted(seen, key=lambda each: each[0])


def test_cuts_move_by_steps_of_tokens() -> None:
    """With a token a byte: of 25 tokens that are 5 too many, steps of 4 drop 8, then up to a line end."""

    def excess(text: bytes) -> int:
        return len(text) - 20

    def ends(text: bytes) -> Sequence[int]:
        return range(1, len(text) + 1)

    assert cut_start(b"aaaaaaaaa\nbbbbbbbbbbbbbbb", excess, 4, ends) == b"bbbbbbbbbbbbbbb"
    assert cut_start(b"a" * 25, excess, 4, ends) == b"a" * 17
    assert cut_end(b"bbbbbbbbbbbbbb\naaaaaaaaaa", excess, 4, ends) == b"bbbbbbbbbbbbbb\n"
    assert cut_end(b"a" * 25, excess, 4, ends) == b"a" * 17
    assert cut_start(b"a" * 20, excess, 4, ends) == cut_end(b"a" * 20, excess, 4, ends) == b"a" * 20
    assert cut_start(b"a" * 9, lambda text: len(text) + 1, 4, ends) == b""


def test_cuts_lie_between_characters() -> None:
    text = "é😀語".encode() * 20

    def ends(text: bytes) -> Sequence[int]:
        return range(1, len(text) + 1)

    for room in range(4, 150):
        cut_start(text, lambda kept, room=room: len(kept) - room, 3, ends).decode()
        cut_end(text, lambda kept, room=room: len(kept) - room, 3, ends).decode()
