"""The real server, with less patience: ``python impatient_server.py cancelled_seconds=1 ...``."""

import sys

from byte_lsp.server import app, main
from byte_lsp.server.server import ByteLspServer
from byte_lsp.worker.watchdog import Patience

build_server = app.build_server


def build_impatient_server() -> ByteLspServer:
    limits = dict(argument.split("=") for argument in sys.argv[1:])
    server = build_server()
    server.model.patience = Patience(**{name: float(seconds) for name, seconds in limits.items()})
    return server


app.build_server = build_impatient_server
sys.exit(main.serve_stdio())
