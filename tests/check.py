"""Every check in one command: style, types, import contracts, tests. Stops at the first failure.

python tests/check.py [arguments for pytest]
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHECKS = (
    [sys.executable, "-m", "ruff", "check", "."],
    [sys.executable, "-m", "ruff", "format", "--check", "."],
    [sys.executable, "-m", "mypy"],
    [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
)


def main() -> int:
    for check in CHECKS:
        code = subprocess.run(check, cwd=ROOT, check=False).returncode
        if code:
            return code
    tests = [sys.executable, "-m", "pytest", "--durations=40", *sys.argv[1:]]
    return subprocess.run(tests, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
