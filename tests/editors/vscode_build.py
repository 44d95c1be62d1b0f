"""The VS Code extension, built as its own scripts build it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

EXTENSION = Path(__file__).resolve().parents[2] / "editors" / "vscode"
TIMEOUT_S = 900


class BuildError(Exception):
    """The extension cannot be built: the message says what is missing, or what npm printed."""


def run_script(name: str, *arguments: str) -> str:
    """Run a script of the extension's package.json and return what it prints. Errors: ``BuildError``."""
    if not is_installed():
        run_npm("ci", "--ignore-scripts", "--no-audit", "--no-fund")
    return run_npm("run", name, "--", *arguments)


def build_vsix(target: Path) -> Path:
    """Package the extension. Errors: ``BuildError``."""
    run_script("package", "--out", str(target))
    return target


def is_installed() -> bool:
    """Whether what the extension is built with is there, as its lockfile says."""
    lock, installed = EXTENSION / "package-lock.json", EXTENSION / "node_modules" / ".package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def run_npm(*arguments: str) -> str:
    npm = shutil.which("npm")
    if npm is None:
        raise BuildError("there is no npm here: install Node.js 20 or newer.")
    answer = subprocess.run(
        [npm, *arguments], cwd=EXTENSION, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if answer.returncode != 0:
        raise BuildError(f"npm {' '.join(arguments)} failed:\n{answer.stdout}{answer.stderr}")
    return answer.stdout
