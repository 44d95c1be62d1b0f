"""The whole build, from packages made here: by pip from a folder, and by the command."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from byte_lsp.errors import DataSetError
from byte_lsp.training import data
from byte_lsp.training.data import benchmark_grams, check_benchmarks
from byte_lsp.training.overlap import read_grams
from byte_lsp.training.sources import LANGUAGES, Split, default_folder
from tests.training.archives import make_wheel, python_file, sha256, use_index

_PROBLEM = {
    "prompt": "def sum_of_odd_squares(numbers, lowest):\n",
    "canonical_solution": "    squares = [each * each for each in numbers if each % 2 and each >= lowest]\n",
    "suffix": "    return sum(squares)\n",
    "test": "def check(candidate):\n    assert candidate([1, 2, 3], 0) == 10\n",
}
_PLANTED = _PROBLEM["prompt"] + _PROBLEM["canonical_solution"] + _PROBLEM["suffix"]
_PACKAGES: dict[str, tuple[Split, dict[str, str]]] = {
    "trained": ("train", {"trained/a.py": python_file("alpha"), "trained/b.py": python_file("beta")}),
    "planted": (
        "train",
        {"planted/a.py": python_file("gamma") + _PLANTED, "planted/b.py": python_file("delta")},
    ),
    "watched": ("valid", {"watched/a.py": python_file("epsilon"), "watched/copy.py": python_file("alpha")}),
    "measured": (
        "heldout",
        {"measured/deep/a.py": python_file("zeta"), "measured/copy.py": python_file("beta")},
    ),
}


@pytest.fixture(scope="module")
def pinned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest of four packages, pip's only index, a benchmark, and the set that was built and pinned."""
    place = tmp_path_factory.mktemp("pinned")
    for each in ("index", "fim", "benchmarks"):
        (place / each).mkdir()
    lines = ["[package_kilobytes]", *(f"{language} = 10" for language in LANGUAGES)]
    for name, (split, files) in _PACKAGES.items():
        wheel = make_wheel(place / "index", name, files)
        lines += [
            "[[source]]", 'index = "pypi"', f'name = "{name}"', 'version = "1.0"',
            f'sha256 = "{sha256(wheel)}"', 'licence = "MIT"', 'languages = ["python"]', f'split = "{split}"',
        ]  # fmt: skip
    (place / "fim" / "sources.toml").write_text("\n".join(lines), encoding="utf-8")
    (place / "benchmarks" / "tasks.jsonl.gz").write_bytes(gzip.compress(json.dumps(_PROBLEM).encode()))
    with pytest.MonkeyPatch.context() as patch:
        use_index(patch, place / "index")
        _pin(place)
    return place


