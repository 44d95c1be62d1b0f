"""The real command line as a process."""

import os
import subprocess
import sys

COMMAND = (sys.executable, "-m", "byte_lsp")
TIMEOUT_SECONDS = 120


def run_cli(
    *arguments: str, given: bytes = b"", env: dict[str, str] | None = None, timeout: float = TIMEOUT_SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Run ``byte-lsp`` to its end with ``given`` on standard input. ``env`` adds to this process's own."""
    return subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        capture_output=True,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        timeout=timeout,
        check=False,
    )


def error_line(process: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on standard error."""
    (line,) = process.stderr.decode().splitlines()
    assert line.startswith("byte-lsp: ")
    return line
