"""The llama.cpp engine. The only module that imports ``llama_cpp``, and native code with it.

A tree is evaluated in batches of at most ``CHUNK_TOKENS`` tokens in which every token names the sequences
(branches) it belongs to; the branches share one unified KV cache. After a call the cache still holds every
branch, so that a following call whose trunk goes on along one of them evaluates only what is new.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from byte_lsp.engines.protocol import MAX_SEQUENCES, TRUNK_END, LogProbs, TokenTree
from byte_lsp.errors import Cancelled, EngineError

# Read once, when the library is loaded. Threads that spin at OpenMP's barriers make a token take ten times as
# long and more once anything else wants the cores (a compiler, a test run); threads that sleep there cost
# little on an idle machine.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
import llama_cpp.llama_cpp as native

CHUNK_TOKENS = 64
"""Most tokens in one decode call: what a cancelled request may still cost."""

_ABORTED = 2
_NO_CACHE_SLOT = 1
_COMPLAINTS = (3, 4)  # GGML_LOG_LEVEL_WARN, GGML_LOG_LEVEL_ERROR


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How to load a model.

    ``threads`` 0 lets the engine choose. ``gpu_layers`` -1 means all. ``safe_path`` gives up llama.cpp's
    repacked weight buffers, whose kernels crash on some machines (ggml-org/llama.cpp #20824).
    ``flash_attention`` is faster on long prompts and slower on small batches.
    """

    model_path: Path
    context_tokens: int = 4096
    threads: int = 0
    gpu_layers: int = 0
    safe_path: bool = False
    flash_attention: bool = False


