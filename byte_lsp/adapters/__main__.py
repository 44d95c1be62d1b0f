"""``python -m byte_lsp.adapters BASE ADAPTER TARGET TYPE [--scale S]``: merge an adapter into a model file.

What goes wrong is one line on stderr, and the exit code is 1.
"""

import argparse
import sys
from pathlib import Path

from byte_lsp.adapters.merge import merge
from byte_lsp.catalog import MERGED_TYPES
from byte_lsp.errors import ByteLspError


def main() -> int:
    """Read the command line and merge; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.adapters", description="Merge a LoRA adapter into a model file."
    )
    parser.add_argument("base", type=Path, metavar="BASE", help="the model, a GGUF file")
    parser.add_argument("adapter", type=Path, metavar="ADAPTER", help="the LoRA adapter, a GGUF file")
    parser.add_argument("target", type=Path, metavar="TARGET", help="the file to write")
    parser.add_argument("type", choices=MERGED_TYPES, metavar="TYPE", help=", ".join(MERGED_TYPES))
    parser.add_argument("--scale", type=float, default=1.0, metavar="S", help="how much of it (default: 1)")
    args = parser.parse_args()
    try:
        merge(args.base, args.adapter, args.target, args.type, args.scale)
    except ByteLspError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
