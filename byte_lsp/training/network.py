"""The model in training: the base from its GGUF file, LoRA matrices (arXiv 2106.09685) beside its weights.

The base's weights are those that llama.cpp uses, dequantized, so that the adapter is trained for the file
that it will be applied to. Weights and activations are bfloat16; the optimizer keeps 32-bit copies.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import (
    LoraConfig,
    PeftModel,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from torch.nn import functional
from transformers import AutoModelForCausalLM
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from byte_lsp.errors import TrainingError
from byte_lsp.tokens.tokenizer import load_tokenizer
from byte_lsp.training.naming import Matrix
from byte_lsp.training.packs import Pack

LOSS = "of the cursor's token given its bytes before the cursor"
"""How runs differ from those whose loss was of the whole token that the cursor stands in."""

_BLOCK = 128
_COMPILED_FORMS = 64
_LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True, slots=True)
class Lora:
    """The adapter's shape: ``rank`` of the matrices, their product scaled by ``alpha / rank``.

    Layers below ``first_layer`` have none. Training does not even go back through them, which saves time.
    """

    rank: int = 32
    alpha: int = 64
    first_layer: int = 0

    @classmethod
    def of(cls, matrices: Mapping[str, Matrix], alpha: int) -> "Lora":
        """The shape of the matrices, as peft names them, of an adapter from one layer on."""
        ranks = {matrix.shape[0] for name, matrix in matrices.items() if "lora_A" in name}
        layers = {int(number) for name in matrices for number in re.findall(r"\.layers\.(\d+)\.", name)}
        if len(ranks) != 1:
            raise TrainingError(f"the adapter has ranks {sorted(ranks)}; only one of a single rank is taught")
        return cls(ranks.pop(), alpha, min(layers))


class Network:
    """A frozen base and its trainable adapter."""

    def __init__(self, base: Path, lora: Lora, seed: int, device: str = "cpu", compiled: bool = True) -> None:
        """Load ``base``, a GGUF file, and start the adapter from ``seed``. Errors: ``TrainingError``."""
        torch.manual_seed(seed)
        model = _load(base)
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=list(_LINEAR),
            layers_to_transform=list(range(lora.first_layer, model.config.num_hidden_layers)),
            task_type="CAUSAL_LM",
        )
        self.device = device
        self._beginnings = Beginnings(load_tokenizer(base).vocabulary.pieces, device)
        self.peft: PeftModel = get_peft_model(model, config, autocast_adapter_dtype=False).to(device)
        self._model: Any = self.peft.base_model.model
        trained = {name: value for name, value in self.peft.named_parameters() if value.requires_grad}
        self._parameters = list(trained.values())
        self._are_b = ["lora_B" in name for name in trained]
        if compiled:
            # One code object for all layers: with an adapter or without, each length, in training or not.
            torch._dynamo.config.recompile_limit = _COMPILED_FORMS
            for layer in self._model.model.layers:
                layer.compile(dynamic=False)

    @property
    def size(self) -> int:
        """How many parameters are trained."""
        return sum(parameter.numel() for parameter in self._parameters)

    def flat_parameters(self) -> Any:
        """All that is trained, as one bfloat16 tensor [size]: a copy."""
        return torch.cat([parameter.detach().flatten() for parameter in self._parameters])

    def flat_rates(self, rate_ratio: float) -> Any:
        """A tensor [size]: ``rate_ratio`` where a parameter is of a LoRA's B, else 1."""
        rates = torch.ones(self.size, device=self.device)
        for part, is_b in zip(self._parts(rates), self._are_b, strict=True):
            part.fill_(rate_ratio if is_b else 1.0)
        return rates

    def start_from(self, matrices: Mapping[str, Matrix]) -> None:
        """Take an adapter's matrices, as peft names them; layers that it has none for stay as they are.

        Errors: ``TrainingError`` for matrices of another shape, or of layers that are not trained here.
        """
        own = {
            name: tuple(value.shape)
            for name, value in get_peft_model_state_dict(self.peft, save_embedding_layers=False).items()
        }
        given = {name: matrix.shape for name, matrix in matrices.items()}
        odd = sorted(dict(given.items() - own.items()))
        if odd:
            raise TrainingError(
                f"the adapter to start from has {given[odd[0]]} where this run has "
                f"{own.get(odd[0], 'nothing')}, in {odd[0]}: give the --rank it has, and a --first-layer "
                "that is not above its own"
            )
        tensors = {name: torch.from_numpy(matrix.copy()) for name, matrix in matrices.items()}
        set_peft_model_state_dict(self.peft, tensors)

    def set_parameters(self, flat: Any) -> None:
        """Take what ``flat_parameters`` gave, in any precision."""
        with torch.no_grad():
            for parameter, part in zip(self._parameters, self._parts(flat), strict=True):
                parameter.copy_(part.view_as(parameter))

    def empty_gradient(self) -> Any:
        """Zeros, a tensor [size], for ``move_gradients``."""
        return torch.zeros(self.size, device=self.device)

    def move_gradients(self, into: Any) -> None:
        """Add the gradients to a tensor [size] and clear them."""
        for parameter, part in zip(self._parameters, self._parts(into), strict=True):
            if parameter.grad is not None:
                part.add_(parameter.grad.flatten())
                parameter.grad = None

    def loss(self, pack: Pack) -> tuple[Any, float]:
        """The sum of a pack's weighted losses in nats, and the sum of its weights."""
        losses, weights = self._losses(pack)
        return (losses * weights).sum(), float(weights.sum())

    def token_losses(self, pack: Pack) -> list[list[float]]:
        """For each row the losses of the targets that have a weight, in nats."""
        with torch.no_grad():
            losses, _ = self._losses(pack)
        counts = (pack.weights > 0).sum(axis=1).tolist()
        return [part.tolist() for part in losses.cpu().split(counts)]

    def text_losses(self, pack: Pack) -> Any:
        """The sum of each row's losses in nats, a tensor [rows]; a target counts by its weight."""
        losses, weights = self._losses(pack)
        rows, _ = pack.weights.nonzero()
        sums = torch.zeros(len(pack.weights), device=self.device)
        return sums.index_add(0, torch.from_numpy(rows).to(self.device), losses * weights)

    def preference_loss(
        self, pack: Pack, references: Sequence[float], beta: float, truth_weight: float
    ) -> tuple[Any, float]:
        """The summed loss of pairs of texts, the first one being the better, and their summed margin in nats.

        ``pack`` has the better texts' rows first, then the worse ones', in the same order; ``references`` are
        their ``text_losses`` before training. The loss of a pair is ``-log sigmoid(beta * margin)``, the
        margin being how much more the better text has gained than the worse one (direct preference
        optimization, arXiv 2305.18290, equation 7), plus ``truth_weight`` times the better one's nats a
        token.
        """
        count = len(references) // 2
        gains = torch.tensor(references, device=self.device) - (losses := self.text_losses(pack))
        margins = gains[:count] - gains[count:]
        tokens = torch.from_numpy((pack.weights > 0).sum(axis=1)[:count]).to(self.device)
        known = truth_weight * losses[:count] / tokens
        return (known - functional.logsigmoid(beta * margins)).sum(), float(margins.detach().sum())

    def _parts(self, flat: Any) -> Sequence[Any]:
        parts: Sequence[Any] = flat.split([parameter.numel() for parameter in self._parameters])
        return parts

    def _losses(self, pack: Pack) -> tuple[Any, Any]:
        inputs = torch.from_numpy(pack.inputs).to(self.device)
        positions = torch.arange(inputs.shape[1], device=self.device)[None]
        hidden = self._model.model(
            input_ids=inputs, position_ids=positions, use_cache=False
        ).last_hidden_state.flatten(0, 1)
        weights = torch.from_numpy(pack.weights).to(self.device).flatten()
        counted = weights.nonzero()[:, 0]
        targets = torch.from_numpy(pack.targets).to(self.device).flatten()[counted]
        # The vocabulary layer is a quarter of the network: only places that count go through it.
        logits = self._model.lm_head(hidden[counted]).float()
        self._beginnings.rule_out_others(logits, counted, pack.begun)
        return functional.cross_entropy(logits, targets, reduction="none"), weights[counted]