class LlamaCppEngine:
    """One loaded model with one KV cache."""

    def __init__(self, config: EngineConfig) -> None:
        """Load the model. Errors: ``EngineError`` naming the file and what llama.cpp logged."""
        _LOG.listen()
        self._stop = ctypes.create_string_buffer(b"\0", 2)
        native.llama_backend_init()
        self._model = self._load_model(config)
        self._context = self._make_context(config)
        self._memory = native.llama_get_memory(self._context)
        self._batch = native.llama_batch_init(CHUNK_TOKENS, 0, MAX_SEQUENCES)
        vocabulary = native.llama_model_get_vocab(self._model)
        self._vocabulary_size: int = native.llama_vocab_n_tokens(vocabulary)
        self._context_tokens = config.context_tokens
        self._tokens_evaluated = 0
        self._cached = _Cached((), {0: ()})

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._tokens_evaluated

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> LogProbs:
        if self._context is None:
            raise EngineError("the engine was closed")
        branches = _branches(tree)
        self._check_size(tree, branches)
        kept = self._reuse(tree)
        rows = np.empty((len(nodes), self._vocabulary_size))
        wanted = {node: row for row, node in enumerate(nodes)}
        try:
            for chunk in _chunks(tree, branches, kept, wanted):
                self._decode(chunk, rows)
                kept = min(kept + len(chunk.entries), len(tree.trunk))
        except Cancelled:
            # Whoever types faster than the model reads must not make it begin anew at every key.
            self._cached = _Cached(tree.trunk[:kept], {0: ()})
            raise
        except BaseException:
            self._forget()
            raise
        paths = {sequence: _path(tree, leaf) for sequence, leaf in enumerate(branches)}
        self._cached = _Cached(tree.trunk, paths or {0: ()})
        return rows

    def interrupt(self, stop: bool) -> None:
        self._stop[0] = b"\1" if stop else b"\0"

    def close(self) -> None:
        if self._context is not None:
            native.llama_batch_free(self._batch)
            native.llama_free(self._context)
            native.llama_model_free(self._model)
            self._context = self._model = None

    def _load_model(self, config: EngineConfig) -> object:
        params = native.llama_model_default_params()
        params.n_gpu_layers = config.gpu_layers
        params.use_extra_bufts = not config.safe_path
        model = native.llama_model_load_from_file(str(config.model_path).encode(), params)
        if not model:
            raise EngineError(f"{config.model_path}: llama.cpp cannot load this model: {_LOG.reason()}")
        return model

    def _make_context(self, config: EngineConfig) -> object:
        params = native.llama_context_default_params()
        params.n_ctx = config.context_tokens + CHUNK_TOKENS * 4  # room for the branches of a tree
        params.n_batch = MAX_SEQUENCES  # llama.cpp reserves one output row per sequence out of these
        params.n_ubatch = CHUNK_TOKENS
        params.n_seq_max = MAX_SEQUENCES
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = config.threads or _physical_cores()
        params.flash_attn_type = 1 if config.flash_attention else 0
        params.no_perf = True
        params.abort_callback, params.abort_callback_data = _abort_while(self._stop)
        context = native.llama_init_from_model(self._model, params)
        if not context:
            raise EngineError(
                f"{config.model_path}: llama.cpp cannot make a context of {config.context_tokens} tokens: "
                f"{_LOG.reason()}; lower engine.context_tokens"
            )
        return context

    def _check_size(self, tree: TokenTree, branches: Sequence[int]) -> None:
        depth = len(tree.trunk) + max((len(_path(tree, leaf)) for leaf in branches), default=0)
        if depth > self._context_tokens:
            raise EngineError(
                f"a text of {depth} tokens does not fit into engine.context_tokens = {self._context_tokens}; "
                "raise that or shorten the text"
            )
        if len(branches) > MAX_SEQUENCES:
            raise EngineError(f"a token tree of {len(branches)} branches; llama.cpp takes {MAX_SEQUENCES}")

    def _reuse(self, tree: TokenTree) -> int:
        """Keep the cached branch that agrees longest with the trunk; the number of trunk tokens kept."""
        sequence, agreed = self._cached.longest(tree.trunk)
        kept = min(agreed, len(tree.trunk) - 1)
        native.llama_memory_seq_keep(self._memory, sequence)
        if sequence != 0:
            native.llama_memory_seq_cp(self._memory, sequence, 0, -1, -1)
            native.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        native.llama_memory_seq_rm(self._memory, 0, kept, -1)
        self._cached = _Cached(tree.trunk[:kept], {0: ()})
        return kept

    def _decode(self, chunk: "_Chunk", rows: LogProbs) -> None:
        for sequence in chunk.new_sequences:
            native.llama_memory_seq_cp(self._memory, 0, sequence, -1, -1)
        batch = self._batch
        batch.n_tokens = len(chunk.entries)
        for at, entry in enumerate(chunk.entries):
            batch.token[at] = entry.token
            batch.pos[at] = entry.position
            batch.n_seq_id[at] = len(entry.sequences)
            for i, sequence in enumerate(entry.sequences):
                batch.seq_id[at][i] = sequence
            batch.logits[at] = entry.row is not None
        status = native.llama_decode(self._context, batch)
        if status == _ABORTED:
            raise Cancelled("the request was given up")
        if status == _NO_CACHE_SLOT:
            raise EngineError("llama.cpp found no room in its KV cache; raise engine.context_tokens")
        if status != 0:
            raise EngineError(f"llama.cpp failed to evaluate a batch (status {status}): {_LOG.reason()}")
        self._tokens_evaluated += len(chunk.entries)
        for at, entry in enumerate(chunk.entries):
            if entry.row is not None:
                logits = native.llama_get_logits_ith(self._context, at)
                rows[entry.row] = np.ctypeslib.as_array(logits, shape=(self._vocabulary_size,))
                _normalize(rows[entry.row])

    def _forget(self) -> None:
        native.llama_memory_clear(self._memory, False)
        self._cached = _Cached((), {0: ()})