@pytest.fixture
def place(pinned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of ``pinned``, to do as one likes with."""
    shutil.copytree(pinned, tmp_path / "place")
    use_index(monkeypatch, tmp_path / "place" / "index")
    return tmp_path / "place"


def _run(place: Path, *more: str, out: str = "set") -> int:
    given = ["--manifest", str(place / "fim" / "sources.toml"), "--cache", str(place / "cache")]
    return data.main([*given, "--out", str(place / out), *more])


def _pin(place: Path) -> None:
    assert _run(place, "--pin", "--benchmarks", str(place / "benchmarks")) == 0


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_set_has_three_splits_of_different_packages_and_nothing_twice(place: Path) -> None:
    train = _rows(place / "set" / "train" / "python.jsonl.gz")
    valid = _rows(place / "set" / "valid" / "python.jsonl.gz")
    assert {(row["package"], row["path"]) for row in train} == {("planted", "planted/b.py")}
    assert {(row["package"], row["path"]) for row in valid} == {
        ("watched", "watched/a.py"), ("watched", "watched/copy.py"),
    }  # fmt: skip
    assert train[0] == {
        "package": "planted", "path": "planted/b.py", "language": "python", "text": python_file("delta"),
    }  # fmt: skip
    heldout = place / "set" / "heldout" / "python" / "measured" / "measured"
    assert (heldout / "deep" / "a.py").read_text(encoding="utf-8") == python_file("zeta")
    assert (heldout / "copy.py").is_file()


def test_the_sets_manifest_says_what_is_in_it_and_what_is_not(place: Path) -> None:
    said = json.loads((place / "set" / "manifest.json").read_text(encoding="utf-8"))
    assert said["dropped"]["python"] == {"copy": 2, "overlaps with a benchmark": 1}
    size = len(python_file("delta").encode())
    assert said["shards"]["train/python"]["rows"] == 1
    assert said["shards"]["train/python"]["bytes"] == size
    planted = next(each for each in said["packages"] if each["name"] == "planted")
    assert planted["given"] == {"python": {"files": 1, "bytes": size}}
    assert (planted["licence"], planted["split"]) == ("MIT", "train")


def test_the_same_manifest_gives_the_same_bytes_without_the_benchmarks(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(place / "benchmarks")
    shutil.rmtree(place / "cache")
    assert _run(place, out="again") == 0
    assert "every shard is as" in capsys.readouterr().out
    assert _content(place / "again") == _content(place / "set")


def test_shards_that_are_not_the_expected_ones_are_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = place / "fim" / "sources.toml"
    manifest.write_text(
        manifest.read_text(encoding="utf-8") + '\nexclude = ["*/copy.py"]\n', encoding="utf-8"
    )
    assert _run(place) == 1
    assert "heldout/python, train/python differ from" in capsys.readouterr().err


def test_a_language_is_built_alone_and_an_unknown_one_is_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(place, "--languages", "python", out="alone") == 0
    assert _content(place / "alone") == _content(place / "set")
    assert _run(place, "--languages", "go") == 1
    assert "no package for go" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        _run(place, "--languages", "cobol")


def test_benchmarks_that_are_not_the_stored_ones_are_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = _PROBLEM | {"prompt": "def product_of_even_cubes(numbers, highest):\n"}
    (place / "benchmarks" / "tasks.jsonl.gz").write_bytes(gzip.compress(json.dumps(other).encode()))
    assert _run(place, "--benchmarks", str(place / "benchmarks")) == 1
    assert "write it anew with --pin" in capsys.readouterr().err


def test_a_folder_that_holds_something_else_is_left_alone(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "mine").mkdir()
    (place / "mine" / "thesis.txt").write_text("years of work")
    assert _run(place, out="mine") == 1
    assert "holds no training set" in capsys.readouterr().err
    assert (place / "mine" / "thesis.txt").is_file()


def test_a_package_gives_no_more_than_its_share(place: Path) -> None:
    manifest = place / "fim" / "sources.toml"
    small = manifest.read_text(encoding="utf-8").replace("python = 10", "python = 0.5")
    manifest.write_text(small, encoding="utf-8")
    _pin(place)
    said = json.loads((place / "set" / "manifest.json").read_text(encoding="utf-8"))
    assert "train/python" not in said["shards"]
    assert said["dropped"]["python"]["package's share"] == 4


def test_the_stored_grams_are_those_of_the_benchmarks() -> None:
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not list(folder.glob("*.jsonl.gz")):
        pytest.skip(f"{folder} has no HumanEval-Infilling files")
    path = default_folder() / "benchmarks.grams"
    check_benchmarks(read_grams(path), folder, path)
    with pytest.raises(DataSetError, match="is not what the benchmarks"):
        check_benchmarks(benchmark_grams(folder)[1:], folder, path)


def test_no_package_makes_up_more_than_a_ninth_of_a_language() -> None:
    """What ``shards.json`` expects, against the most that ``sources.toml`` lets a package give."""
    expected = json.loads((default_folder() / "shards.json").read_text(encoding="utf-8"))
    shares = data.read_manifest(default_folder() / "sources.toml").train_bytes
    large = {each: shares[each] / expected[f"train/{each}"]["bytes"] for each in LANGUAGES}
    assert {each: share for each, share in large.items() if share > 1 / 9} == {}
