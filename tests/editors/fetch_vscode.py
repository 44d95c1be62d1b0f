"""Fetch what runs VS Code in a browser: code-server and Node 24 from npm; the machine has Chromium.

    python tests/editors/fetch_vscode.py [DEST]

Everything lands in one folder, named after its versions, so that a second run finds it. No install script
of a package is run: of the native modules that code-server would build only those are built without which
it does not start or does not see files change.
"""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CODE_SERVER = "4.139.1"
NODE = "24.9.0"
OVERRIDE = "BYTE_LSP_TEST_CODE_SERVER"
CHROMIUM = "BYTE_LSP_TEST_CHROMIUM"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NATIVE_MODULES = ("@vscode/spdlog", "@parcel/watcher", "native-watchdog", "node-pty")
TIMEOUT_S = 1800


class FetchError(Exception):
    """VS Code cannot be run here: the message says what is missing and what to do."""


@dataclass(frozen=True, slots=True)
class VsCode:
    """How to start code-server, and a browser to see it in."""

    node: Path
    entry: Path
    chromium: Path

    @property
    def command(self) -> list[str]:
        return [str(self.node), str(self.entry)]


def default_destination() -> Path:
    """The cache folder for these versions when the caller names none."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "byte-lsp-tests" / f"code-server-{CODE_SERVER}-node-{NODE}"


def fetch_vscode(destination: Path | None = None) -> VsCode:
    """The code-server in ``destination``, fetched if need be. Errors: ``FetchError``."""
    chromium = find_chromium()
    folder = destination or default_destination()
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        install(folder)
        (folder / "complete").touch()
    return vscode_in(folder, chromium)


def find_chromium() -> Path:
    """The browser that ``BYTE_LSP_TEST_CHROMIUM`` names, else one on PATH. Errors: ``FetchError``."""
    named = os.environ.get(CHROMIUM)
    found = named or next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        raise FetchError(
            f"there is no {' and no '.join(BROWSERS)} here. Install one (Debian: apt-get install chromium) "
            f"or set {CHROMIUM} to its executable."
        )
    return Path(found)


def vscode_in(folder: Path, chromium: Path) -> VsCode:
    modules = folder / "node_modules"
    return VsCode(
        modules / node_package() / "bin" / "node", modules / "code-server" / "out/node/entry.js", chromium
    )


def install(folder: Path) -> None:
    """Install Node and code-server below a folder. Errors: ``FetchError``."""
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("there is no npm here, which code-server comes from. Install Node.js.")
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--omit=dev")
    run_tool(
        npm, "install", *quiet, "--prefix", folder, f"{node_package()}@{NODE}", f"code-server@{CODE_SERVER}"
    )
    server = folder / "node_modules" / "code-server" / "lib" / "vscode"
    run_tool(npm, "install", *quiet, "--prefix", server)
    node = folder / "node_modules" / node_package()
    path = f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"
    rebuild = ("rebuild", "--build-from-source", "--foreground-scripts", "--prefix", server)
    run_tool(npm, *rebuild, *NATIVE_MODULES, environment={"PATH": path})


def node_package() -> str:
    """npm's package with Node's program for this machine. Errors: ``FetchError``."""
    machines = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
    machine = machines.get(platform.machine().lower())
    if machine is None or sys.platform not in {"linux", "darwin"}:
        raise FetchError(f"npm has no Node {NODE} for {sys.platform} on {platform.machine()}.")
    return f"node-{sys.platform}-{machine}"


def run_tool(*command: str | Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command. Errors: ``FetchError`` with the last lines that it printed."""
    variables = {**os.environ, **(environment or {})}
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=variables
        )
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{command[0]} did not end within {TIMEOUT_S} seconds.") from error
    if answer.returncode != 0:
        last_lines = "\n".join((answer.stdout + answer.stderr).strip().splitlines()[-15:])
        raise FetchError(f"{' '.join(map(str, command))} failed:\n{last_lines}")


def main(arguments: list[str]) -> int:
    if len(arguments) > 1:
        print("usage: fetch_vscode.py [DEST]", file=sys.stderr)
        return 2
    try:
        vscode = fetch_vscode(Path(arguments[0]) if arguments else None)
    except FetchError as error:
        print(f"fetch_vscode: {error}", file=sys.stderr)
        return 1
    print(*vscode.command)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
