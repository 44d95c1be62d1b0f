"""byte-lsp beside genlm-bytes, its nearest peer: the same weights, the same prefixes, one after the other.

genlm-bytes runs as its pages say, with a beam of 5 and a pruning threshold of 0.01, on transformers with
32-bit weights read from the same model file; and once more *helped*: without its wait for more queries to
share a batch, and with the prompt's keys and values cached before it generates. byte-lsp goes *by byte*,
which answers the same question as it generates, a distribution over the next byte at every byte, at an
``eps`` of 0.01; and *by token*, as it does for suggestions.

What is timed of a prefix is the time until the first distribution after it, by the prefix's bytes. The work
is not alike: byte-lsp reads the prefix at once and gives that one distribution; genlm-bytes goes through it
byte by byte, for its beam has to.
"""

import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from byte_lsp.bytes.model import TokenByteModel
from byte_lsp.bytes.sampler import Sampling
from byte_lsp.engines.openmp import WAITING
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median
from byte_lsp.evaluation.local import LocalModel
from byte_lsp.evaluation.progress import OnDone

EPS = 1e-2
PEER, HELPED = "genlm-bytes", "genlm-bytes, helped"
NOT_INSTALLED = (
    "genlm-bytes is not installed for {python}; run: pip install 'byte-lsp[genlm]', or name an interpreter "
    "that has genlm-bytes and gguf with --genlm-python"
)
_SCRIPT = Path(__file__).with_name("genlm_peer.py")
_NEEDED = ("genlm.bytes", "gguf", "torch")
_PROBE = f"import importlib.util as u; raise SystemExit(not all(map(u.find_spec, {_NEEDED})))"


@dataclass(frozen=True, slots=True)
class Timing:
    """One contender at one prefix: seconds from nothing until the first distribution after it, and for
    generating greedily."""

    contender: str
    prefix_bytes: int
    prefix_s: float
    generated_bytes: int
    generated_s: float
    text: bytes

    @property
    def prefix_ms_per_byte(self) -> float:
        return self.prefix_s / self.prefix_bytes * 1e3

    @property
    def generated_ms_per_byte(self) -> float:
        return self.generated_s / self.generated_bytes * 1e3


@dataclass(frozen=True, slots=True)
class Medians:
    """A contender's medians, in milliseconds a byte."""

    contender: str
    prefix_ms_per_byte: float
    generated_ms_per_byte: float


@dataclass(frozen=True, slots=True)
class Speedup:
    """How many times faster one of ours is than a peer: medians of paired ratios."""

    ours: str
    peer: str
    prefix: Interval
    generated: Interval


@dataclass(frozen=True, slots=True)
class Summary:
    """Medians by contender, each of ours against both peers, and what they were made from.

    ``threads`` are those that evaluate, of the peer and of each of our models.
    """

    versions: Mapping[str, str]
    threads: Mapping[str, int]
    medians: list[Medians]
    speedups: list[Speedup]
    rounds: list[list[Timing]]


