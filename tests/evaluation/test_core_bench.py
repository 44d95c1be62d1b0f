"""Each part of the core benchmark on the real model: what was done, not how long it took."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.engines.llama_cpp import raw_decode
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import byte_cost, context_cost, request_cost, vocabulary_cost
from byte_lsp.evaluation.context_cost import last_lines
from byte_lsp.evaluation.core_bench import CoreOptions, run_core
from byte_lsp.evaluation.local import wide_path
from byte_lsp.evaluation.progress import show_progress

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

PREFIX = (
    b"class Stack:\n    def __init__(self):\n        self.items = []\n\n"
    b"    def push(self, item):\n        self.ite"
)


def ignore(done: int) -> None:
    """Nobody watches."""


def test_raw_decoding_takes_the_tokens_that_the_engine_finds_best(local_model: "LocalModel") -> None:
    prompt = local_model.path_of(b"def add(a, b):\n    return")
    tokens = raw_decode(local_model.engine.inner, prompt[:-2], prompt[-2:])
    drawn = [next(tokens) for _ in range(4)]
    tokens.close()
    path = prompt
    for token in drawn:
        assert int(local_model.engine.evaluate(TokenTree(path), [TRUNK_END])[0].argmax()) == token
        path = (*path, token)


def test_a_warm_request_evaluates_little_and_a_cold_one_everything(local_model: "LocalModel") -> None:
    prompt = len(local_model.path_of(PREFIX))
    for contender in request_cost.CONTENDERS:
        warm = request_cost.ask(local_model, contender, PREFIX, 3)
        cold = request_cost.ask(local_model, contender, PREFIX, 3, warm=False)
        assert (warm.tokens, cold.tokens) == (3, 3)
        assert warm.tokens_evaluated < prompt <= cold.tokens_evaluated + 1
        assert 0 < warm.engine_s <= warm.total_s


def test_exact_goes_on_with_ms_and_raw_does_not(local_model: "LocalModel") -> None:
    summary = request_cost.measure(local_model, [PREFIX], 3, 0, ignore)
    texts = {contender: request.text for contender, request in summary.rounds[0].items()}
    assert texts["exact"].startswith(b"ms")
    assert not texts["raw"].startswith(b"ms")
    assert [each.contender for each in summary.medians] == list(request_cost.CONTENDERS)
    exact, plain = summary.rounds[0]["exact"], summary.rounds[0]["plain"]
    assert summary.ratios[0].name == "request, exact / plain"
    assert summary.ratios[0].ratio.estimate == pytest.approx(exact.total_s / plain.total_s)


def test_a_walk_costs_more_evaluations_the_smaller_eps_is(local_model: "LocalModel") -> None:
    summary = byte_cost.measure(local_model, [PREFIX], 4, 0, ignore)
    assert [each.eps for each in summary.comparisons] == [1e-2, 1e-3, 0.0]
    coarse, fine, exact = summary.rounds[0].walks
    assert coarse.text_bytes == exact.text_bytes == len(summary.rounds[0].request.text)
    assert coarse.tokens_evaluated <= fine.tokens_evaluated <= exact.tokens_evaluated
    assert exact.left_out < 0.01, "tokens that were not asked about"
    assert coarse.left_out <= 0.2


def test_context_sizes_are_measured_cold_and_warm(local_model: "LocalModel") -> None:
    prefix = b"# one line of a file\n" * 20 + PREFIX
    summary = context_cost.measure(local_model, [prefix], 2, ignore, sizes=(100, 300))
    assert len(summary.points) == 8
    assert {(growth.contender, growth.warm) for growth in summary.growths} == {
        (contender, warm) for contender in ("raw", "exact") for warm in (False, True)
    }
    assert all(list(growth.medians_ms) == [100, 300] for growth in summary.growths)
    assert all(0 < point.prefix_bytes <= point.size for point in summary.points)


@pytest.mark.parametrize(
    ("prefix", "size", "lines"),
    [
        (b"ab\ncd\nef", 6, b"cd\nef"),
        (b"ab\ncd\nef", 5, b"cd\nef"),
        (b"ab\ncd\nef", 4, b"ef"),
        (b"abcdef", 4, b"cdef"),
        (b"abcdef\n", 4, b"def\n"),
        (b"ab", 4, b"ab"),
    ],
)
def test_the_last_lines_fit(prefix: bytes, size: int, lines: bytes) -> None:
    assert last_lines(prefix, size) == lines


def test_a_models_time_is_split_into_the_engines_and_its_own(local_model: "LocalModel") -> None:
    (cost,) = vocabulary_cost.measure([local_model], [PREFIX], 3, ignore)
    assert cost.vocabulary_size == 49_152
    assert cost.token_engine_ms > 0
    assert cost.request_own_ms > 0


def test_a_model_that_ends_every_text_has_no_tokens_to_time(local_model: "LocalModel") -> None:
    with pytest.raises(EvaluationError, match="more --tokens"):
        vocabulary_cost.measure([local_model], [PREFIX], 1, ignore)


def test_a_part_that_fails_leaves_a_note_and_the_others(smollm2_path: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and no more")
    options = CoreOptions(
        str(smollm2_path), str(broken), ("requests", "vocabulary"), cursors=2, tokens=2, context_bytes=64
    )
    with show_progress() as track:
        found = run_core(options, track)
    assert found.requests is not None
    assert found.vocabulary is None
    (note,) = found.notes
    assert note.startswith("vocabulary failed: ")
    assert "broken.gguf" in note
    with pytest.raises(EvaluationError, match=r"vocabulary failed: .*broken\.gguf"), show_progress() as track:
        run_core(replace(options, parts=("vocabulary",)), track)


def test_a_model_is_not_compared_with_itself(smollm2_path: Path) -> None:
    options = CoreOptions(str(smollm2_path), str(smollm2_path), ("vocabulary",))
    with pytest.raises(EvaluationError, match="is the model itself"), show_progress() as track:
        run_core(options, track)


def test_a_wide_file_belongs_to_one_content(tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "model.gguf", tmp_path / "b" / "model.gguf"
    for path, content in ((first, b"one"), (second, b"two")):
        path.parent.mkdir()
        path.write_bytes(content)
    assert wide_path(first) != wide_path(second)
    second.write_bytes(b"one")
    assert wide_path(first) == wide_path(second)


def test_a_part_that_lacks_something_is_an_error_if_nothing_else_was_asked_for() -> None:
    options = CoreOptions("smollm2-135m", parts=("genlm",), genlm_python="/no/such/python")
    with (
        pytest.raises(EvaluationError, match=r"genlm-bytes is not installed.*byte-lsp\[genlm\]"),
        show_progress() as t,
    ):
        run_core(options, t)
