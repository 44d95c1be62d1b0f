"""Copies, near copies and overlaps: what goes, and what must stay."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.errors import DataSetError
from byte_lsp.training.clean import FAMILIES, clean
from byte_lsp.training.collect import SourceFile
from byte_lsp.training.duplicates import NEAR, Duplicates
from byte_lsp.training.overlap import (
    RUN_WORDS,
    read_benchmarks,
    read_grams,
    shared_grams,
    strip_notice,
    telling_grams,
    write_grams,
)
from byte_lsp.training.sources import LANGUAGES, Source, Split
from byte_lsp.training.words import Hashes, WordHasher, find_words, hash_grams
from tests.training.archives import MIT, python_file

_NO_BENCHMARK = telling_grams([], WordHasher())
_PROBLEM = (
    "def has_close(numbers, threshold):\n"
    '    """Check if in given list of numbers, are any two numbers closer than the threshold."""\n'
    "    for index, one in enumerate(numbers):\n        for other in numbers[index + 1 :]:\n"
    "            if abs(one - other) < threshold:\n                return True\n    return False\n"
)


def _file(text: str, package: str = "one", split: Split = "train", path: str = "a.py") -> SourceFile:
    return SourceFile(
        Source("pypi", package, "1.0", "0" * 64, "MIT", ("python",), split), path, "python", text
    )


def _clean(*files: SourceFile, benchmarks: Hashes = _NO_BENCHMARK) -> tuple[list[str], dict[str, int]]:
    """The packages that keep a file, and what was dropped."""
    cleaned = clean(files, benchmarks, lambda done: None)
    return [file.source.name for file in cleaned.files], dict(cleaned.dropped.get("python", {}))


def test_a_copy_with_other_white_space_goes() -> None:
    text = python_file("alpha")
    kept, dropped = _clean(_file(text), _file(text.replace("    ", "\t") + "\n", "two"))
    assert kept == ["one"]
    assert dropped == {"copy": 1}


@pytest.mark.parametrize("split", ["heldout", "valid"])
def test_what_is_measured_on_keeps_its_copy_and_training_loses_it(split: Split) -> None:
    text = python_file("alpha")
    kept, _ = _clean(_file(text, "one", "train"), _file(text, "two", split))
    assert kept == ["two"]


def test_a_near_copy_goes_and_a_file_on_the_same_topic_stays() -> None:
    text = python_file("alpha", functions=20)
    edited = text.replace("alpha_apple3", "alpha_renamed")
    other = python_file("beta", functions=20)
    kept, dropped = _clean(_file(text), _file(edited, "two"), _file(other, "three"))
    assert kept == ["one", "three"]
    assert dropped == {"near copy": 1}


def test_near_is_where_the_bound_says_it_is() -> None:
    draw = random.Random(3)
    words = [f"w{draw.randrange(10**6)}" for _ in range(3000)]
    hasher = WordHasher()
    for changed, is_near in [(60, True), (1200, False)]:
        duplicates = Duplicates()
        assert duplicates.add_near(hasher.hash(words))
        edited = [*words[: len(words) - changed], *(f"x{draw.randrange(10**6)}" for _ in range(changed))]
        common = len(words) - changed - 4
        assert (common / (2 * 2996 - common) >= NEAR) == is_near
        assert duplicates.add_near(hasher.hash(edited)) != is_near


def test_a_planted_benchmark_goes_also_with_another_layout() -> None:
    benchmarks = telling_grams([_PROBLEM], WordHasher())
    planted = (
        python_file("alpha")
        + "\n\n"
        + _PROBLEM.replace("    ", "  ").replace('"""', "'''").replace(" < ", "<")
    )
    kept, dropped = _clean(_file(planted), _file(python_file("beta"), "two"), benchmarks=benchmarks)
    assert kept == ["two"]
    assert dropped == {"overlaps with a benchmark": 1}