@dataclass(frozen=True, slots=True)
class _Cached:
    """What the KV cache holds: a trunk, and per sequence the tokens that follow it."""

    trunk: tuple[int, ...]
    branches: dict[int, tuple[int, ...]]

    def longest(self, tokens: tuple[int, ...]) -> tuple[int, int]:
        """The sequence that agrees longest with ``tokens``, and how far."""
        agreed = _agreement(self.trunk, tokens)
        best = next(iter(self.branches))
        if agreed < len(self.trunk):
            return best, agreed
        rest = tokens[agreed:]
        lengths = {sequence: _agreement(branch, rest) for sequence, branch in self.branches.items()}
        best = max(lengths, key=lengths.__getitem__)
        return best, agreed + lengths[best]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One token of a batch; ``row`` is where its log-probabilities go, if anywhere."""

    token: int
    position: int
    sequences: tuple[int, ...]
    row: int | None


@dataclass(frozen=True, slots=True)
class _Chunk:
    """One decode call. ``new_sequences`` begin as copies of the trunk."""

    entries: list[_Entry]
    new_sequences: tuple[int, ...] = ()


def _chunks(tree: TokenTree, branches: Sequence[int], kept: int, wanted: dict[int, int]) -> list[_Chunk]:
    """The trunk beyond ``kept`` and the nodes, as decode calls; usually one."""
    trunk = [
        _Entry(tree.trunk[at], at, (0,), wanted.get(TRUNK_END) if at == len(tree.trunk) - 1 else None)
        for at in range(kept, len(tree.trunk))
    ]
    if not branches:
        return [_Chunk(trunk[at : at + CHUNK_TOKENS]) for at in range(0, len(trunk), CHUNK_TOKENS)]
    sequences, depths = _sequences(tree, branches)
    nodes = [
        _Entry(token, len(tree.trunk) + depths[at], tuple(sequences[at]), wanted.get(at))
        for at, token in enumerate(tree.tokens)
    ]
    others = tuple(range(1, len(branches)))
    if others and len(trunk) + len(nodes) <= CHUNK_TOKENS:
        # The trunk's new tokens must be seen by every branch of the same batch.
        everywhere = tuple(range(len(branches)))
        trunk = [_Entry(entry.token, entry.position, everywhere, entry.row) for entry in trunk]
        return [_Chunk([*trunk, *nodes], others)]
    first = [_Chunk(trunk[at : at + CHUNK_TOKENS]) for at in range(0, len(trunk), CHUNK_TOKENS)]
    rest = [_Chunk(nodes[at : at + CHUNK_TOKENS]) for at in range(0, len(nodes), CHUNK_TOKENS)]
    return [*first, _Chunk(rest[0].entries, others), *rest[1:]]


def _branches(tree: TokenTree) -> list[int]:
    """The leaves of a tree, one sequence each."""
    inner = set(tree.parents)
    return [node for node in range(len(tree.tokens)) if node not in inner]


def _sequences(tree: TokenTree, branches: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """Per node: the sequences that pass through it, and its depth below the trunk."""
    sequences: list[list[int]] = [[] for _ in tree.tokens]
    for sequence, leaf in enumerate(branches):
        node = leaf
        while node != TRUNK_END:
            sequences[node].append(sequence)
            node = tree.parents[node]
    depths: list[int] = []
    for parent in tree.parents:
        depths.append(0 if parent == TRUNK_END else depths[parent] + 1)
    return sequences, depths


def _path(tree: TokenTree, node: int) -> tuple[int, ...]:
    tokens: list[int] = []
    while node != TRUNK_END:
        tokens.append(tree.tokens[node])
        node = tree.parents[node]
    return tuple(reversed(tokens))


def _agreement(left: tuple[int, ...], right: tuple[int, ...]) -> int:
    """Length of the common beginning."""
    shorter = min(len(left), len(right))
    if left[:shorter] == right[:shorter]:
        return shorter
    return next(at for at in range(shorter) if left[at] != right[at])


def _normalize(logits: LogProbs) -> None:
    """Logits to log-probabilities, in place."""
    logits -= logits.max()
    logits -= np.log(np.exp(logits).sum())


def _physical_cores() -> int:
    import psutil  # noqa: PLC0415 - only here, and only when asked to choose

    return psutil.cpu_count(logical=False) or psutil.cpu_count() or 1


def _abort_while(flag: "ctypes.Array[ctypes.c_char]") -> tuple[object, ctypes.c_void_p]:
    """An abort callback that says yes while ``flag`` holds a non-empty C string.

    llama.cpp asks before every node of the graph, so a Python callback would take the GIL a thousand times
    a token. C's own ``strlen`` has the right shape: it takes a pointer and returns zero for "go on".
    """
    library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
    callback = ctypes.cast(library.strlen, native.ggml_abort_callback)
    return callback, ctypes.cast(flag, ctypes.c_void_p)


class _NativeLog:
    """Keeps llama.cpp's last warnings and errors, and keeps them off stdout."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._callback: Callable[..., None] = native.llama_log_callback(self._receive)

    def listen(self) -> None:
        """Become llama.cpp's log and forget what was said before."""
        self._lines.clear()
        native.llama_log_set(self._callback, ctypes.c_void_p(0))

    def reason(self) -> str:
        """The last thing llama.cpp complained of."""
        return " ".join(" ".join(self._lines[-3:]).split()) or "no reason given"

    def _receive(self, level: int, text: bytes, _data: object) -> None:
        if level in _COMPLAINTS:
            self._lines.append(text.decode("utf-8", "replace"))
            del self._lines[:-8]


_LOG = _NativeLog()  # never freed: llama.cpp calls its log as long as the process lives


def system_info() -> str:
    """The processor features that this build of llama.cpp uses."""
    text: bytes = native.llama_print_system_info()
    return text.decode("utf-8", "replace").strip()
