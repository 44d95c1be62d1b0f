"""What is trained on is what the product asks, token for token."""

import itertools
import random
from dataclasses import replace

import pytest

from byte_lsp.bytes.framing import Framing
from byte_lsp.infill.layouts import Form, PromptEncoder, lay_out
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.training.documents import Document
from byte_lsp.training.examples import END_WEIGHT, LOOKBACK_TOKENS, MOST_WEIGHT, ExampleMaker
from byte_lsp.training.spans import KIND_WEIGHTS, Span, draw_kind, draw_span

PROBLEM = InfillProblem(
    b"def area(self):\n    return self.wid", b" * self.height\n", "python", suffix_goes_on=True
)


def test_by_hand(maker: ExampleMaker, tokenizer: Tokenizer) -> None:
    example = maker.of(PROBLEM, b"th", "inside")
    ids = tokenizer.vocabulary.ids_of_spelling
    body = tokenizer.encode(b"def area(self):\n    return self.width")
    head = [
        ids["<|endoftext|>"],
        ids["<jupyter_start>"],
        *tokenizer.encode(b" * self.height\n"),
        ids["<jupyter_code>"],
    ]
    assert list(example.tokens) == [*head, *body, ids["<|endoftext|>"]]
    assert tokenizer.decode(body[-1:]) == b"width", "the token that the cursor stands in"
    assert example.weights == (*[0.0] * (len(head) + len(body) - 2), 1.0, END_WEIGHT)
    assert example.tokens[example.middle_at :] == (body[-1], ids["<|endoftext|>"])
    assert example.begun == b"wid"
    assert example.middle_bytes == len(b"th")


def test_without_a_suffix_nothing_ends(maker: ExampleMaker, tokenizer: Tokenizer) -> None:
    example = maker.of(replace(PROBLEM, suffix=b"", suffix_goes_on=False), b"th\n", "end")
    start = tokenizer.vocabulary.ids_of_spelling["<|endoftext|>"]
    assert list(example.tokens) == [start, *tokenizer.encode(PROBLEM.prefix + b"th\n")]
    assert not example.ends
    assert example.weights == (1.0,) * (len(example.tokens) - 1)
    assert example.begun == b""
    assert example.middle_bytes == len(PROBLEM.prefix + b"th\n"), "all of it is to be written"


def test_the_last_line_of_a_whole_file_has_an_empty_suffix_and_an_end(
    maker: ExampleMaker, tokenizer: Tokenizer
) -> None:
    text = b"def area(self):\n    return self.width\n"
    document = Document("shapes", "area.py", "python", text)
    for at in (len(text) - 1, len(text)):
        span = Span("last", text.index(b"    return"), at)
        problem = maker.problem(document, span, 128, random.Random(1))
        assert problem is not None
        example = maker.of(problem, text[span.start : span.end], span.kind)
        ids = tokenizer.vocabulary.ids_of_spelling
        behind = tokenizer.encode(text[at:])
        head = [ids["<|endoftext|>"], ids["<jupyter_start>"], *behind, ids["<jupyter_code>"]]
        assert list(example.tokens) == [*head, *tokenizer.encode(text[:at]), ids["<|endoftext|>"]]
        assert example.weights[-1] == END_WEIGHT
    writing = maker.problem(document, replace(span, kind="end"), 128, random.Random(1))
    assert writing is not None
    assert not maker.of(writing, text[span.start :], "end").ends


def test_no_middle_is_an_end_alone(maker: ExampleMaker) -> None:
    example = maker.of(PROBLEM, b"", "empty")
    assert example.ends
    assert (example.begun, example.middle_bytes) == (b"", 0)
    assert sum(example.weights) == END_WEIGHT == example.weights[-1] > 1


def test_long_middles_weigh_no_more_than_their_share(maker: ExampleMaker) -> None:
    example = maker.of(PROBLEM, b"th + self.depth" * 40, "block")
    assert sum(example.weights[:-1]) == pytest.approx(MOST_WEIGHT)
    assert example.weights[-1] == END_WEIGHT


def test_prefix_weight(tokenizer: Tokenizer, form: Form, framing: Framing, end_token: int) -> None:
    weighing = ExampleMaker(tokenizer, form, framing, end_token, 0.25)
    body = len(tokenizer.encode(PROBLEM.prefix + b"th"))
    assert weighing.of(PROBLEM, b"th", "inside").weights[-body - 1 :] == (
        *[0.25] * (body - 1),
        1.0,
        END_WEIGHT,
    )
    long = replace(PROBLEM, prefix=PROBLEM.prefix * 9)
    assert weighing.of(long, b"th", "inside").weights.count(0.25) == LOOKBACK_TOKENS


