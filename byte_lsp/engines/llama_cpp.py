"""The llama.cpp engine. The only module that imports ``llama_cpp``, and native code with it.

A tree is evaluated in batches of at most ``branch_cache.CHUNK_TOKENS`` tokens in which every token names the
sequences (branches) it belongs to; the branches share one unified KV cache. ``branch_cache`` keeps the books
of it.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from byte_lsp.engines.branch_cache import BranchCache, Entry
from byte_lsp.engines.openmp import WAITING
from byte_lsp.engines.protocol import MAX_SEQUENCES, Logits, TokenTree
from byte_lsp.engines.shape import measure
from byte_lsp.errors import ByteLspError, Cancelled, EngineError

os.environ.update(WAITING)
import llama_cpp.llama_cpp as native

_BRANCHING_TOKENS = 256  # cells beyond the longest text: the branches of a tree, and stale ones

_RAW_CHUNK_TOKENS = 64  # of ``raw_decode``, which nobody interrupts: what reads fastest
_ABORTED = 2
_NO_CACHE_SLOT = 1
_NO_MEMORY = -2
_WARNING, _ERROR = 3, 4  # GGML_LOG_LEVEL_
_CACHE_TYPES = {"f16": native.GGML_TYPE_F16, "f32": native.GGML_TYPE_F32}

FileType = Literal["F32", "Q8_0", "Q6_K", "Q4_0", "Q4_1"]
"""The weight formats that ``requantize`` writes."""

_FILE_TYPES: dict[FileType, int] = {
    "F32": native.LLAMA_FTYPE_ALL_F32,
    "Q8_0": native.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q6_K": native.LLAMA_FTYPE_MOSTLY_Q6_K,
    "Q4_0": native.LLAMA_FTYPE_MOSTLY_Q4_0,
    "Q4_1": native.LLAMA_FTYPE_MOSTLY_Q4_1,
}


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """How to load a model.

    ``threads`` 0 lets the engine choose. ``gpu_layers`` -1 means all. ``safe_path`` gives up llama.cpp's
    repacked weight buffers, whose kernels crash on some machines (ggml-org/llama.cpp #20824).
    ``flash_attention`` is faster on long prompts and slower on small batches. ``adapter_path`` is a LoRA
    adapter in a GGUF file, applied ``adapter_scale`` times; it costs some hundred small products a token.

    The *reference configuration* has a model file of F32 weights, ``cache_type`` "f32", no flash attention:
    there the same tokens give the same values to about 1e-5 nats whatever batch they are evaluated in.
    """

    model_path: Path
    context_tokens: int = 4096
    threads: int = 0
    gpu_layers: int = 0
    safe_path: bool = False
    flash_attention: bool = False
    cache_type: Literal["f16", "f32"] = "f16"
    adapter_path: Path | None = None
    adapter_scale: float = 1.0


class LlamaCppEngine:
    """One loaded model with one KV cache."""

    def __init__(self, config: EngineConfig) -> None:
        """Load model and adapter. Errors: ``EngineError`` naming the file and what llama.cpp logged."""
        _LOG.listen()
        self._stop = ctypes.create_string_buffer(b"\0", 2)
        native.llama_backend_init()
        self._model = self._load_model(config)
        try:
            # The adapter first: a context reserves its graph's nodes for those that it finds.
            adapter = self._load_adapter(config) if config.adapter_path else None
            self._context = self._make_context(config)
        except EngineError:
            native.llama_model_free(self._model)  # and the model's adapters
            raise
        if adapter is not None:
            self._apply(adapter, config.adapter_scale)
        self._batch = native.llama_batch_init(_RAW_CHUNK_TOKENS, 0, MAX_SEQUENCES)
        vocabulary = native.llama_model_get_vocab(self._model)
        self._vocabulary_size: int = native.llama_vocab_n_tokens(vocabulary)
        self._row_type = ctypes.c_float * self._vocabulary_size
        self._context_tokens = config.context_tokens
        self._tokens_evaluated = 0
        cells = _NativeCells(self._context, native.llama_model_n_swa(self._model))
        self._cache = BranchCache(cells, config.context_tokens + _BRANCHING_TOKENS)

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._tokens_evaluated

    @property
    def threads(self) -> int:
        """How many threads evaluate, the caller's among them."""
        threads: int = native.llama_n_threads(self._context)
        return threads

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        if self._context is None:
            raise EngineError("the engine was closed")
        shape = measure(tree, self._context_tokens)
        rows = np.empty((len(nodes), self._vocabulary_size), np.float32)
        try:
            for chunk in self._cache.chunks(shape, shape.rows_by_node(nodes)):
                self._decode(chunk)
                self._read_rows(chunk, rows)
        except ByteLspError:
            raise
        except BaseException:
            self._cache.forget()
            raise
        return rows

    def forget(self) -> None:
        """Empty the cache: the next evaluation begins anew."""
        self._cache.forget()

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        return self._cache.cached_tokens(path)

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        self._cache.hold(paths)

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
        if native.llama_model_is_recurrent(model) or native.llama_model_is_hybrid(model):
            native.llama_model_free(model)
            raise EngineError(
                f"{config.model_path}: a recurrent model, whose state cannot be taken back to an earlier "
                "token; choose one with attention alone"
            )
        return model

    def _load_adapter(self, config: EngineConfig) -> object:
        adapter = native.llama_adapter_lora_init(self._model, str(config.adapter_path).encode())
        if not adapter:
            raise EngineError(
                f"{config.adapter_path}: llama.cpp cannot apply this adapter to {config.model_path.name}: "
                f"{_LOG.reason()}; name the adapter's own base model, or export the adapter anew"
            )
        return adapter

    def _apply(self, adapter: object, scale: float) -> None:
        adapters = (native.llama_adapter_lora_p_ctypes * 1)(adapter)
        native.llama_set_adapters_lora(self._context, adapters, 1, (ctypes.c_float * 1)(scale))

    def _make_context(self, config: EngineConfig) -> object:
        params = native.llama_context_default_params()
        params.n_ctx = config.context_tokens + _BRANCHING_TOKENS
        params.n_batch = MAX_SEQUENCES  # llama.cpp reserves one output row per sequence out of these
        params.n_ubatch = _RAW_CHUNK_TOKENS
        params.n_seq_max = MAX_SEQUENCES
        params.kv_unified = True
        params.n_threads = params.n_threads_batch = config.threads or _physical_cores()
        params.flash_attn_type = 1 if config.flash_attention else 0  # never the default, which is "auto"
        params.type_k = params.type_v = _CACHE_TYPES[config.cache_type]
        params.no_perf = True
        params.abort_callback, params.abort_callback_data = _abort_while(self._stop)
        context = native.llama_init_from_model(self._model, params)
        if not context:
            raise EngineError(
                f"{config.model_path}: llama.cpp cannot make a context of {config.context_tokens} tokens: "
                f"{_LOG.reason()}; lower engine.context_tokens"
            )
        return context

    def _decode(self, chunk: Sequence[Entry]) -> None:
        self._fill_batch(chunk)
        status = native.llama_decode(self._context, self._batch)
        if status == _NO_CACHE_SLOT:
            self._cache.drop_stale()
            status = native.llama_decode(self._context, self._batch)
        if status == 0:
            self._tokens_evaluated += len(chunk)
            return
        self._cache.undo(chunk)
        if status == _ABORTED:
            # What is cached stays: who types faster than the model reads must not make it begin anew.
            raise Cancelled("the request was given up")
        if status == _NO_CACHE_SLOT:
            raise EngineError("llama.cpp found no room in its KV cache; raise engine.context_tokens")
        self._cache.forget()
        if status == _NO_MEMORY:
            raise MemoryError(_LOG.reason())
        raise EngineError(f"llama.cpp failed to evaluate a batch (status {status}): {_LOG.reason()}")

    def _fill_batch(self, chunk: Sequence[Entry]) -> None:
        batch = self._batch
        batch.n_tokens = len(chunk)
        for at, entry in enumerate(chunk):
            batch.token[at] = entry.token
            batch.pos[at] = entry.position
            batch.n_seq_id[at] = len(entry.branches)
            sequences = batch.seq_id[at]
            for i, branch in enumerate(entry.branches):
                sequences[i] = branch
            batch.logits[at] = bool(entry.rows)

    def _read_rows(self, chunk: Sequence[Entry], rows: NDArray[np.float32]) -> None:
        for at, entry in enumerate(chunk):
            if entry.rows:
                pointer = native.llama_get_logits_ith(self._context, at)
                values = self._row_type.from_address(ctypes.addressof(pointer.contents))
                for row in entry.rows:
                    rows[row] = np.frombuffer(values, np.float32)


class _NativeCells:
    """llama.cpp's memory as ``branch_cache.Cells``. ``window_tokens`` is the sliding window's, or 0."""

    def __init__(self, context: object, window_tokens: int) -> None:
        self._context = context
        self._memory = native.llama_get_memory(context)
        self._window_tokens = window_tokens

    def copy(self, source: int, target: int, length: int) -> None:
        native.llama_memory_seq_cp(self._memory, source, target, 0, length)

    def cut(self, branch: int, length: int) -> None:
        native.llama_memory_seq_rm(self._memory, branch, length, -1)

    def least_length(self, branch: int) -> int:
        if not self._window_tokens:
            return 0
        first: int = native.llama_memory_seq_pos_min(self._memory, branch)
        return first + self._window_tokens if first > 0 else 0

    def save(self, branch: int) -> bytes | None:
        size = native.llama_state_seq_get_size(self._context, branch)
        buffer = (ctypes.c_uint8 * size)()
        written = native.llama_state_seq_get_data(self._context, buffer, size, branch)
        return bytes(buffer) if written == size else None

    def load(self, branch: int, saved: bytes) -> bool:
        buffer = (ctypes.c_uint8 * len(saved)).from_buffer_copy(saved)
        read: int = native.llama_state_seq_set_data(self._context, buffer, len(saved), branch)
        if not read:
            self.cut(branch, 0)
        return read > 0


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
        self._warnings: list[str] = []
        self._errors: list[str] = []
        self._callback: Callable[..., None] = native.llama_log_callback(self._receive)

    def listen(self) -> None:
        """Become llama.cpp's log and forget what was said before."""
        self._warnings.clear()
        self._errors.clear()
        native.llama_log_set(self._callback, ctypes.c_void_p(0))

    def reason(self) -> str:
        """The last thing llama.cpp complained of; what it calls an error comes before mere warnings."""
        return " ".join(" ".join(self._errors or self._warnings).split()) or "no reason given"

    def _receive(self, level: int, text: bytes, _data: object) -> None:
        lines = {_WARNING: self._warnings, _ERROR: self._errors}.get(level)
        if lines is not None:
            lines.append(text.decode("utf-8", "replace"))
            del lines[:-3]


_LOG = _NativeLog()  # never freed: llama.cpp calls its log as long as the process lives


def system_info() -> str:
    """The processor features that this build of llama.cpp uses."""
    text: bytes = native.llama_print_system_info()
    return text.decode("utf-8", "replace").strip()


def raw_decode(
    engine: LlamaCppEngine, cached: Sequence[int], prompt: Sequence[int]
) -> Generator[int, None, None]:
    """The greedy loop that every llama.cpp program has, for comparison: decode, take the best token, again.

    ``cached`` is evaluated at once, as if a former request had left it in the cache; ``prompt``, at least
    one token, when the first token is asked for. Whatever the engine had cached is forgotten. Close the
    iterator before the engine is used again. Errors: ``EngineError``.
    """
    engine.forget()
    memory = native.llama_get_memory(engine._context)
    size = engine.vocabulary_size

    def decode(tokens: Sequence[int], start: int) -> None:
        batch = engine._batch
        batch.n_tokens = len(tokens)
        for at, token in enumerate(tokens):
            batch.token[at], batch.pos[at], batch.logits[at] = token, start + at, at == len(tokens) - 1
            batch.n_seq_id[at], batch.seq_id[at][0] = 1, 0
        status = native.llama_decode(engine._context, batch)
        if status != 0:
            raise EngineError(f"llama.cpp failed to evaluate a batch (status {status}): {_LOG.reason()}")
        engine._tokens_evaluated += len(tokens)

    def read(tokens: Sequence[int], start: int) -> int:
        for at in range(0, len(tokens), _RAW_CHUNK_TOKENS):
            decode(tokens[at : at + _RAW_CHUNK_TOKENS], start + at)
        return start + len(tokens)

    def loop(position: int) -> Generator[int, None, None]:
        tokens = prompt
        try:
            while position + len(tokens) <= engine.context_tokens:
                position = read(tokens, position)
                logits = native.llama_get_logits_ith(engine._context, -1)
                tokens = (int(np.ctypeslib.as_array(logits, shape=(size,)).argmax()),)
                yield tokens[0]
        finally:
            native.llama_memory_seq_rm(memory, 0, -1, -1)

    return loop(read(cached, 0))


def requantize(source: Path, target: Path, file_type: FileType) -> None:
    """Write the model ``source`` to ``target`` with weights of another format; F32 loses nothing.

    ``target`` appears when it is whole. Errors: ``EngineError`` naming the file and what llama.cpp logged or
    why ``target`` cannot be written.
    """
    _LOG.listen()
    native.llama_backend_init()
    params = native.llama_model_quantize_default_params()
    params.ftype = _FILE_TYPES[file_type]
    params.allow_requantize = True
    try:
        with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as folder:
            part = Path(folder) / target.name
            status = native.llama_model_quantize(
                str(source).encode(), str(part).encode(), ctypes.byref(params)
            )
            if status != 0:
                raise EngineError(f"{source}: llama.cpp cannot write it as {file_type}: {_LOG.reason()}")
            part.replace(target)
    except OSError as error:
        raise EngineError(
            f"{target}: cannot be written: {error.strerror}; name a file in a folder that exists and can be "
            "written to"
        ) from error


class NativeTokenizer:
    """llama.cpp's own tokenizer of a model file, loaded without weights: the reference for token ids."""

    def __init__(self, path: Path) -> None:
        """Load the vocabulary. Errors: ``EngineError`` naming the file and what llama.cpp logged."""
        _LOG.listen()
        native.llama_backend_init()
        overrides = (native.llama_model_kv_override * 2)()  # the second is all zeros: the end
        overrides[0].key = b"tokenizer.ggml.add_space_prefix"
        overrides[0].tag = native.LLAMA_KV_OVERRIDE_TYPE_BOOL
        overrides[0].value.val_bool = False
        params = native.llama_model_default_params()
        params.vocab_only = True
        params.kv_overrides = overrides
        self._model: object = native.llama_model_load_from_file(str(path).encode(), params)
        if not self._model:
            raise EngineError(f"{path}: llama.cpp cannot load this vocabulary: {_LOG.reason()}")
        self._vocabulary = native.llama_model_get_vocab(self._model)

    def encode(self, text: bytes) -> list[int]:
        """Token ids of a text, without start token, end token or dummy space; control tokens are text."""
        room = 2 * len(text) + 16
        tokens = (native.llama_token * room)()
        count = native.llama_tokenize(self._vocabulary, text, len(text), tokens, room, False, False)
        if count < 0:
            raise EngineError(f"llama.cpp makes more than {room} tokens of {len(text)} bytes")
        return list(tokens[:count])

    def close(self) -> None:
        """Free the vocabulary."""
        if self._model is not None:
            native.llama_model_free(self._model)
            self._model = None
