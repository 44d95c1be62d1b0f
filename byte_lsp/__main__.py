"""``python -m byte_lsp``: the command line, whatever is on the PATH."""

import sys

from byte_lsp.cli import main

if __name__ == "__main__":
    sys.exit(main())
