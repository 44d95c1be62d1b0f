"""The VS Code extension as a package: settings that are the server's, checked code, a whole .vsix."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from byte_lsp.settings import Settings, describe

from .vscode_build import EXTENSION, build_vsix, run_script

SETTINGS = EXTENSION / "scripts" / "settings.py"


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return dict(json.loads((EXTENSION / "package.json").read_text(encoding="utf-8")))


needs_npm = pytest.mark.skipif(shutil.which("npm") is None, reason="no npm: install Node.js 20 or newer")


def test_the_settings_in_package_json_are_the_servers() -> None:
    assert check_settings(SETTINGS).returncode == 0


def test_a_setting_that_is_out_of_date_is_noticed(tmp_path: Path) -> None:
    copy = tmp_path / "scripts" / "settings.py"
    copy.parent.mkdir()
    shutil.copy(SETTINGS, copy)
    text = (EXTENSION / "package.json").read_text(encoding="utf-8")
    (tmp_path / "package.json").write_text(text.replace("Make suggestions.", "Make no suggestions."))
    answer = check_settings(copy)
    assert answer.returncode == 1
    assert "out of date" in answer.stderr


def check_settings(script: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(script), "--check"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_every_setting_is_offered_once(manifest: dict[str, Any]) -> None:
    groups = [group["properties"] for group in manifest["contributes"]["configuration"]]
    offered = [key for group in groups for key in group]
    assert len(offered) == len(set(offered))
    assert {f"byteLsp.{doc.key}" for doc in describe(Settings)} <= set(offered)


def test_a_folder_that_is_not_trusted_cannot_say_what_is_started(manifest: dict[str, Any]) -> None:
    restricted = manifest["capabilities"]["untrustedWorkspaces"]["restrictedConfigurations"]
    assert {"byteLsp.server.command", "byteLsp.server.python", "byteLsp.model"} <= set(restricted)
    assert {"byteLsp.privacy.allow", "byteLsp.log.text"} <= set(restricted)


def test_every_page_of_the_walkthrough_is_there(manifest: dict[str, Any]) -> None:
    steps = [step for guide in manifest["contributes"]["walkthroughs"] for step in guide["steps"]]
    assert steps
    for step in steps:
        assert (EXTENSION / step["media"]["markdown"]).is_file()


@needs_npm
def test_types_and_style() -> None:
    run_script("check")


@needs_npm
def test_the_parts_that_do_without_vscode() -> None:
    assert "fail 0" in run_script("test")


@needs_npm
def test_the_package_holds_what_runs_and_nothing_else(tmp_path: Path) -> None:
    with zipfile.ZipFile(build_vsix(tmp_path / "byte-lsp.vsix")) as archive:
        names = {name.removeprefix("extension/") for name in archive.namelist()}
    assert {"dist/extension.cjs", "package.json", "readme.md", "changelog.md", "media/server.md"} <= names
    assert not [name for name in names if name.endswith((".ts", ".map", ".mjs")) or "node_modules" in name]
