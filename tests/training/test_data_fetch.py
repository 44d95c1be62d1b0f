"""Packages are fetched by the real clients from indexes made here, and compared with their pins."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from byte_lsp.errors import DataSetError
from byte_lsp.training.archives import read_members
from byte_lsp.training.fetch import Fetcher, both_types, fetch_all
from byte_lsp.training.sources import Source
from tests.training.archives import (
    MIT,
    make_deb,
    make_dsc,
    make_npm,
    make_source,
    make_wheel,
    python_file,
    sha256,
    use_index,
)

_COPYRIGHT = f"Files: *\nCopyright: A\nLicense: Expat\n {MIT.splitlines()[2]}\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is pip's only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    use_index(monkeypatch, folder)
    return folder


def _paths(source: Source, archives: tuple[Path, ...]) -> list[str]:
    return [member.path for member in read_members(source, archives, lambda path, size: size > 0)]


def test_pip_fetches_a_wheel_and_the_cache_spares_it_the_second_time(index: Path, tmp_path: Path) -> None:
    wheel = make_wheel(index, "one", {"one.py": python_file("one")})
    source = make_source("pypi", wheel, name="one")
    first = Fetcher(tmp_path / "cache").fetch(source)
    assert "one.py" in _paths(source, first)
    wheel.unlink()
    assert Fetcher(tmp_path / "cache").fetch(source) == first


def test_a_build_that_was_broken_off_goes_on(index: Path, tmp_path: Path) -> None:
    there = make_wheel(index, "there", {"there.py": python_file("there")})
    late = make_wheel(tmp_path, "late", {"late.py": python_file("late")})
    sources = [make_source("pypi", there, name="there"), make_source("pypi", late, name="late")]
    with pytest.raises(DataSetError, match=r"pypi late 1\.0: .*pin another version"):
        fetch_all(sources, tmp_path / "cache", lambda done: None)
    there.unlink()
    shutil.copy(late, index)
    counts: list[int] = []
    archives = fetch_all(sources, tmp_path / "cache", counts.append)
    assert [path.name for (path,) in archives] == [there.name, late.name]
    assert counts == [1, 2]


def test_another_archive_than_the_pinned_one_is_refused_and_not_kept(index: Path, tmp_path: Path) -> None:
    wheel = make_wheel(index, "one", {"one.py": python_file("one")})
    source = replace(make_source("pypi", wheel, name="one"), sha256="0" * 64)
    with pytest.raises(
        DataSetError, match=rf"pypi one 1\.0: .* has sha256 {sha256(wheel)}, the manifest pins 0000"
    ):
        Fetcher(tmp_path / "cache").fetch(source)
    assert not list((tmp_path / "cache" / "pypi" / "one").iterdir())


def test_an_archive_altered_in_the_cache_is_noticed(index: Path, tmp_path: Path) -> None:
    wheel = make_wheel(index, "one", {"one.py": python_file("one")})
    source = make_source("pypi", wheel, name="one")
    (path,) = Fetcher(tmp_path / "cache").fetch(source)
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataSetError, match="remove its folder to have it fetched anew"):
        Fetcher(tmp_path / "cache").fetch(source)


@contextmanager
def _serve(folder: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_fetches_from_the_registry_that_it_is_configured_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "served"
    served.mkdir()
    tarball = make_npm(served, "one-package", {"src/index.ts": "export const one: number = 1;\n"})
    source = make_source("npm", tarball, name="one-package", language="typescript")
    with _serve(served) as url:
        version = {"name": "one-package", "version": "1.0.0", "dist": {"tarball": f"{url}/{tarball.name}"}}
        packument = {"name": "one-package", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
        (served / "one-package").write_text(json.dumps(packument))
        monkeypatch.setenv("npm_config_registry", url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        archives = Fetcher(tmp_path / "cache").fetch(source)
    assert _paths(source, archives) == ["package.json", "src/index.ts"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is apt's only repository once it has its two lists."""
    folder = tmp_path / "repository"
    folder.mkdir()
    one = tmp_path / "sources.list"
    one.write_text(f"deb [trusted=yes] copy:{folder} ./\n")
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    settings = tmp_path / "apt.conf"
    settings.write_text(f'Dir::Etc::sourcelist "{one}";\nDir::Etc::sourceparts "{parts}";\n')
    monkeypatch.setenv("APT_CONFIG", str(settings))
    (folder / "Packages").write_text("")
    (folder / "Sources").write_text("")
    return folder


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is not installed")
def test_apt_fetches_a_package(repository: Path, tmp_path: Path) -> None:
    deb = make_deb(repository, "one", {"usr/bin/one": "#!/bin/sh\necho one\n"})
    (repository / "Packages").write_text(
        "Package: one\nVersion: 1.0-1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: test\n"
        f"Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {sha256(deb)}\n"
    )
    source = make_source("debian", deb, name="one", language="shellscript")
    assert _paths(source, Fetcher(tmp_path / "cache").fetch(source)) == ["usr/bin/one"]


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="apt-get is not installed")
def test_apt_fetches_a_source_package_whole(repository: Path, tmp_path: Path) -> None:
    dsc = make_dsc(repository, "one", {"src/one.c": "int one(void) { return 1; }\n"}, _COPYRIGHT)
    parts = sorted(path for path in repository.iterdir() if path.name.startswith("one_"))
    hashes = "\n".join(f" {sha256(part)} {part.stat().st_size} {part.name}" for part in parts)
    (repository / "Sources").write_text(
        "Package: one\nBinary: one\nVersion: 1.0-1\nArchitecture: all\nMaintainer: A <a@b.c>\nDirectory: .\n"
        f"Checksums-Sha256:\n{hashes}\n"
    )
    source = make_source("debian-source", dsc, name="one", language="c")
    archives = Fetcher(tmp_path / "cache").fetch(source)
    assert _paths(source, archives) == ["debian/copyright", "src/one.c"]
    orig = next(path for path in archives if ".orig." in path.name)
    orig.write_bytes(b"")
    with pytest.raises(DataSetError, match=r"debian-source one 1\.0-1: .*orig\.tar\.gz has sha256"):
        Fetcher(tmp_path / "cache").fetch(source)


def test_a_client_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source("npm", "one", "1.0.0", "0" * 64, "MIT", ("typescript",), "train")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataSetError, match=r"there is no npm on this machine.*without typescript"):
        Fetcher(tmp_path / "cache").fetch(source)


def test_apts_sources_are_asked_for_packages_and_their_sources() -> None:
    line = "# old\ndeb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian stable main contrib # ours\n"
    stanza = "Types: deb\nURIs: http://mirror.test/security\nSuites: stable-security\nComponents: main\n"
    assert both_types([("a.list", line), ("b.sources", stanza), ("c.sources", stanza)]) == (
        "Types: deb deb-src\nURIs: http://mirror.test/debian\nSuites: stable\nComponents: main contrib\n"
        "Architectures: amd64\nSigned-By: /k.gpg\n"
        "\nTypes: deb deb-src\nURIs: http://mirror.test/security\nSuites: stable-security\nComponents: main\n"
    )
