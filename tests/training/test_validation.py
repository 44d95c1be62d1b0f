"""Validation adds up what the network says of middles and ends."""

import re
from pathlib import Path

import pytest

from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.training.documents import read_documents
from byte_lsp.training.examples import Example, ExampleMaker
from byte_lsp.training.packs import Pack
from byte_lsp.training.spans import KIND_WEIGHTS, SINGLE_LINE
from byte_lsp.training.validation import ROW_TOKENS, choose_probes, compare, measure


def every_token(nats: float) -> object:
    def losses(pack: Pack) -> list[list[float]]:
        return [[nats] * int((row > 0).sum()) for row in pack.weights]

    return losses


def example(kind: str, tokens: int, middle_bytes: int, ends: bool) -> Example:
    counted = tokens + ends
    weights = (0.0, *[1.0] * counted)
    return Example(tuple(range(1, counted + 3)), weights, kind, "go", 2, middle_bytes, ends)  # type: ignore[arg-type]


def test_known_sums() -> None:
    examples = [example("line", 3, 10, True), example("rest", 1, 4, True), example("block", 5, 6, False)]
    tallies = measure(every_token(2.0), examples, rows=2)  # type: ignore[arg-type]
    assert tallies["kind:line"].nats_per_byte == pytest.approx(6 / 10)
    assert tallies["single lines"].nats_per_byte == pytest.approx(8 / 14)
    assert tallies["go"].nats_per_byte == pytest.approx(18 / 20)
    assert (tallies["all"].ends, tallies["all"].nats_per_end) == (2, 2.0)
    base = measure(every_token(4.0), examples)  # type: ignore[arg-type]
    assert compare(tallies, base)["go:single lines"] == {
        "nats_per_byte": round(8 / 14, 4),
        "ratio": 0.5,
        "nats_per_end": 2.0,
    }


def test_middles_of_nothing_cost_nothing() -> None:
    empty = Example((1, 2, 3), (0.0, 0.0), "empty", "go", 2, 0, False)
    asked = []

    def losses(pack: Pack) -> list[list[float]]:
        asked.append(pack.inputs.shape[0])
        return [[1.0] * int((row > 0).sum()) for row in pack.weights]

    tallies = measure(losses, [empty] * 8 + [example("line", 3, 10, True)], rows=8)
    assert asked == [1]
    assert tallies["all"].bytes == 10


def test_probes_are_the_same_middles_twice(data_set: Path, maker: ExampleMaker) -> None:
    documents = read_documents(data_set, "valid")
    probes = choose_probes(documents, maker, ["python"], per_kind=2, seed=1)
    assert probes == choose_probes(documents, maker, ["python"], per_kind=2, seed=1)
    assert probes != choose_probes(documents, maker, ["python"], per_kind=2, seed=2)
    for kind in KIND_WEIGHTS:
        assert sum(probe.filled.kind == kind for probe in probes) == (6 if kind in SINGLE_LINE else 2)
    for probe in probes:
        filled, alone = probe.filled, probe.alone
        written = filled.tokens[filled.middle_at : -1 if filled.ends else None]
        assert written == alone.tokens[alone.middle_at :]
        assert not alone.ends
        assert filled.ends == (filled.kind != "end")
        assert max(len(filled.tokens), len(alone.tokens)) <= ROW_TOKENS + 1


def test_excerpts_are_single_lines_of_one_definition(
    data_set: Path, maker: ExampleMaker, tokenizer: Tokenizer
) -> None:
    documents = read_documents(data_set, "valid")
    probes = choose_probes(documents, maker, ["python"], per_kind=3, seed=1, excerpts=True)
    assert {probe.filled.kind for probe in probes} == set(SINGLE_LINE)
    assert len(probes) == 9 * len(SINGLE_LINE)
    texts = [tokenizer.decode(probe.filled.tokens) for probe in probes]
    assert sum(len(re.findall(rb"(?m)^(?:def|class|import|from)\b", text)) < 2 for text in texts) > 0.9 * len(
        texts
    )
