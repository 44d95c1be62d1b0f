"""Logging to standard error, without the text of anybody's documents."""

import logging
import sys

from pygls.exceptions import JsonRpcContentModified, JsonRpcRequestCancelled

from byte_lsp.settings import LogLevel

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


EXPECTED = (JsonRpcContentModified, JsonRpcRequestCancelled)


class WithoutContents(logging.Filter):
    """Keeps what pygls says and drops what it quotes: its arguments and exceptions hold document text.

    Requests that gave up are the daily life of a completion server, not errors: they are left out.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("pygls"):
            return True
        kind = record.exc_info[0] if record.exc_info else None
        if kind in EXPECTED:
            return False
        record.msg = record.msg if kind is None else f"{record.msg} [{kind.__name__}]"
        record.args, record.exc_info, record.exc_text = None, None, None
        return True


def start_logging() -> None:
    """Send every log record to standard error. Call once, before the server is built."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(FORMAT))
    handler.addFilter(WithoutContents())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def set_level(level: LogLevel) -> None:
    """Log records of ``level`` and above. Everybody else's chatter stays at warnings."""
    for name in ("byte_lsp", "pygls"):
        logging.getLogger(name).setLevel(level.upper())
