"""What a release holds: every needed file and no other, the same bytes each time."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from byte_lsp import __version__
from editors.release import neovim
from editors.release.__main__ import main
from editors.release.archives import check_sums, write_sums
from editors.release.checks import read_health
from editors.release.emacs import Header, build_emacs, describe_package, read_header
from editors.release.errors import ReleaseError
from editors.release.neovim import build_neovim
from editors.release.python_packages import build_python, check_metadata

ROOT = Path(__file__).parents[1]
NOT_RELEASED = ("__pycache__", ".pyc", "node_modules", "tests/", "docs/measured/", ".whl", ".vsix", ".gguf")

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel and the source archive."""
    wheel, sdist = build_python(ROOT, tmp_path_factory.mktemp("dist"))
    return wheel, sdist


def tracked(folder: str) -> set[str]:
    """The files of a folder that belong to the project: git's, and new ones that it does not ignore."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", folder)
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in listed if (ROOT / name).exists()}


def names_in(archive: Path) -> set[str]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return set(opened.namelist())
    with tarfile.open(archive) as tar:
        return {member.name for member in tar.getmembers() if member.isfile()}


def test_the_wheel_holds_the_package_and_the_catalogue_and_nothing_else(built: tuple[Path, Path]) -> None:
    info = f"byte_lsp-{__version__}.dist-info"
    about = {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL", "entry_points.txt")}
    models = {name.replace("models/", "byte_lsp/_models/", 1) for name in tracked("models")}
    expected = tracked("byte_lsp") | models | about | {f"{info}/licenses/LICENSE"}
    assert "byte_lsp/_models/catalog.toml" in expected
    assert "byte_lsp/py.typed" in expected
    assert names_in(built[0]) == expected


def test_the_wheel_fits_every_machine(built: tuple[Path, Path]) -> None:
    assert built[0].name == f"byte_lsp-{__version__}-py3-none-any.whl"


def test_the_source_archive_holds_what_builds_and_what_explains(built: tuple[Path, Path]) -> None:
    prefix = f"byte_lsp-{__version__}/"
    names = {name.removeprefix(prefix) for name in names_in(built[1])}
    meta = {"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", ".gitignore"}
    docs = {name for name in tracked("docs") if not name.startswith("docs/measured/")}
    assert names == tracked("byte_lsp") | tracked("models") | tracked("editors") | docs | meta | {"PKG-INFO"}
    shipped = {f"models/fim/{adapter.name}" for adapter in (ROOT / "models" / "fim").glob("*.gguf")}
    assert [name for name in names - shipped if any(each in name for each in NOT_RELEASED)] == []


def test_the_metadata_is_as_an_index_shows_it(built: tuple[Path, Path]) -> None:
    check_metadata(list(built))
    with zipfile.ZipFile(built[0]) as wheel:
        metadata = Parser().parsestr(wheel.read(f"byte_lsp-{__version__}.dist-info/METADATA").decode())
        scripts = wheel.read(f"byte_lsp-{__version__}.dist-info/entry_points.txt").decode()
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert metadata["Requires-Python"] == ">=3.11"
    assert "byte-lsp = byte_lsp.cli:main" in scripts


def test_building_twice_makes_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    again = build_python(ROOT, tmp_path)
    assert [file.read_bytes() for file in again] == [file.read_bytes() for file in built]


@pytest.mark.parametrize("build", [build_neovim, build_emacs])
def test_archives_of_editors_come_out_the_same(build: object, tmp_path: Path) -> None:
    assert callable(build)
    (tmp_path / "other").mkdir()
    first, second = build(ROOT, tmp_path, __version__), build(ROOT, tmp_path / "other", __version__)
    assert first.read_bytes() == second.read_bytes()


def test_the_neovim_archive_is_a_package(tmp_path: Path) -> None:
    names = names_in(build_neovim(ROOT, tmp_path, __version__))
    parts = ("doc", "lsp", "lua", "plugin")
    files = {name for part in parts for name in tracked(f"editors/neovim/{part}")}
    expected = {name.replace("editors/neovim", neovim.FOLDER, 1) for name in files}
    assert names == expected | {f"{neovim.FOLDER}/README.md", f"{neovim.FOLDER}/LICENSE"}


def test_the_neovim_archive_leaves_out_tags(tmp_path: Path) -> None:
    plugin = tmp_path / "editors" / "neovim"
    shutil.copytree(ROOT / "editors" / "neovim", plugin)
    shutil.copy(ROOT / "LICENSE", tmp_path)
    (plugin / "doc" / "tags").write_text("byte-lsp\tbyte-lsp.txt\t/*byte-lsp*\n", encoding="utf-8")
    assert "doc/tags" not in neovim.plugin_files(tmp_path)


def test_the_emacs_archive_is_one_folder_with_its_description(tmp_path: Path) -> None:
    archive = build_emacs(ROOT, tmp_path, __version__)
    folder = f"byte-lsp-{__version__}"
    names = names_in(archive)
    assert names >= {f"{folder}/byte-lsp.el", f"{folder}/byte-lsp-pkg.el", f"{folder}/LICENSE"}
    assert {name.split("/")[0] for name in names} == {folder}
    with tarfile.open(archive) as tar:
        described = tar.extractfile(f"{folder}/byte-lsp-pkg.el")
        assert isinstance(described, io.BufferedReader)
        assert f'(define-package "byte-lsp" "{__version__}"' in described.read().decode()


def test_the_description_of_the_emacs_package_says_what_the_header_says() -> None:
    source = ";;; byte-lsp.el --- Ghost text  -*- lexical-binding: t -*-\n;; Keywords: tools, completion\n"
    header = read_header(source + ';; Package-Requires: ((emacs "29.1"))\n')
    assert header == Header("Ghost text", '((emacs "29.1"))', ("tools", "completion"))
    described = describe_package(header, "1.2.3")
    assert '"Ghost text"' in described
    assert '\'((emacs "29.1"))' in described
    assert ':keywords \'("tools" "completion")' in described


def test_an_emacs_header_without_requirements_is_an_error() -> None:
    with pytest.raises(ReleaseError, match="Package-Requires"):
        read_header(";;; byte-lsp.el --- Ghost text\n")


@pytest.fixture
def summed(tmp_path: Path) -> Path:
    """A folder with two files and their sums."""
    (tmp_path / "a.tar").write_bytes(b"a")
    (tmp_path / "b.tar").write_bytes(b"b")
    write_sums(tmp_path, [tmp_path / "b.tar", tmp_path / "a.tar"])
    return tmp_path


def test_sums_are_those_of_sha256sum(summed: Path) -> None:
    assert (summed / "SHA256SUMS").read_text(encoding="utf-8").splitlines() == [
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb  a.tar",
        "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.tar",
    ]
    assert check_sums(summed) == [summed / "a.tar", summed / "b.tar"]


def test_a_changed_file_and_a_lost_one_are_named(summed: Path) -> None:
    (summed / "a.tar").write_bytes(b"other")
    (summed / "b.tar").unlink()
    with pytest.raises(ReleaseError, match=r"a\.tar, b\.tar"):
        check_sums(summed)


def test_a_health_report_with_an_error_fails_the_check() -> None:
    good = f"byte-lsp\n- OK server version: byte-lsp {__version__}\n"
    assert "no error" in read_health(good, __version__)
    for bad in (good + "- ERROR no inline completion\n", "- OK server version: byte-lsp 0.0.1\n"):
        with pytest.raises(ReleaseError, match="not content"):
            read_health(bad, __version__)


def test_a_release_is_not_built_over_another(summed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["build", "--out", str(summed)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_checking_a_folder_without_a_release_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert "holds no SHA256SUMS" in capsys.readouterr().err
