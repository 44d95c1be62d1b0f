"""``python -m byte_lsp.server``: the server on standard input and output, whatever is on the PATH."""

import sys

from byte_lsp.server.main import serve_stdio

if __name__ == "__main__":
    sys.exit(serve_stdio())
