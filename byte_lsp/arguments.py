"""What a Python program may pass: looked at in the caller's thread, before a model's process hears of it.

Each function returns the value as one of Python's own types, the only ones that cross to that process, and
raises ``TypeError`` or ``ValueError`` naming the argument.
"""

import math
from collections.abc import Iterable
from dataclasses import replace
from numbers import Real
from operator import index
from typing import Any, get_args

from byte_lsp.infill.problem import MOST_DRAWS, Arm, Chunk, InfillProblem, settle_temperature
from byte_lsp.settings import EngineSettings, describe
from byte_lsp.worker.messages import Backend, SampleProblem

MOST_TEMPERATURE = 1e6
"""Far beyond it differences between logits are lost in 32 bits."""

MOST_WHOLE = 2**64 - 1
_ENGINE_LIMITS = {doc.key: doc for doc in describe(EngineSettings)}


def read_bytes(name: str, value: object) -> bytes:
    """Bytes of any kind; text must be encoded first."""
    if not isinstance(value, bytes | bytearray | memoryview):
        hint = "; encode it" if isinstance(value, str) else ""
        raise TypeError(f"{name} must be bytes, not {type(value).__name__}{hint}")
    return bytes(value)


def read_whole(name: str, value: Any, least: int, most: int = MOST_WHOLE) -> int:
    """A whole number of any kind, within limits."""
    try:
        number = index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    if not least <= number <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {number}")
    return number


def read_flag(name: str, value: object) -> bool:
    """True or False, and nothing that only counts as one."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return value


def read_text(name: str, value: object) -> str:
    """Text."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be text, not {value!r}")
    return value


def read_texts(name: str, value: object) -> list[str]:
    """Several texts."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a sequence of texts, not {value!r}")
    return [read_text(f"each of {name}", each) for each in value]


def read_number(name: str, value: object) -> float:
    """A finite number of any kind."""
    if not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, not {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, not {number}")
    return number


def read_eps(value: object) -> float:
    """The least weight of a context that is evaluated."""
    eps = read_number("eps", value)
    if not 0 <= eps < 1:
        raise ValueError(f"eps must be 0 or more and below 1, not {eps}")
    return eps


def read_arm(value: Any) -> Arm:
    """One of the arms."""
    _check_choice("arm", value, get_args(Arm))
    arm: Arm = value
    return arm


def read_sample(
    prefix: object, max_bytes: object, temperature: object, top_p: object, seed: object, stop: object
) -> SampleProblem:
    """The arguments of ``sample``."""
    return SampleProblem(
        read_bytes("prefix", prefix),
        read_whole("max_bytes", max_bytes, 1),
        _read_temperature(temperature),
        _read_top_p(top_p),
        None if seed is None else read_whole("seed", seed, 0),
        _read_stop(stop),
    )


def read_infill(problem: object) -> InfillProblem:
    """An infill problem, every field of it."""
    if not isinstance(problem, InfillProblem):
        raise TypeError(f"an infill problem is an InfillProblem, not {type(problem).__name__}")
    draw = read_sample(
        problem.prefix, problem.max_bytes, problem.temperature, problem.top_p, problem.seed, ()
    )
    return replace(
        problem,
        prefix=draw.prefix,
        suffix=read_bytes("suffix", problem.suffix),
        language=read_text("language", problem.language),
        alternatives=read_whole("alternatives", problem.alternatives, 1),
        max_bytes=draw.max_bytes,
        max_lines=read_whole("max_lines", problem.max_lines, 0),
        temperature=draw.temperature,
        top_p=draw.top_p,
        seed=draw.seed,
        arm=read_arm(problem.arm),
        with_logprobs=read_flag("with_logprobs", problem.with_logprobs),
        raw=read_flag("raw", problem.raw),
        suffix_goes_on=read_flag("suffix_goes_on", problem.suffix_goes_on),
        file_is_whole=read_flag("file_is_whole", problem.file_is_whole),
        path=read_bytes("path", problem.path),
        repo=read_bytes("repo", problem.repo),
        chunks=tuple(map(_read_chunk, problem.chunks)),
        draws=read_whole("draws", problem.draws, 1, MOST_DRAWS),
        prompt_tokens=read_whole("prompt_tokens", problem.prompt_tokens, 0),
        suffix_fit=read_flag("suffix_fit", problem.suffix_fit),
        deadline_ms=_read_deadline(problem.deadline_ms),
    )


def _read_chunk(value: object) -> Chunk:
    if not isinstance(value, Chunk):
        raise TypeError(f"each of chunks must be a Chunk, not {value!r}")
    return Chunk(read_bytes("path of a chunk", value.path), read_bytes("text of a chunk", value.text))


def _read_deadline(value: object) -> float:
    deadline_ms = read_number("deadline_ms", value)
    if deadline_ms < 0:
        raise ValueError(f"deadline_ms must be 0 (none) or more, not {deadline_ms}")
    return deadline_ms


def read_engine(name: str, value: object) -> int:
    """The engine's setting of that name, within the limits that it has in an editor."""
    limits = _ENGINE_LIMITS[name]
    assert limits.minimum is not None
    assert limits.maximum is not None
    return read_whole(name, value, int(limits.minimum), int(limits.maximum))


def read_backend(value: Any) -> Backend:
    """One of the engines."""
    _check_choice("backend", value, get_args(Backend))
    backend: Backend = value
    return backend


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")


def _read_temperature(value: object) -> float:
    temperature = read_number("temperature", value)
    if not 0 <= temperature <= MOST_TEMPERATURE:
        raise ValueError(f"temperature must be from 0 to {MOST_TEMPERATURE:g}, not {temperature}")
    return settle_temperature(temperature)


def _read_top_p(value: object) -> float:
    top_p = read_number("top_p", value)
    if not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {top_p}")
    return top_p


def _read_stop(value: object) -> tuple[bytes, ...]:
    if isinstance(value, str | bytes | bytearray | memoryview) or not isinstance(value, Iterable):
        raise TypeError(f"stop must be a sequence of bytes, such as [b'\\n'], not {value!r}")
    stop = tuple(read_bytes("each of stop", each) for each in value)
    if b"" in stop:
        raise ValueError("stop must not hold b'': every text would end at once")
    return stop
