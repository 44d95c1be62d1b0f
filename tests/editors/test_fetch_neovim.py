"""What fetch_neovim.py says where it cannot fetch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from . import fetch_neovim as script


def run_script(destination: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, script.__file__, str(destination)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_a_machine_without_apt_is_told_what_to_do(tmp_path: Path) -> None:
    answer = run_script(tmp_path / "nvim", {"PATH": str(tmp_path)})
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "no apt-get" in answer.stderr
    assert script.NEWEST.override in answer.stderr
    assert not (tmp_path / "nvim").exists()


def test_the_named_neovim_must_be_one(tmp_path: Path) -> None:
    answer = run_script(tmp_path / "nvim", {"PATH": "", script.NEWEST.override: sys.executable})
    assert answer.returncode == 1
    assert "is not Neovim" in answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="writes a shell script: there is no sh")
def test_the_named_neovim_must_be_new_enough(tmp_path: Path) -> None:
    old = tmp_path / "nvim"
    old.write_text("#!/bin/sh\necho NVIM v0.10.4\n")
    old.chmod(0o755)
    answer = run_script(tmp_path / "unused", {"PATH": "/usr/bin:/bin", script.NEWEST.override: str(old)})
    assert answer.returncode == 1
    assert "is Neovim 0.10" in answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="writes a shell script: there is no sh")
def test_an_older_neovim_is_older(tmp_path: Path) -> None:
    """The tests of 0.10 must not run on 0.12 twice."""
    release = script.RELEASES["0.10"]
    new = tmp_path / "nvim"
    new.write_text("#!/bin/sh\necho NVIM v0.12.4\n")
    new.chmod(0o755)
    with pytest.raises(script.FetchError, match=f"Point {release.override} at 0.10 or 0.11"):
        script.read_version(new, release)


def test_an_unpacked_neovim_is_used_again(neovim_executable: Path) -> None:
    before = neovim_executable.stat()
    version = subprocess.run([neovim_executable, "--version"], capture_output=True, text=True, check=True)
    release = next(each for each in script.RELEASES.values() if f"v{each.version}." in version.stdout)
    found = script.fetch_neovim(release=release)
    assert found.executable == neovim_executable
    assert found.executable.stat().st_mtime_ns == before.st_mtime_ns
