"""What crosses the worker's door: small frozen dataclasses, and their encoding on the pipe.

A frame is a 4-byte little-endian length and a msgpack document. Problems and candidates cross; logits
never do.
"""

import struct
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import msgpack  # type: ignore[import-untyped]
from cattrs.preconf.msgpack import make_converter
from cattrs.strategies import configure_tagged_union

from byte_lsp.catalog import Infill, Model
from byte_lsp.infill.confidence import Calibration
from byte_lsp.infill.problem import Arm, Candidate, InfillProblem, InfillResult
from byte_lsp.weights import Rule

WorkerState = Literal["loading", "ready", "failed", "closed"]
Backend = Literal["llama.cpp", "transformers"]
FailureKind = Literal["error", "cancelled", "context_full"]


@dataclass(frozen=True, slots=True)
class MemberConfig:
    """One model, which may be a member of an ensemble; ``weight`` is its own there.

    ``start_token`` is the spelling of the token that opens a text for this model, ``end_tokens`` those of the
    tokens that end one; empty means what the model file itself says. ``infill`` is how it is asked to fill
    in, None what the file says; ``calibration`` what its probabilities are worth, None if nobody knows.
    ``adapter_path`` is a LoRA adapter to apply ``adapter_scale`` times, "" none.
    """

    model_path: str
    weight: float = 1.0
    start_token: str = ""
    end_tokens: tuple[str, ...] = ()
    infill: Infill | None = None
    calibration: Calibration | None = None
    adapter_path: str = ""
    adapter_scale: float = 1.0

    @classmethod
    def of(cls, model: Model, path: Path, weight: float = 1.0) -> "MemberConfig":
        """A model of the catalogue, or one that it does not know, and its file."""
        own = cls(str(path), weight, model.start_token, model.end_tokens, model.infill, model.calibration)
        adapter = model.adapter
        if adapter is None:
            return own
        return replace(own, adapter_path=str(adapter.path), adapter_scale=adapter.scale)


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """How the worker loads its model.

    ``threads`` 0 means the number of physical cores. ``gpu_layers`` -1 means all layers that fit.
    ``context_tokens`` bounds prompt plus generation. ``safe_path`` gives up the kernels that crash on some
    machines. What is the model's own is as in ``MemberConfig``. With ``others`` the model is one of an
    ensemble under ``rule``, and ``weight`` is its own; without them it is an ensemble of one if ``weight``
    makes a difference. Without ``reuse`` each request begins with an empty cache, to measure what that costs.
    With ``drafts`` repeated text is guessed and checked in one go (``bytes.drafts``).
    """

    model_path: str
    context_tokens: int = 4096
    threads: int = 0
    gpu_layers: int = 0
    start_token: str = ""
    end_tokens: tuple[str, ...] = ()
    flash_attention: bool = False
    safe_path: bool = False
    backend: Backend = "llama.cpp"
    weight: float = 1.0
    others: tuple[MemberConfig, ...] = ()
    rule: Rule = "mixture"
    infill: Infill | None = None
    calibration: Calibration | None = None
    adapter_path: str = ""
    adapter_scale: float = 1.0
    reuse: bool = True
    drafts: bool = True

    @classmethod
    def of(cls, first: MemberConfig, *others: MemberConfig, **options: Any) -> "WorkerConfig":
        """These models with these ``options``."""
        own = {field.name: getattr(first, field.name) for field in fields(MemberConfig)}
        return cls(**own, others=others, **options)

    @property
    def members(self) -> tuple[MemberConfig, ...]:
        """All models, the first included."""
        own = {field.name: getattr(self, field.name) for field in fields(MemberConfig)}
        return (MemberConfig(**own), *self.others)


@dataclass(frozen=True, slots=True)
class WorkerEvent:
    """Something the user may want to know: a state the worker reached, and one readable sentence.

    Where the process was ``restarted``, ``in_a_row`` counts how often since it last was of use.
    """

    state: WorkerState
    message: str
    restarted: bool = False
    in_a_row: int = 0


@dataclass(frozen=True, slots=True)
class SampleProblem:
    """One continuation of ``prefix``, at most ``max_bytes`` long, that ends before the first of ``stop``.

    ``temperature`` and ``top_p`` act on covers and tokens as in ``ByteModel.sample``, with an ensemble on
    bytes as in ``Ensemble.sample``; ``temperature`` 0 is greedy.
    """

    prefix: bytes
    max_bytes: int
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    stop: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class NextByteProblem:
    """The distribution of the byte after ``prefix``.

    A context of less than ``eps`` of the weight is not evaluated. Arms but "exact" evaluate what they have.
    """

    prefix: bytes
    arm: Arm = "exact"
    eps: float = 0.0