def test_nine_words_of_a_benchmark_are_no_overlap_and_ten_are() -> None:
    hasher = WordHasher()
    benchmarks = telling_grams([_PROBLEM], hasher)
    words = find_words(_PROBLEM)[8:]
    assert len(shared_grams(hasher.hash(words[: RUN_WORDS - 1]), benchmarks)) == 0
    assert len(shared_grams(hasher.hash(words[:RUN_WORDS]), benchmarks)) == 1


def test_numbers_and_repetition_say_nothing() -> None:
    assert (
        len(telling_grams(["assert f([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) == 11", "a b " * 20], WordHasher()))
        == 0
    )


def test_a_notice_of_a_licence_is_no_overlap_with_a_held_out_file() -> None:
    notice = "".join(f"# {line}\n" for line in MIT.splitlines())
    heldout = _file(notice + python_file("alpha"), "held", "heldout")
    kept, dropped = _clean(heldout, _file(notice + python_file("beta"), "two"))
    assert (kept, dropped) == (["held", "two"], {})


def test_a_comment_that_is_no_notice_counts() -> None:
    comment = "# " + " ".join(f"remark{number}" for number in range(RUN_WORDS)) + "\n"
    assert strip_notice(comment + "x = 1\n") == comment + "x = 1\n"
    kept, dropped = _clean(
        _file(comment + python_file("alpha"), "held", "heldout"), _file(comment + python_file("beta"), "two")
    )
    assert kept == ["held"]
    assert dropped == {"overlaps with a held-out package": 1}


@pytest.mark.parametrize(
    "notice", ["/*\n * Copyright A\n */\n", "// SPDX-License-Identifier: MIT\n\n", '"""Licence: MIT."""\n']
)
def test_notices_in_every_kind_of_comment_are_known(notice: str) -> None:
    assert strip_notice(notice + "x = 1\n").strip() == "x = 1"


def test_what_many_packages_say_is_an_idiom() -> None:
    idiom = (
        "try:\n    from simple_json import loads, dumps, load, dump\nexcept ImportError:\n    import json\n"
    )
    held = _file(idiom + python_file("held"), "held", "heldout")
    topics = ["alpha", "beta", "gamma", "delta"]
    files = [_file(idiom + python_file(topic), topic) for topic in topics]
    assert _clean(held, *files)[0] == ["held", *topics]
    assert _clean(held, *files[:3])[0] == ["held"]


def test_valid_files_may_not_overlap_with_held_out_ones_either() -> None:
    held = _file(python_file("alpha") + _PROBLEM, "held", "heldout")
    assert _clean(held, _file(python_file("beta") + _PROBLEM, "two", "valid"))[0] == ["held"]


def test_families_are_the_languages_each_once() -> None:
    assert sorted(language for family in FAMILIES for language in family) == sorted(LANGUAGES)


def test_grams_are_the_same_on_every_machine(tmp_path: Path) -> None:
    grams = hash_grams(WordHasher().hash(["a", "b", "c"]), 2)
    assert [f"{each:016x}" for each in grams.tolist()] == ["7a015ae3ac3ab2cd", "7183c5da798ab96d"]
    write_grams(tmp_path / "grams", grams)
    assert read_grams(tmp_path / "grams").tolist() == grams.tolist()


def test_a_missing_or_cut_file_of_grams_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="benchmarks would be trained on"):
        read_grams(tmp_path / "none")
    (tmp_path / "cut").write_bytes(b"123")
    with pytest.raises(DataSetError, match="cut cannot be read"):
        read_grams(tmp_path / "cut")


def test_a_folder_without_benchmarks_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"has no \*\.jsonl\.gz"):
        read_benchmarks(tmp_path)
    (tmp_path / "a.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(DataSetError, match=r"a\.jsonl\.gz is no file of HumanEval-Infilling"):
        read_benchmarks(tmp_path)


def test_split_of_a_package_decides_not_its_place_in_the_manifest() -> None:
    text = python_file("alpha")
    late = replace(_file(text, "late"), path="b.py")
    assert _clean(late, _file(text, "early"))[0] == ["late"]
