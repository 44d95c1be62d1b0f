"""Which texts are offered where the model sees the suffix itself."""

import pytest

from byte_lsp.infill.choosing import Choice
from byte_lsp.infill.gather import Gathered
from byte_lsp.infill.problem import InfillProblem, StopReason

PREFIX = b"class Stack:\n    def push(self, item):\n        self.ite"


def offered(
    text: bytes, reason: StopReason, suffix: bytes, *, prefix: bytes = PREFIX, sees_suffix: bool = True
) -> list[bytes]:
    choice = Choice(InfillProblem(prefix, suffix, "python"), sees_suffix=sees_suffix)
    choice.add(Gathered(text, reason, 3), 3)
    return [candidate.text for candidate in choice.candidates]


@pytest.mark.parametrize("suffix", [b"ms.append(item)\n", b"ms.append(item)\n\n    def pop(self): ..."])
def test_a_text_with_more_lines_in_mind_is_none_for_the_middle_of_one(suffix: bytes) -> None:
    assert offered(b"m = item", "max_lines", suffix) == []
    assert offered(b"m = item", "max_lines", suffix, sees_suffix=False) == [b"m = item"]


def test_what_the_model_ends_itself_is_offered_there() -> None:
    assert offered(b"rator = self.ite", "end_of_text", b"ms.copy()\n") == [b"rator = self.ite"]
    assert offered(b"rator = self.ite", "max_lines", b"ms.copy()\n") == []


def test_at_the_end_of_a_line_more_lines_may_follow() -> None:
    assert offered(b"ms.append(item)", "max_lines", b"\n\n    def pop(self): ...") == [b"ms.append(item)"]


def test_a_text_that_has_the_rest_of_its_line_is_cut_or_takes_its_place() -> None:
    assert offered(b"ms.pop().append(item)", "max_lines", b"append(item)\n") == [b"ms.pop()."]
    assert offered(b"items) + 1", "max_lines", b")\n", prefix=b"length = len(") == [b"items) + 1"]
