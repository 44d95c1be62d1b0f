"""The transformers engine: causal language models of Hugging Face transformers, on torch.

With ``training/`` the only module that imports torch or transformers; importing it without them is an
``EngineError``. A tree goes through the model as one sequence whose tokens stand in each other's way only
where the attention mask lets them: each sees the cells of its own path. ``branch_cache`` keeps the books.

So a model has to take the position of each token and a mask of its own for each. Recurrent models do not, nor
do those that count positions by the order of the cells (ALiBi: BLOOM, MPT); they are refused at loading.
"""

import contextlib
import inspect
import io
import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from byte_lsp.engines.branch_cache import CHUNK_TOKENS, BranchCache, Entry
from byte_lsp.engines.protocol import MAX_SEQUENCES, Logits, TokenTree
from byte_lsp.engines.shape import measure
from byte_lsp.errors import ByteLspError, Cancelled, EngineError

try:
    import torch
    import transformers
except ImportError as error:
    raise EngineError(
        f'the transformers engine needs {error.name}, which is not here: pip install "byte-lsp[torch]"'
    ) from error

_NEEDED = ("position_ids", "attention_mask", "past_key_values", "logits_to_keep")
_FULL, _SLIDING = "full_attention", "sliding_attention"


@dataclass(frozen=True, slots=True)
class TransformersConfig:
    """How to load a model: a folder as the Hugging Face hub has them, or a GGUF file.

    The weights of a GGUF file are dequantized to ``dtype``. ``device`` "auto" is CUDA where there is some.
    """

    model: Path
    context_tokens: int = 4096
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"


class TransformersEngine:
    """One loaded model with one KV cache."""

    def __init__(self, config: TransformersConfig) -> None:
        """Load the model, from disk alone. Errors: ``EngineError`` naming the file or the setting."""
        self._device = _device(config)
        self._dtype = torch.float32 if config.dtype == "float32" else torch.bfloat16
        self._model = _load(config.model, self._dtype).to(self._device).eval()
        self._masks = _mask_maker(config.model, self._model.config.get_text_config(decoder=True))
        self._vocabulary_size = int(self._model.get_output_embeddings().weight.shape[0])
        self._context_tokens = config.context_tokens
        self._tokens_evaluated = 0
        self._stop = threading.Event()
        self._cells = _TensorCells()
        self._cache = BranchCache(self._cells, config.context_tokens + MAX_SEQUENCES)

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    @property
    def context_tokens(self) -> int:
        return self._context_tokens

    @property
    def tokens_evaluated(self) -> int:
        return self._tokens_evaluated

    def evaluate(self, tree: TokenTree, nodes: Sequence[int]) -> Logits:
        if self._model is None:
            raise EngineError("the engine was closed")
        shape = measure(tree, self._context_tokens)
        rows = np.empty((len(nodes), self._vocabulary_size), np.float32)
        try:
            for chunk in self._cache.chunks(shape, shape.rows_by_node(nodes)):
                if self._stop.is_set():
                    self._cache.undo(chunk)
                    raise Cancelled("the request was given up")
                self._forward(chunk, rows)
                self._tokens_evaluated += len(chunk)
        except ByteLspError:
            raise
        except BaseException as error:
            self.forget()
            if isinstance(error, (RuntimeError, IndexError)):  # torch's own: out of memory, no such token
                raise EngineError(f"torch failed to evaluate a batch: {error}") from error
            raise
        return rows

    def forget(self) -> None:
        """Empty the cache: the next evaluation begins anew."""
        self._cache.forget()
        self._cells.clear()

    def cached_tokens(self, path: tuple[int, ...]) -> int:
        return self._cache.cached_tokens(path)

    def hold(self, paths: Sequence[tuple[int, ...]]) -> None:
        self._cache.hold(paths)

    def interrupt(self, stop: bool) -> None:
        if stop:
            self._stop.set()
        else:
            self._stop.clear()

    def close(self) -> None:
        self._model = None
        self.forget()

    def _forward(self, chunk: Sequence[Entry], rows: NDArray[np.float32]) -> None:
        self._cells.compact()
        visible = self._cells.extend(chunk)
        distances = np.array([[entry.position] for entry in chunk]) - self._cells.positions
        given = [at for at, entry in enumerate(chunk) if entry.rows]
        with torch.inference_mode():
            output = self._model(
                input_ids=self._tensor([[entry.token for entry in chunk]]),
                position_ids=self._tensor([[entry.position for entry in chunk]]),
                attention_mask=self._masks(lambda window: self._additive(visible & (distances < window))),
                past_key_values=self._cells.tensors,
                use_cache=True,
                logits_to_keep=self._tensor(given),
            )
            logits = output.logits[0].float().cpu().numpy()
        for at, of_one in zip(given, logits, strict=True):
            rows[list(chunk[at].rows)] = of_one

    def _tensor(self, values: Sequence[Any]) -> Any:
        return torch.tensor(values, dtype=torch.long, device=self._device)

    def _additive(self, visible: NDArray[np.bool_]) -> Any:
        """A mask of shape (1, 1, tokens, cells) to add to the attention scores."""
        hidden = torch.from_numpy(~visible).to(self._device)
        mask = torch.zeros(visible.shape, dtype=self._dtype, device=self._device)
        return mask.masked_fill_(hidden, torch.finfo(self._dtype).min)[None, None]


