"""The command that teaches an adapter by what its model writes, on the real base: few holes, few steps."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from byte_lsp.errors import TrainingError
from byte_lsp.evaluation.contenders import Contender
from byte_lsp.training import prefer
from byte_lsp.training.documents import Document, Documents
from byte_lsp.training.examples import Example, ExampleMaker
from byte_lsp.training.holes import HoleDrawer
from byte_lsp.training.log import read_log
from byte_lsp.training.prefer import Lessons, Pair, PreferenceSettings

ADAPTER = Path(__file__).parents[2] / "models" / "fim" / "smollm2-135m-fim.gguf"
SMALL = [
    "--languages",
    "python",
    "--holes",
    "18",
    "--pairs-per-step",
    "2",
    "--epochs",
    "1",
    "--device",
    "cpu",
    "--jobs",
    "2",
]


def teach(data: Path, out: Path, *more: str, adapter: Path = ADAPTER) -> int:
    command = ["--data", str(data), "--start-from", str(adapter), "--out", str(out), *SMALL]
    return prefer.main([*command, *more])


def settings(**changes: object) -> PreferenceSettings:
    values = {"seed": 3, "holes": 40, "epochs": 2.0, "pairs_per_step": 4, "peak_rate": 1e-4}
    known = {"data": "", "base": "", "start": "", "beta": 0.2, "truth_weight": 0.2, "shares": {}}
    return PreferenceSettings(**(known | values | changes))


def pair(number: int) -> Pair:
    example = Example((1, 2), (1.0,), "line", "python", 1, number, True)
    return Pair(example, example, 1.0, 2.0)


def test_each_pair_is_learnt_from_as_often_as_asked_and_none_that_is_held_out() -> None:
    pairs = [pair(number) for number in range(32)]
    lessons = Lessons(pairs, settings())
    assert len(lessons.held_out) == 4
    assert lessons.steps == 14
    learnt = [each.better.middle_bytes for step in range(14) for each in lessons.of_step(step)]
    rest = {each.better.middle_bytes for each in pairs} - {
        each.better.middle_bytes for each in lessons.held_out
    }
    assert sorted(learnt) == sorted([*rest, *rest])
    assert learnt[:28] != learnt[28:], "in another order the second time"
    assert lessons.of_step(9) == Lessons(pairs, settings()).of_step(9)
    with pytest.raises(TrainingError, match="10 pairs, 1 of them held out, make no step of 40 pairs"):
        Lessons(pairs[:10], settings(pairs_per_step=40))


@pytest.mark.timeout(900)
def test_a_run_learns_and_goes_on(data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert teach(data_set, run) == 0
    assert "the better text has gained on the worse one in" in capsys.readouterr().out
    answers = (run / prefer.ANSWERS).read_bytes()
    assert sorted(row["number"] for row in read_log(run / prefer.ANSWERS)) == list(range(18))
    log = read_log(run / "log.jsonl")
    steps = [entry for entry in log if "loss" in entry]
    assert len(steps) >= 2
    assert steps[0]["margin"] == pytest.approx(0, abs=0.3), "before the first step nothing has been gained"
    assert steps[-1]["margin"] > steps[0]["margin"] + 0.1
    assert log[-1]["held_out"] >= 1

    # Once more on the finished run: nothing is asked, nothing is learnt.
    before = load_file(run / "adapter" / "adapter_model.safetensors")
    assert teach(data_set, run) == 0
    assert (run / prefer.ANSWERS).read_bytes() == answers
    after = load_file(run / "adapter" / "adapter_model.safetensors")
    assert all(torch.equal(before[name], after[name]) for name in before)

    assert len([entry for entry in read_log(run / "log.jsonl") if "held_out" in entry]) == 1

    capsys.readouterr()
    assert teach(data_set, run, "--beta", "0.5") == 1
    assert "was begun with beta = 0.2, not 0.5" in capsys.readouterr().err
    (run / prefer.ANSWERS).write_text(json.dumps({"number": 0}) + "\n")
    assert teach(data_set, run) == 1
    assert f"{run / prefer.ANSWERS} holds no answers" in capsys.readouterr().err


def test_holes_that_were_filled_are_not_filled_again(
    documents: list[Document], maker: ExampleMaker, tmp_path: Path
) -> None:
    drawer = HoleDrawer(Documents({"python": documents}), maker, {"python": 1.0}, 0)
    model = Contender("smollm2-135m-fim")

    def fill(count: int) -> list[int]:
        said: list[int] = []
        found = prefer.answer_all(tmp_path, model, drawer, count, 1, lambda title, total: said.append)
        assert [each.number for each in found] == list(range(count))
        assert all(each.texts for each in found)
        return said

    assert fill(2) == [1, 2]
    before = (tmp_path / prefer.ANSWERS).read_bytes()
    assert fill(2) == []
    with (tmp_path / prefer.ANSWERS).open("ab") as file:
        file.write(b'{"number": 2, "texts": [{"te')  # killed while it wrote
    assert fill(3) == [3]
    assert (tmp_path / prefer.ANSWERS).read_bytes().startswith(before)


def test_an_adapter_that_is_not_there(
    data_set: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert teach(data_set, tmp_path / "run", adapter=tmp_path / "none.gguf") == 1
    assert "none.gguf: cannot be read" in capsys.readouterr().err
