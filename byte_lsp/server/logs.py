"""Logging to standard error, without the text of anybody's documents, and without secrets.

Text gets into a log in three ways, and each is closed here: as an argument of a message of pygls or asyncio
(those are left out), as the message of an exception (of exceptions the log has stacks and types), and as a
warning or an exception that nobody caught (they are logged like the rest, instead of printed by Python). Our
own messages have no text in them. The setting ``log.text`` lets text through, to look into a fault. What
looks like a secret is struck out of every line, whatever the setting.
"""

import logging
import re
import sys

from pygls.exceptions import JsonRpcContentModified, JsonRpcRequestCancelled

from byte_lsp.settings import LogLevel
from byte_lsp.traces import ExceptionInfo, describe, hear_of_uncaught

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
STRUCK_OUT = "[secret]"
LOG_LANGUAGE = "plaintext"
"""In a log, as in plain text, secrets stand without quotes."""

EXPECTED = (JsonRpcContentModified, JsonRpcRequestCancelled)
QUOTING = ("pygls", "asyncio")
"""Loggers whose messages quote what they were given."""

_QUOTED = re.compile(r"[(<\[{'\"\n]")
"""Where asyncio, which formats its messages by itself, begins to quote: calls, objects, strings, a context.

It shortens what it quotes, and a secret that was cut cannot be told any more: this is never logged.
"""

logger = logging.getLogger(__name__)


class WithoutContents(logging.Filter):
    """Keeps what pygls and asyncio say and drops what they quote: it holds document text.

    Requests that gave up are the daily life of a completion server, not errors: they are left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.allows_text = False

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.partition(".")[0] not in QUOTING:
            return True
        if record.exc_info and record.exc_info[0] in EXPECTED:
            return False
        if record.name == "asyncio":
            record.msg, record.args = _QUOTED.split(str(record.msg), maxsplit=1)[0].rstrip(), None
        elif not self.allows_text:
            record.args = None
        return True


class DiscreetFormatter(logging.Formatter):
    """Formats exceptions without what they say, unless text is allowed, and strikes secrets out."""

    def __init__(self) -> None:
        super().__init__(FORMAT)
        self.allows_text = False

    def format(self, record: logging.LogRecord) -> str:
        return strike_out(super().format(record))

    def formatException(self, ei: "ExceptionInfo | tuple[None, None, None]") -> str:  # noqa: N802 - logging's
        return super().formatException(ei) if self.allows_text or ei[1] is None else describe(ei[1])


class DiscreetHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to standard error, and prints no record that cannot be formatted, as logging does by itself."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)
        self._filter, self._formatter = WithoutContents(), DiscreetFormatter()
        self.addFilter(self._filter)
        self.setFormatter(self._formatter)

    def allow_text(self, allowed: bool) -> None:
        """Let document text through, or no longer."""
        self._filter.allows_text = self._formatter.allows_text = allowed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's
        kind = sys.exc_info()[0]
        reason = kind.__name__ if kind else "unknown"
        print(f"a log record from {record.filename}:{record.lineno} is lost ({reason})", file=sys.stderr)


def strike_out(text: str) -> str:
    """The text without what looks like a secret in it."""
    from byte_lsp.server.secret_text import find_secrets  # noqa: PLC0415 - imports much when first called

    secrets = sorted({each.value for each in find_secrets(text, LOG_LANGUAGE)}, key=len, reverse=True)
    for secret in secrets:
        text = text.replace(secret, STRUCK_OUT)
    return text


def start_logging() -> None:
    """Send every log record to standard error. Call once, before the server is built."""
    logging.basicConfig(handlers=[DiscreetHandler()], level=logging.WARNING)
    logging.captureWarnings(True)
    hear_of_uncaught(lambda what, error: logger.critical("%s", what, exc_info=error))


def set_level(level: LogLevel) -> None:
    """Log records of ``level`` and above. Everybody else's chatter stays at warnings."""
    for name in ("byte_lsp", "pygls"):
        logging.getLogger(name).setLevel(level.upper())


def allow_text(allowed: bool) -> None:
    """Whether records may hold the text of documents."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, DiscreetHandler):
            handler.allow_text(allowed)
