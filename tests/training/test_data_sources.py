"""The manifest of the training set: what it may say, and that ours holds together."""

from pathlib import Path

import pytest

from byte_lsp.errors import DataSetError
from byte_lsp.training.licences import is_permitted, parse_licence
from byte_lsp.training.sources import LANGUAGES, SPLITS, default_folder, read_manifest

_SHARES = "[package_kilobytes]\n" + "".join(f"{language} = 10\n" for language in LANGUAGES)
_ENTRY = """
[[source]]
index = "pypi"
name = "{name}"
version = "1.0"
sha256 = "{sha}"
licence = "MIT"
languages = ["python"]
split = "{split}"
"""


def _write(folder: Path, *entries: str) -> Path:
    path = folder / "sources.toml"
    path.write_text(_SHARES + "".join(entries), encoding="utf-8")
    return path


def _entry(name: str = "one", sha: str = "0" * 64, split: str = "train") -> str:
    return _ENTRY.format(name=name, sha=sha, split=split)


def test_an_entry_is_read(tmp_path: Path) -> None:
    manifest = read_manifest(_write(tmp_path, _entry(), 'exclude = ["one/data/*"]\n'))
    (source,) = manifest.of(["python"])
    assert (source.index, source.name, source.split) == ("pypi", "one", "train")
    assert source.exclude == ("one/data/*",)
    assert manifest.train_bytes["python"] == 10_000
    assert manifest.of(["go"]) == ()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (_entry(split="test"), "split is 'test'; choose one of heldout, valid, train"),
        (_entry(sha="0" * 63), "sha256 must be 64"),
        (_entry(name="-rf"), "name cannot be '-rf'"),
        (_entry() + 'licens = "MIT"\n', "did you mean licence?"),
        (_entry().replace("python", "cobol"), "'cobol'; known languages"),
        (_entry().replace('["python"]', "[]"), "names no language"),
    ],
)
def test_a_fault_is_told_with_its_key(tmp_path: Path, entry: str, said: str) -> None:
    with pytest.raises(DataSetError) as caught:
        read_manifest(_write(tmp_path, entry))
    assert said in str(caught.value)
    assert "sources.toml: source[0]." in str(caught.value)


def test_a_package_is_in_one_split(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match=r"one is there twice.*for heldout.*for train"):
        read_manifest(_write(tmp_path, _entry(split="heldout"), _entry(split="train")))


def test_our_manifest_has_every_split_of_every_language_under_permitted_licences() -> None:
    manifest = read_manifest(default_folder() / "sources.toml")
    there = {(source.split, language) for source in manifest.sources for language in source.languages}
    assert there == {(split, language) for split in SPLITS for language in LANGUAGES}
    assert [str(each) for each in manifest.sources if not is_permitted(parse_licence(each.licence))] == []
