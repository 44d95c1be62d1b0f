"""genlm-bytes, driven over its pipes by ``genlm_cost``. Runs as a script in any interpreter that has it.

    python -P genlm_peer.py MODEL.gguf

Imports nothing of byte-lsp, so that genlm-bytes and torch may live in an environment of their own. The first
line on standard output says what was loaded; then every line read, a question, is answered by one line. All
lines are JSON; texts are Latin-1 strings, one character a byte.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from genlm.backend.llm import AsyncTransformer
from genlm.bytes import BeamParams, ByteBeamState
from transformers import AutoModelForCausalLM, AutoTokenizer

BEAM_WIDTH = 5
PRUNE_THRESHOLD = 0.01
_BYTES = 256
_PATIENT_SECONDS = 0.02  # genlm-backend's default wait for more queries to share a batch


def main() -> None:
    """Load the weights in 32 bits, then answer until the input ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    llm, threads = _load(Path(sys.argv[1]))

    def answer(content: dict[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    packages = ("genlm-bytes", "genlm-backend", "transformers", "torch")
    answer({"versions": {package: version(package) for package in packages}, "threads": threads})
    asyncio.run(_answer_all(llm, answer))


def _load(path: Path) -> tuple[Any, int]:
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    return AsyncTransformer(model, tokenizer, timeout=_PATIENT_SECONDS), torch.get_num_threads()


async def _answer_all(llm: Any, answer: Callable[[dict[str, Any]], None]) -> None:
    beam = await ByteBeamState.initial(llm, BeamParams(K=BEAM_WIDTH, prune_threshold=PRUNE_THRESHOLD))
    for line in sys.stdin:
        question = json.loads(line)
        llm.timeout = 0.0 if question["impatient"] else _PATIENT_SECONDS
        llm.clear_cache()
        answer(await _time(llm, beam, question))


async def _time(llm: Any, beam: Any, question: dict[str, Any]) -> dict[str, Any]:
    """Seconds to read the prefix byte by byte, and to generate greedily after it."""
    prefix = question["prefix"].encode("latin-1")
    started = time.perf_counter()
    state = await beam.prefill(prefix)
    await state.logp_next()
    read = time.perf_counter()
    if question["impatient"]:
        llm.cache_kv(list(state.states[0].lm_state.context))
    cached = time.perf_counter()
    text = bytearray()
    for _ in range(question["bytes"]):
        byte = int((await state.logp_next()).ps[:_BYTES].argmax())  # never end of text
        text.append(byte)
        state = await (state.prune() << byte)
    return {
        "prefix_s": read - started,
        "generated_s": time.perf_counter() - cached,
        "text": text.decode("latin-1"),
    }


if __name__ == "__main__":
    main()
