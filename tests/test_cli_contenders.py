"""Several models on one command line, each with options of its own."""

import argparse

import pytest

from byte_lsp.cli_contenders import add_arms, add_contenders, read_contenders, read_entries
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.contenders import Contender
from byte_lsp.evaluation.infill_ask import USUAL_ARMS
from byte_lsp.evaluation.infill_run import Entry
from byte_lsp.settings import Settings


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*")
    add_contenders(parser)
    add_arms(parser)
    return parser.parse_args(arguments)


def test_without_a_model_it_is_the_default() -> None:
    assert read_entries(parse()) == [Entry(Contender(Settings().model), USUAL_ARMS)]
    assert read_contenders(parse("folder")) == [Contender(Settings().model)]


def test_options_belong_to_the_model_before_them() -> None:
    args = parse(
        *("--model", "base", "--arms", "fit", "exact", "plain+fit"),
        *("--model", "run.gguf", "--like", "base", "--infill", "family"),
    )
    assert read_entries(args) == [
        Entry(Contender("base"), ("exact", "plain+fit", "exact+fit")),
        Entry(Contender("run.gguf", "base", "family"), USUAL_ARMS),
    ]


def test_arms_before_the_first_model_are_for_all_without_their_own() -> None:
    args = parse("folder", "--arms", "exact", "plain", "--model", "a", "--model", "b", "--arms", "healing")
    assert [entry.arms for entry in read_entries(args)] == [("plain", "exact"), ("healing",)]
    assert args.folders == ["folder"]
    assert [entry.arms for entry in read_entries(parse("--arms", "exact"))] == [("exact",)]


def test_two_command_lines_share_nothing() -> None:
    assert len(read_entries(parse("--model", "a", "--model", "b"))) == 2
    assert len(read_entries(parse("--model", "c"))) == 1


@pytest.mark.parametrize("option", ["--like", "--infill"])
def test_what_describes_a_model_comes_behind_it(option: str) -> None:
    with pytest.raises(EvaluationError, match="give them behind its --model"):
        read_entries(parse(option, "x", "--model", "a"))


def test_unknown_arms_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse("--arms", "best")
    assert "invalid choice: 'best'" in capsys.readouterr().err
