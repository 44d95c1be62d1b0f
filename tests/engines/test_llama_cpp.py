"""The llama.cpp engine: damaged files, cancelling, what it keeps to itself."""

import gc
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from byte_lsp.engines.llama_cpp import CHUNK_TOKENS, EngineConfig, LlamaCppEngine
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
    pairs = 150  # branches of two tokens: more tokens than the cache has room for
    parents = tuple(TRUNK_END if at % 2 == 0 else at - 1 for at in range(2 * pairs))
    with pytest.raises(EngineError, match=r"no room in its KV cache"):
        engine.evaluate(TokenTree((0,) * 254, (1,) * (2 * pairs), parents), [0])
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
