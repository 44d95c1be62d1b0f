"""The llama.cpp engine: damaged files, cancelling, what it keeps to itself."""

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import llama_cpp.llama_cpp as native
import numpy as np
import pytest

from byte_lsp.engines.branch_cache import CHUNK_TOKENS
from byte_lsp.engines.llama_cpp import _CACHE_TYPES, EngineConfig, LlamaCppEngine, requantize
from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.errors import Cancelled, EngineError


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none\.gguf: llama\.cpp cannot load this model: .*No such file"):
        LlamaCppEngine(EngineConfig(tmp_path / "none.gguf", safe_path=True))


@pytest.mark.parametrize("kept", [0, 3, 1_000, 3_000_000])
def test_a_truncated_file_is_named(smollm2_path: Path, tmp_path: Path, kept: int) -> None:
    cut = tmp_path / "cut.gguf"
    with smollm2_path.open("rb") as whole:
        cut.write_bytes(whole.read(kept))
    with pytest.raises(EngineError, match=r"cut\.gguf: llama\.cpp cannot load this model: \w"):
        LlamaCppEngine(EngineConfig(cut, safe_path=True))


def test_a_model_whose_context_cannot_be_made_is_freed(
    smollm2_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed = []
    free = native.llama_model_free
    monkeypatch.setattr(native, "llama_model_free", lambda model: (freed.append(model), free(model)))
    # llama.cpp has no cache of this type without flash attention.
    monkeypatch.setitem(_CACHE_TYPES, "f32", native.GGML_TYPE_Q4_0)
    with pytest.raises(EngineError, match=r"cannot make a context of 64 tokens: \w.*context_tokens"):
        LlamaCppEngine(EngineConfig(smollm2_path, context_tokens=64, safe_path=True, cache_type="f32"))
    assert len(freed) == 1


def test_cancelling_stops_within_one_chunk(smollm2_engine: LlamaCppEngine) -> None:
    tree = TokenTree(tuple(range(100, 600)))
    started = smollm2_engine.tokens_evaluated
    outcome: list[BaseException] = []

    def evaluate() -> None:
        try:
            smollm2_engine.evaluate(tree, [TRUNK_END])
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=evaluate)
    thread.start()
    while smollm2_engine.tokens_evaluated - started < CHUNK_TOKENS and thread.is_alive():
        time.sleep(0.001)
    before = smollm2_engine.tokens_evaluated
    smollm2_engine.interrupt(True)
    thread.join()
    smollm2_engine.interrupt(False)
    assert len(outcome) == 1
    assert smollm2_engine.tokens_evaluated - before <= CHUNK_TOKENS
    assert smollm2_engine.evaluate(TokenTree((1, 2, 3)), [TRUNK_END]).shape[0] == 1


def test_a_closed_engine_says_so(smollm2_path: Path) -> None:
    engine = LlamaCppEngine(EngineConfig(smollm2_path, context_tokens=64, safe_path=True))
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.evaluate(TokenTree((1,)), [TRUNK_END])


def test_engines_come_and_go_while_another_one_complains(smollm2_path: Path, tmp_path: Path) -> None:
    """llama.cpp has one log for all; it must not call that of an engine that is gone."""
    engine = LlamaCppEngine(EngineConfig(smollm2_path, context_tokens=256, safe_path=True))
    with pytest.raises(EngineError):
        LlamaCppEngine(EngineConfig(tmp_path / "none.gguf", safe_path=True))
    gc.collect()
    tokens = tuple(range(300))  # 150 branches of two tokens: more than the cache has room for
    parents = tuple(TRUNK_END if at % 2 == 0 else at - 1 for at in tokens)
    with pytest.raises(EngineError, match=r"554 tokens does not fit into the 512 cells"):
        engine.evaluate(TokenTree((0,) * 254, tokens, parents), [0])
    assert engine.evaluate(TokenTree((0,) * 200), [TRUNK_END]).shape[0] == 1
    engine.close()


SILENT_LOAD = """
import sys
from pathlib import Path
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
engine = LlamaCppEngine(EngineConfig(Path(sys.argv[1]), context_tokens=64, safe_path=True))
engine.evaluate(TokenTree((1, 2, 3)), [TRUNK_END])
engine.close()
"""


def test_loading_and_evaluating_print_nothing(smollm2_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENT_LOAD, str(smollm2_path)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_reference_configuration_gives_the_same_values_in_any_batch(
    reference_engine: LlamaCppEngine,
) -> None:
    tokens = tuple(range(700, 740))
    chain = TokenTree(tokens[:1], tokens[1:], tuple(range(-1, 38)))
    reference_engine.forget()
    together = log_probabilities(reference_engine.evaluate(chain, range(39)))
    reference_engine.forget()
    for at in range(39):
        alone = log_probabilities(reference_engine.evaluate(TokenTree(tokens[: at + 2]), [TRUNK_END])[0])
        likely = np.argsort(alone)[-50:]
        assert np.abs(alone - together[at])[likely].max() < 5e-5


def test_requantizing_writes_a_model_that_says_nearly_the_same(
    smollm2_f32_path: Path, reference_engine: LlamaCppEngine, tmp_path: Path
) -> None:
    path = tmp_path / "q8.gguf"
    requantize(smollm2_f32_path, path, "Q8_0")
    assert [found.name for found in tmp_path.iterdir()] == ["q8.gguf"]
    assert path.stat().st_size < 0.3 * smollm2_f32_path.stat().st_size
    engine = LlamaCppEngine(EngineConfig(path, context_tokens=64, safe_path=True))
    tree = TokenTree(tuple(range(700, 720)))
    rows = [log_probabilities(each.evaluate(tree, [TRUNK_END])) for each in (engine, reference_engine)]
    engine.close()
    assert 0 < np.median(np.abs(rows[0] - rows[1])) < 0.2


@pytest.mark.parametrize("kept", [None, 1_000])
def test_what_cannot_be_requantized_is_named(smollm2_path: Path, tmp_path: Path, kept: int | None) -> None:
    source = tmp_path / "source.gguf"
    if kept is not None:
        with smollm2_path.open("rb") as whole:
            source.write_bytes(whole.read(kept))
    with pytest.raises(EngineError, match=r"source\.gguf: llama\.cpp cannot write it as F32: \w"):
        requantize(source, tmp_path / "target.gguf", "F32")
    assert not (tmp_path / "target.gguf").exists()


def test_a_target_that_cannot_be_written_is_named(smollm2_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none.target\.gguf: cannot be written: .*folder"):
        requantize(smollm2_path, tmp_path / "none" / "target.gguf", "Q4_0")