class Peer(AbstractContextManager["Peer"]):
    """genlm-bytes in a process of its own, with one model."""

    def __init__(self, python: str, model_path: Path) -> None:
        """Start it and wait until it has loaded. Errors: ``EvaluationError`` if it is not there or fails."""
        if not is_installed(python):
            raise EvaluationError(NOT_INSTALLED.format(python=python))
        self._command = [python, "-P", str(_SCRIPT), str(model_path.absolute())]
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=peer_environment(),
        )
        self.loaded: Mapping[str, Any] = self._read()

    def time(self, prefix: bytes, generated_bytes: int, *, helped: bool) -> Timing:
        """Read a prefix and generate. Errors: ``EvaluationError`` if the process ended."""
        question = {"prefix": prefix.decode("latin-1"), "bytes": generated_bytes, "impatient": helped}
        try:
            self._pipe(self._process.stdin).write(json.dumps(question).encode() + b"\n")
            self._pipe(self._process.stdin).flush()
        except BrokenPipeError:
            raise self._ended() from None
        answer = self._read()
        return Timing(
            contender=HELPED if helped else PEER,
            prefix_bytes=len(prefix),
            prefix_s=answer["prefix_s"],
            generated_bytes=generated_bytes,
            generated_s=answer["generated_s"],
            text=answer["text"].encode("latin-1"),
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        line = self._pipe(self._process.stdout).readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> EvaluationError:
        code = self._process.wait()
        return EvaluationError(
            f"genlm-bytes ended with exit code {code}; to see why, run: {shlex.join(self._command)}"
        )

    @staticmethod
    def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
        assert pipe is not None
        return pipe


def is_installed(python: str = sys.executable) -> bool:
    """Whether an interpreter has genlm-bytes and can read GGUF files into torch."""
    try:
        return subprocess.run([python, "-c", _PROBE], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def peer_environment() -> dict[str, str]:
    """The environment as it was before byte-lsp's engine told OpenMP how to wait; the user's words hold."""
    return {name: value for name, value in os.environ.items() if name not in WAITING}


def measure(
    peer: Peer,
    models: Mapping[str, LocalModel],
    prefixes: Sequence[bytes],
    generated_bytes: int,
    seed: int,
    on_done: OnDone,
) -> Summary:
    """Every contender at every prefix, in an order that rotates. ``models`` are ours, by name."""
    contenders: list[Callable[[bytes], Timing]] = [
        lambda prefix: peer.time(prefix, generated_bytes, helped=False),
        lambda prefix: peer.time(prefix, generated_bytes, helped=True),
    ]
    for name, model in models.items():
        contenders += [
            partial(_time_by_byte, model, generated_bytes=generated_bytes, name=f"{name}, by byte"),
            partial(_time_by_token, model, generated_bytes=generated_bytes, name=f"{name}, by token"),
        ]
    rounds = []
    for done, prefix in enumerate(prefixes, 1):
        turn = done % len(contenders)
        rounds.append([contend(prefix) for contend in (*contenders[turn:], *contenders[:turn])])
        on_done(done)
    threads = {PEER: peer.loaded["threads"], **{name: each.engine.threads for name, each in models.items()}}
    return summarize(rounds, peer.loaded["versions"], threads, seed)


def summarize(
    rounds: list[list[Timing]], versions: Mapping[str, str], threads: Mapping[str, int], seed: int
) -> Summary:
    """Medians by contender, and each of ours against both peers."""
    by_name = {timing.contender: _of(rounds, timing.contender) for timing in rounds[0]}
    ours = [name for name in by_name if name not in (PEER, HELPED)]

    def speedup(name: str, peer: str) -> Speedup:
        pairs = list(zip(by_name[peer], by_name[name], strict=True))
        prefix = [theirs.prefix_s / mine.prefix_s for theirs, mine in pairs]
        generated = [theirs.generated_ms_per_byte / mine.generated_ms_per_byte for theirs, mine in pairs]
        return Speedup(
            name, peer, bootstrap_median(prefix, seed=seed), bootstrap_median(generated, seed=seed)
        )

    medians = [
        Medians(
            name,
            statistics.median(timing.prefix_ms_per_byte for timing in timings),
            statistics.median(timing.generated_ms_per_byte for timing in timings),
        )
        for name, timings in sorted(by_name.items())
    ]
    speedups = [speedup(name, peer) for peer in (PEER, HELPED) for name in sorted(ours)]
    return Summary(versions, threads, medians, speedups, rounds)


def _time_by_byte(model: LocalModel, prefix: bytes, generated_bytes: int, name: str) -> Timing:
    """The same question as the peer's: a distribution over the next byte, at every byte that it generates."""
    model.forget()
    text = bytearray()
    started = time.perf_counter()
    state = TokenByteModel(model.engine, model.canonical, EPS).state(prefix)
    state.next_byte()
    read = time.perf_counter()
    for _ in range(generated_bytes):
        byte = int(state.next_byte()[:256].argmax())
        text.append(byte)
        state = state.advance(byte)
    generated = time.perf_counter()
    return Timing(name, len(prefix), read - started, len(text), generated - read, bytes(text))


def _time_by_token(model: LocalModel, prefix: bytes, generated_bytes: int, name: str) -> Timing:
    """The path that suggestions take: covers, then token after token."""
    model.forget()
    text = bytearray()
    started = time.perf_counter()
    covers = model.weigh(prefix, "exact")
    read = time.perf_counter()
    for step in model.sampler("exact").steps(covers, Sampling(temperature=0)):
        text += step.data
        if len(text) >= generated_bytes:
            break
    generated = time.perf_counter()
    return Timing(name, len(prefix), read - started, max(1, len(text)), generated - read, bytes(text))


def _of(rounds: Sequence[Sequence[Timing]], contender: str) -> list[Timing]:
    return [timing for each in rounds for timing in each if timing.contender == contender]