class _TensorCells:
    """The KV tensors of all branches, one after another in the order they were evaluated in."""

    def __init__(self) -> None:
        self.clear()

    @property
    def positions(self) -> NDArray[np.int64]:
        """The token position of every cell, those of the last ``extend`` included."""
        return np.array(self._positions)

    def clear(self) -> None:
        self.tensors = transformers.DynamicCache()
        self._branches: dict[int, list[int]] = {}
        self._positions: list[int] = []
        self._room = CHUNK_TOKENS

    def copy(self, source: int, target: int, length: int) -> None:
        self._branches[target] = self._branches.get(source, [])[:length]

    def cut(self, branch: int, length: int) -> None:
        del self._branches.get(branch, [])[length:]

    def least_length(self, branch: int) -> int:
        return 0

    def save(self, branch: int) -> None:
        """Not here: this engine is for comparison, where nobody changes files."""

    def load(self, branch: int, saved: bytes) -> bool:
        return False

    def extend(self, chunk: Sequence[Entry]) -> NDArray[np.bool_]:
        """Give each entry a cell; which cells each of them sees, shape (entries, cells)."""
        known = len(self._positions)
        visible = np.zeros((len(chunk), known + len(chunk)), dtype=np.bool_)
        for at, entry in enumerate(chunk):
            for branch in entry.branches:
                self._branches.setdefault(branch, []).append(known + at)
            self._positions.append(entry.position)
            visible[at, self._branches[entry.branches[0]]] = True
        return visible

    def compact(self) -> None:
        """Drop the tensors of cells that no branch uses any more, where it is worth looking for some."""
        if len(self._positions) < self._room:
            return
        used = sorted({cell for cells in self._branches.values() for cell in cells})
        self._room = len(used) + CHUNK_TOKENS
        for layer in self.tensors.layers:
            index = torch.tensor(used, dtype=torch.long, device=layer.keys.device)
            layer.keys = layer.keys.index_select(-2, index)
            layer.values = layer.values.index_select(-2, index)
        numbers = {cell: number for number, cell in enumerate(used)}
        self._branches = {
            branch: [numbers[cell] for cell in cells] for branch, cells in self._branches.items()
        }
        self._positions = [self._positions[cell] for cell in used]


def _device(config: TransformersConfig) -> str:
    if config.device == "cuda" and not torch.cuda.is_available():
        raise EngineError(
            'device = "cuda", but torch finds no CUDA device; choose "cpu" or install a torch built for CUDA'
        )
    if config.device != "auto":
        return config.device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _load(path: Path, dtype: Any) -> Any:
    if not path.exists():
        raise EngineError(f"{path}: no such file or folder")
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    with contextlib.redirect_stderr(io.StringIO()):  # one progress bar takes no orders
        model = _from_pretrained(path, dtype)
    if getattr(model, "_is_stateful", False):
        raise EngineError(
            f"{path}: a recurrent model, whose state cannot be taken back to an earlier token; "
            "choose one with attention alone"
        )
    _check_positions(path, model)
    return model


def _check_positions(path: Path, model: Any) -> None:
    """Errors: ``EngineError`` naming the model's class if it cannot read the paths of a tree as one batch."""
    taken = inspect.signature(model.forward).parameters
    missing = [name for name in _NEEDED if name not in taken]
    if getattr(model.config.get_text_config(decoder=True), "alibi", False):
        missing.append("positions other than ALiBi's")
    if missing:
        raise EngineError(
            f"{path}: {type(model).__name__} does not take {', '.join(missing)}, without which the engine "
            "cannot evaluate several continuations at once; choose a model with rotary or learned positions, "
            "or the llama.cpp engine"
        )


def _from_pretrained(path: Path, dtype: Any) -> Any:
    folder, chosen = (path, {}) if path.is_dir() else (path.parent, {"gguf_file": path.name})
    options = {"local_files_only": True, **chosen}
    try:
        config = transformers.AutoConfig.from_pretrained(str(folder), **options)
        if getattr(config.get_text_config(decoder=True), "attn_logit_softcapping", None):
            options["attn_implementation"] = "eager"  # the only one that caps
        return transformers.AutoModelForCausalLM.from_pretrained(
            str(folder), config=config, dtype=dtype, **options
        )
    except Exception as error:  # whatever readers of three file formats raise at a damaged or unknown one
        reason = " ".join(str(error).split()) or type(error).__name__
        raise EngineError(f"{path}: transformers cannot load this model: {reason}") from error


def _mask_maker(path: Path, config: Any) -> Callable[[Callable[[float], Any]], Any]:
    """How a model wants its attention mask: as one, or by kind of layer where some have a sliding window."""
    window = getattr(config, "sliding_window", None) or math.inf
    windows = {_FULL: math.inf, _SLIDING: window}
    kinds = set(getattr(config, "layer_types", None) or ())
    if kinds - windows.keys():
        raise EngineError(
            f"{path}: layers of a kind that the engine does not know: {min(kinds - windows.keys())}"
        )
    if not kinds:
        return lambda mask: mask(window)
    if kinds == {_FULL}:
        return lambda mask: mask(math.inf)
    return lambda mask: {kind: mask(reach) for kind, reach in windows.items()}
