"""``byte-lsp next-byte`` with the real model."""

import json

import pytest

from byte_lsp.cli_next_byte import NextByte
from tests.cli_process import run_cli

pytestmark = pytest.mark.usefixtures("default_path")


@pytest.mark.parametrize(
    ("byte", "shown"),
    [
        (ord("a"), "'a'"),
        (ord(" "), "' '"),
        (ord("'"), '"\'"'),
        (10, r"'\n'"),
        (9, r"'\t'"),
        (0, r"'\x00'"),
        (0xC3, "0xC3"),
        (256, "END"),
    ],
)
def test_every_byte_can_be_read(byte: int, shown: str) -> None:
    assert NextByte(byte, 0.0).shown == shown


def test_both_arms_stand_side_by_side() -> None:
    process = run_cli(
        "next-byte", "class Stack:\n    items = []\n    def pop(self): return self.ite", "--top", "4"
    )
    assert process.stderr == b""
    header, *rows = process.stdout.decode().splitlines()
    assert header.split() == ["exact", "plain"]
    assert len(rows) == 4
    assert rows[0].split()[0] == "'m'"
    assert rows[0].split()[2] != "'m'"


def test_standard_input_is_taken_byte_by_byte() -> None:
    process = run_cli("next-byte", "--json", "--top", "3", given=b'cities = ["Z\xc3\xbcrich", "Z\xc3')
    answer = json.loads(process.stdout)
    best = answer["exact"][0]
    assert (best["byte"], best["shown"]) == (0xBC, "0xBC")
    assert best["probability"] > 0.5
    assert [len(nexts) for nexts in answer.values()] == [3, 3]
    probabilities = [each["probability"] for each in answer["exact"]]
    assert probabilities == sorted(probabilities, reverse=True)
