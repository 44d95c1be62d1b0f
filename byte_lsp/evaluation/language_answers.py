"""What a model suggests at a cursor in a file, and how that compares with what the file has there."""

from dataclasses import dataclass
from typing import Literal, get_args

from byte_lsp.api import ByteModel
from byte_lsp.cli_cursor import Cursor
from byte_lsp.evaluation.language_cursors import Language, Spot
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.settings import SuggestSettings

Verdict = Literal["right", "first line right", "a beginning", "differs", "nothing"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Answer:
    """``text`` goes in at the cursor, in place of ``replaced_bytes`` behind it; empty is nothing."""

    text: bytes
    replaced_bytes: int
    elapsed_ms: float


def pose(language: Language, spot: Spot) -> InfillProblem:
    """The problem as the server poses it by default to who asks, all text around the cursor already read."""
    suggest = SuggestSettings()
    return Cursor(spot.text, spot.offset).pose(
        language=language.id,
        path=language.file.encode(),
        max_bytes=suggest.max_bytes,
        max_lines=suggest.max_lines,
        draws=suggest.draws,
        temperature=suggest.temperature,
        top_p=suggest.top_p,
    )


def ask(model: ByteModel, language: Language, spot: Spot) -> Answer:
    """The first suggestion, as it would be inserted. Errors: ``EngineError``, ``WorkerDied``."""
    result = model.infill(pose(language, spot))
    for text, candidate in Cursor(spot.text, spot.offset).read(result).items():
        return Answer(text.encode(), candidate.replaced_bytes, result.elapsed_ms)
    return Answer(b"", 0, result.elapsed_ms)


def judge(spot: Spot, answer: Answer) -> Verdict:
    """Compare with what the file has, but for blanks at the end.

    ``first line right`` goes to the end of the first line that is not blank, ``a beginning`` is one of that
    line.
    """
    truth = (spot.truth + spot.behind[: answer.replaced_bytes]).rstrip()
    text = answer.text.rstrip()
    if not text:
        return "nothing"
    if text == truth:
        return "right"
    if first_line(text) == first_line(truth):
        return "first line right"
    return "a beginning" if first_line(truth).startswith(text) else "differs"


def first_line(text: bytes) -> bytes:
    """``text`` to the end of its first line that is not blank."""
    blank = len(text) - len(text.lstrip())
    end = text.find(b"\n", blank)
    return text if end < 0 else text[:end]
