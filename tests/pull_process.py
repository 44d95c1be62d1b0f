"""Pull in a process of its own: ``python pull_process.py CATALOGUE NAME``.

Prints how often progress was reported; an error goes to stderr and makes the exit code 1.
"""

import sys
from pathlib import Path

from byte_lsp.catalog import load_catalog
from byte_lsp.errors import ByteLspError
from byte_lsp.models import pull


def main(catalog: str, name: str) -> int:
    reports: list[int] = []
    try:
        pull(load_catalog(Path(catalog)).get(name), progress=lambda done, total: reports.append(done))
    except ByteLspError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(len(reports))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