class Beginnings:
    """Which tokens start with the bytes of a token that the cursor stands in."""

    def __init__(self, pieces: Sequence[bytes], device: str = "cpu") -> None:
        """``pieces`` are the bytes of each token."""
        order = sorted(range(len(pieces)), key=pieces.__getitem__)
        self._sorted = [pieces[token] for token in order]
        self._order = torch.tensor(order, device=device)

    def rule_out_others(self, logits: Any, places: Any, begun: Mapping[int, bytes]) -> None:
        """In the rows of ``logits`` [places, vocabulary] that ``begun`` names, leave tokens that start so.

        ``places`` [places] are the rows' numbers, ascending, and each of ``begun`` is one of them. What
        follows is then given the bytes before the cursor, and where the token begins: one part of the sum
        over covers (arXiv 2410.09303, section 3).
        """
        if not begun:
            return
        asked = sorted(begun)
        rows = torch.searchsorted(places, torch.tensor(asked, device=logits.device))
        others = torch.ones(len(rows), logits.shape[1], dtype=torch.bool, device=logits.device)
        for row, place in zip(others, asked, strict=True):
            row[self._starting_with(begun[place])] = False
        logits.index_put_((rows,), logits[rows].masked_fill(others, float("-inf")))

    def _starting_with(self, start: bytes) -> Any:
        def beginning(piece: bytes) -> bytes:
            return piece[: len(start)]

        first = bisect_left(self._sorted, start, key=beginning)
        return self._order[first : bisect_right(self._sorted, start, lo=first, key=beginning)]