@dataclass(frozen=True, slots=True)
class LogprobProblem:
    """The log-probability of a continuation of ``prefix``."""

    continuation: bytes
    prefix: bytes
    eps: float = 0.0


@dataclass(frozen=True, slots=True)
class MeasureProblem:
    """The speed of the loaded model, measured now on ``prefill_tokens`` and ``decode_tokens`` tokens."""

    prefill_tokens: int = 256
    decode_tokens: int = 32


@dataclass(frozen=True, slots=True)
class NextByteResult:
    """Log-probabilities of the 256 bytes and of end-of-text, in nats; ``left_out`` bounds their error."""

    logprobs: tuple[float, ...]
    left_out: float = 0.0


@dataclass(frozen=True, slots=True)
class LogprobResult:
    """A log-probability in nats."""

    logprob: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a worker says of itself. ``resident_bytes`` is its memory, ``system`` llama.cpp's features."""

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    resident_bytes: int
    vocabulary_size: int
    system: str


Problem = InfillProblem | SampleProblem | NextByteProblem | LogprobProblem | MeasureProblem
Solution = InfillResult | Candidate | NextByteResult | LogprobResult | Measurement


@dataclass(frozen=True, slots=True)
class Request:
    """To the worker: solve this."""

    number: int
    problem: Problem


@dataclass(frozen=True, slots=True)
class Cancel:
    """To the worker: the request of this number is not wanted any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Ping:
    """To the worker: say that you are alive."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """From the worker, at once, whatever it is busy with: the tokens that it has evaluated since it began."""

    tokens_evaluated: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """From the worker: the model is there and has passed a first evaluation."""

    load_ms: float


@dataclass(frozen=True, slots=True)
class LoadFailed:
    """From the worker: the model cannot be loaded, for this reason, and the process is about to end."""

    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """From the worker: the solution of a request."""

    number: int
    solution: Solution


@dataclass(frozen=True, slots=True)
class Failure:
    """From the worker: a request ended without a solution, because of an error of this kind."""

    number: int
    message: str
    kind: FailureKind = "error"


@dataclass(frozen=True, slots=True)
class More:
    """From the worker, after an answer that was unfinished: the whole result, None if it was given up."""

    number: int
    result: InfillResult | None


Message = WorkerConfig | Request | Cancel | Ping | Loaded | LoadFailed | Answer | More | Failure | Pulse

_HEADER = struct.Struct("<I")
_converter = make_converter()
for _union in (Problem, Solution, Message):
    configure_tagged_union(_union, _converter)


class UnreadableMessage(Exception):
    """A frame that holds no message. ``number`` is that of the request which it should have been, if any."""

    def __init__(self, number: int | None, reason: Exception) -> None:
        self.number = number
        super().__init__(f"{type(reason).__name__}: {reason}")


def pack_message(message: Message) -> bytes:
    """One frame. Errors: ``TypeError``, ``OverflowError`` for values that msgpack does not know."""
    document: bytes = _converter.dumps(message, unstructure_as=Message)
    return _HEADER.pack(len(document)) + document


def write_message(stream: BinaryIO, message: Message) -> None:
    """Write one frame and flush it. Errors: ``OSError`` if the other side is gone."""
    write_frame(stream, pack_message(message))


def write_frame(stream: BinaryIO, frame: bytes) -> None:
    """Write what ``pack_message`` made and flush it. Errors: ``OSError`` if the other side is gone."""
    stream.write(frame)
    stream.flush()


def read_message(stream: BinaryIO) -> Message | None:
    """Read one frame; None at the end of the stream. Errors: ``UnreadableMessage``."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    (length,) = _HEADER.unpack(header)
    document = stream.read(length)
    if len(document) < length:
        return None
    try:
        return _converter.loads(document, Message)  # type: ignore[arg-type]
    except Exception as error:
        raise UnreadableMessage(_number(document), error) from error


def _number(document: bytes) -> int | None:
    try:
        found = msgpack.unpackb(document, strict_map_key=False)
    except ValueError:
        return None
    number = found.get("number") if isinstance(found, dict) else None
    return number if isinstance(number, int) else None
