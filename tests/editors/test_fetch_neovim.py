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
    assert script.OVERRIDE in answer.stderr
    assert not (tmp_path / "nvim").exists()


def test_the_named_neovim_must_be_one(tmp_path: Path) -> None:
    answer = run_script(tmp_path / "nvim", {"PATH": "", script.OVERRIDE: sys.executable})
    assert answer.returncode == 1
    assert "is not Neovim" in answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="writes a shell script: there is no sh")
def test_the_named_neovim_must_be_new_enough(tmp_path: Path) -> None:
    old = tmp_path / "nvim"
    old.write_text("#!/bin/sh\necho NVIM v0.10.4\n")
    old.chmod(0o755)
    answer = run_script(tmp_path / "unused", {"PATH": "/usr/bin:/bin", script.OVERRIDE: str(old)})
    assert answer.returncode == 1
    assert "is Neovim 0.10" in answer.stderr


def test_an_unpacked_neovim_is_used_again(neovim_executable: Path) -> None:
    before = neovim_executable.stat()
    found = script.fetch_neovim()
    assert found.executable == neovim_executable
    assert found.executable.stat().st_mtime_ns == before.st_mtime_ns
    assert tuple(map(int, found.version.split(".")[:2])) >= script.MINIMUM_VERSION