def choose_device(wanted: Literal["auto", "cpu", "cuda"]) -> str:
    """``auto`` is CUDA where there is some. Errors: ``TrainingError``."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise TrainingError("--device cuda: torch finds no CUDA device here; use --device cpu")
    return "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"


def _load(base: Path) -> Any:
    if not base.is_file():
        raise TrainingError(f"{base}: no such model file")
    try:
        model = AutoModelForCausalLM.from_pretrained(base.parent, gguf_file=base.name, dtype=torch.float32)
    except (OSError, ValueError, RuntimeError, KeyError, NotImplementedError) as error:
        raise TrainingError(f"{base}: transformers cannot load it: {error}") from error
    model.config._attn_implementation = "rows"
    return model.to(torch.bfloat16)


def _attend(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: float, **others: Any
) -> tuple[Any, None]:
    """Causal attention, [rows, heads, length, width].

    On CPUs torch's fused kernel takes twice as long as plain products of blocks of queries with all keys up
    to the block's end.
    """
    if query.device.type != "cpu":
        mixed = functional.scaled_dot_product_attention(
            query, key, value, is_causal=True, scale=scaling, enable_gqa=True
        )
        return mixed.transpose(1, 2).contiguous(), None
    rows, heads, length, width = query.shape
    shared = key.shape[1]
    group = heads // shared
    keys = key.reshape(rows * shared, length, width).transpose(1, 2)
    values = value.reshape(rows * shared, length, width)
    blocks = []
    for start in range(0, length, _BLOCK):
        end = min(start + _BLOCK, length)
        asking = query[:, :, start:end].reshape(rows * shared, group * (end - start), width)
        scores = torch.matmul(asking, keys[:, :, :end]) * scaling
        later = torch.arange(end)[None] > torch.arange(start, end)[:, None]
        scores = scores.view(rows * shared, group, end - start, end).masked_fill(later, float("-inf"))
        shares = torch.softmax(scores, dim=-1).view(rows * shared, group * (end - start), end)
        blocks.append(torch.matmul(shares, values[:, :end]).view(rows, heads, end - start, width))
    return torch.cat(blocks, dim=2).transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register("rows", _attend)


class Optimizer:
    """AdamW on a 32-bit copy of the adapter's bfloat16 parameters."""

    def __init__(self, network: Network, weight_decay: float = 0.0, rate_ratio: float = 1.0) -> None:
        """``rate_ratio``: how much faster LoRA's B learns, which starts at zero (LoRA+, arXiv 2402.12354)."""
        self._network = network
        self._rates = network.flat_rates(rate_ratio)
        self._copy = network.flat_parameters().float().requires_grad_()
        self._adam = torch.optim.AdamW([self._copy], lr=0.0, betas=(0.9, 0.98), weight_decay=weight_decay)

    def step(self, gradient: Any, rate: float, most_norm: float = 1.0) -> float:
        """One step at a learning rate. Returns the gradient's norm before it was clipped to ``most_norm``."""
        self._copy.grad = gradient
        norm = float(torch.nn.utils.clip_grad_norm_([self._copy], most_norm))
        for group in self._adam.param_groups:
            group["lr"] = rate
        before = self._copy.detach().clone()
        self._adam.step()
        with torch.no_grad():  # a step is proportional to the rate
            self._copy.copy_(torch.lerp(before, self._copy, self._rates))
        self._copy.grad = None
        self._network.set_parameters(self._copy)
        return norm

    def state(self) -> dict[str, Any]:
        """What ``restore`` takes."""
        return {"copy": self._copy.detach().clone(), "adam": self._adam.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state, parameters included."""
        self._adam.load_state_dict(state["adam"])
        with torch.no_grad():
            self._copy.copy_(state["copy"])
        self._network.set_parameters(self._copy)
