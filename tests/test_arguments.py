"""What a Python program passes becomes plain values, or an error that names the argument."""

import math
from dataclasses import fields, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from byte_lsp.arguments import read_arm, read_backend, read_engine, read_eps, read_infill, read_sample
from byte_lsp.infill.problem import COLDEST, Chunk, InfillProblem
from byte_lsp.worker.messages import Request, SampleProblem, pack_message

GOOD: dict[str, Any] = {
    "prefix": b"x",
    "max_bytes": 5,
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 3,
    "stop": (b"\n",),
}


def test_numbers_and_bytes_of_other_kinds_become_pythons_own() -> None:
    given = {
        "prefix": bytearray(b"x"),
        "max_bytes": np.int64(5),
        "temperature": Fraction(1, 2),
        "top_p": np.float32(0.75),
        "seed": np.uint64(2**64 - 1),
        "stop": [memoryview(b"\n")],
    }
    found = read_sample(**given)
    assert found == SampleProblem(b"x", 5, 0.5, 0.75, 2**64 - 1, (b"\n",))
    assert pack_message(Request(1, found))


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"prefix": "def f"}, TypeError),
        ({"prefix": 3}, TypeError),
        ({"max_bytes": 5.0}, TypeError),
        ({"max_bytes": 0}, ValueError),
        ({"max_bytes": 2**64}, ValueError),
        ({"temperature": math.inf}, ValueError),
        ({"temperature": math.nan}, ValueError),
        ({"temperature": -1}, ValueError),
        ({"temperature": 1e39}, ValueError),
        ({"temperature": "hot"}, TypeError),
        ({"top_p": 0}, ValueError),
        ({"top_p": 1.01}, ValueError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**70}, ValueError),
        ({"seed": "a"}, TypeError),
        ({"stop": b"rn"}, TypeError),
        ({"stop": "rn"}, TypeError),
        ({"stop": ["\n"]}, TypeError),
        ({"stop": [b""]}, ValueError),
    ],
)
def test_a_wrong_argument_is_named(wrong: dict[str, Any], error: type[Exception]) -> None:
    (name,) = wrong
    with pytest.raises(error, match=name):
        read_sample(**GOOD | wrong)


def test_a_very_low_temperature_is_greedy() -> None:
    temperatures = [read_sample(**GOOD | {"temperature": t}).temperature for t in (0, 1e-50, COLDEST, 1)]
    assert temperatures == [0, 0, COLDEST, 1]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"prefix": "x"}, TypeError),
        ({"suffix": "x"}, TypeError),
        ({"language": b"c"}, TypeError),
        ({"alternatives": 0}, ValueError),
        ({"max_bytes": 0}, ValueError),
        ({"max_lines": -1}, ValueError),
        ({"temperature": -1.0}, ValueError),
        ({"top_p": 0.0}, ValueError),
        ({"seed": -1}, ValueError),
        ({"arm": "bogus"}, ValueError),
        ({"with_logprobs": "no"}, TypeError),
    ],
)
def test_a_wrong_field_of_an_infill_problem_is_named(wrong: dict[str, Any], error: type[Exception]) -> None:
    (name,) = wrong
    with pytest.raises(error, match=name):
        read_infill(replace(InfillProblem(b"x"), **wrong))


def test_an_infill_problem_comes_out_as_it_went_in() -> None:
    problem = InfillProblem(
        b"a",
        b"b",
        "python",
        3,
        10,
        2,
        0.7,
        0.9,
        2**63,
        "healing",
        with_logprobs=True,
        raw=True,
        suffix_goes_on=True,
        file_is_whole=True,
        path=b"a.py",
        repo=b"r",
        chunks=(Chunk(b"b.py", b"c"),),
        draws=2,
        suffix_fit=False,
        prompt_tokens=9,
        deadline_ms=2.0,
    )
    untouched = {"answer_ms", "whole_line"}  # the server's own
    plain = InfillProblem(b"")
    for field in fields(InfillProblem):
        is_set = getattr(problem, field.name) != getattr(plain, field.name)
        assert is_set != (field.name in untouched), field.name
    assert read_infill(problem) == problem
    with pytest.raises(TypeError, match="InfillProblem"):
        read_infill(b"x")


def test_eps_arm_backend_and_engine_settings_have_their_limits() -> None:
    assert read_eps(np.float32(0.25)) == 0.25
    assert (read_arm("plain"), read_backend("transformers")) == ("plain", "transformers")
    assert read_engine("gpu_layers", np.int32(-1)) == -1
    for eps in (-0.1, 1, math.nan):
        with pytest.raises(ValueError, match="eps"):
            read_eps(eps)
    with pytest.raises(ValueError, match="'exact', 'plain', 'healing'"):
        read_arm("bogus")
    with pytest.raises(ValueError, match="transformers"):
        read_backend("foo")
    with pytest.raises(ValueError, match="context_tokens must be from 256"):
        read_engine("context_tokens", -5)
    with pytest.raises(TypeError, match="threads"):
        read_engine("threads", "x")