def test_text_weight(tokenizer: Tokenizer, form: Form, framing: Framing, end_token: int) -> None:
    """Every other token of the suffix and of the prefix's beginning counts, and no sentinel does."""
    weighing = ExampleMaker(tokenizer, form, framing, end_token, 0.25, 0.125)
    long = replace(PROBLEM, prefix=PROBLEM.prefix * 9, suffix=PROBLEM.suffix * 5)
    example = weighing.of(long, b"th", "inside")
    plain = ExampleMaker(tokenizer, form, framing, end_token, 0.25).of(long, b"th", "inside")
    assert example.tokens == plain.tokens
    ids = tokenizer.vocabulary.ids_of_spelling
    suffix_tokens = len(tokenizer.encode(long.suffix))
    far = len(tokenizer.encode(long.prefix + b"th")) - 1 - LOOKBACK_TOKENS
    weighed = [weight == 0.125 for weight in (0.0, *example.weights)]
    assert sum(weighed) == pytest.approx((suffix_tokens + far) / 2, abs=1)
    assert not any(one and other for one, other in itertools.pairwise(weighed))
    sentinels = (end_token, ids["<jupyter_start>"], ids["<jupyter_code>"])
    assert not any(token in sentinels for token, has in zip(example.tokens, weighed, strict=True) if has)
    assert [0.0 if weight == 0.125 else weight for weight in example.weights] == list(plain.weights)


def test_as_the_product_asks(
    maker: ExampleMaker, tokenizer: Tokenizer, form: Form, framing: Framing, documents: list[Document]
) -> None:
    """Before the byte prefix stands what the product puts there; what follows spells prefix and middle."""
    rng = random.Random(5)
    encoder = PromptEncoder(tokenizer, form, framing)
    seen = 0
    for _ in range(150):
        document, kind = rng.choice(documents), draw_kind(rng)
        span = draw_span(document.lines, kind, rng)
        other = rng.choice(documents) if rng.random() < 0.3 else None
        problem = span and maker.problem(document, span, 384, rng, other)
        if not span or not problem:
            continue
        middle = document.text[span.start : span.end]
        assert document.text[: span.start].endswith(problem.prefix)
        assert document.text[span.end :].startswith(problem.suffix)
        assert problem.suffix_goes_on == (kind != "end" and problem.suffix != document.text[span.end :])
        prompt = lay_out(problem, form)
        example = maker.of(problem, middle, kind)
        head = encoder.frame(prompt).head
        assert example.tokens[: len(head)] == head
        body = example.tokens[len(head) : -1 if example.ends else None]
        assert tokenizer.decode(body) == prompt.prefix + middle
        assert list(body) == tokenizer.encode(prompt.prefix + middle)
        written = prompt.prefix + middle if kind == "end" else middle
        assert tokenizer.decode(body[example.middle_at - len(head) :]) == example.begun + written
        assert example.middle_bytes == len(written)
        seen += 1
    assert seen > 100


@pytest.mark.parametrize("room", [128, 256, 777])
def test_examples_fit_their_room(maker: ExampleMaker, documents: list[Document], room: int) -> None:
    rng = random.Random(room)
    lengths = []
    for kind in KIND_WEIGHTS:
        for _ in range(12):
            document = rng.choice(documents)
            span = draw_span(document.lines, kind, rng)
            example = span and maker.make(document, span, room, rng, rng.choice(documents))
            if example:
                lengths.append(len(example.tokens))
    assert len(lengths) > 40
    assert max(lengths) <= room + 1
    assert sorted(lengths)[len(lengths) // 2] > 0.8 * room


def test_windows_are_whole_lines(
    maker: ExampleMaker, tokenizer: Tokenizer, documents: list[Document]
) -> None:
    text = max((document.text for document in documents), key=len)
    for room in (20, 60, 200):
        head, tail = maker.head(text, room), maker.tail(text, room)
        assert text.startswith(head)
        assert head.endswith(b"\n")
        assert text.endswith(tail)
        assert text[: len(text) - len(tail)].endswith(b"\n")
        assert len(tokenizer.encode(head)) <= room >= len(tokenizer.encode(tail)) > 0
    assert maker.head(b"x" * 900, 10) == b"x" * len(maker.head(b"x" * 900, 10)) != b""
    assert maker.head(text, 0) == b"" == maker.tail(text, 0)
