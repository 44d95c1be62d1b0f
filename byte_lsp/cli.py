"""The ``byte-lsp`` command: a language server by default, and a few commands beside it.

An editor waits for the server, so each command's module is imported only when the command is given.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from typing import NoReturn

from byte_lsp import __version__
from byte_lsp.errors import ByteLspError

LOCAL_HOST = "127.0.0.1"
LOG_LEVELS = ("error", "warning", "info", "debug")
FAILED, USAGE, INTERRUPTED = 1, 2, 130

COMMANDS = {
    "demo": ("byte_lsp.cli_demo", "see the server complete a small project"),
    "complete": ("byte_lsp.cli_complete", "suggest what comes at a place in a file"),
    "next-byte": ("byte_lsp.cli_next_byte", "the most probable next bytes of a text"),
    "models": ("byte_lsp.cli_models", "list, pull and verify model files"),
    "bench": ("byte_lsp.cli_bench", "measure what exactness costs on this machine"),
    "eval": ("byte_lsp.cli_eval", "measure how good suggestions are in your files"),
    "status": ("byte_lsp.cli_status", "the servers that run, and what they are at"),
    "doctor": ("byte_lsp.cli_doctor", "check this machine and say what to do"),
}

GREETING = (
    f"byte-lsp {__version__}: a language server, waiting for an editor on standard input. "
    "To see it work: byte-lsp demo"
)

Address = tuple[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 1 for a failure, 2 for wrong usage, 130 for Ctrl-C.

    A failure is one line on standard error; nobody left to read standard output is a silent one.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # not every terminal knows every character
    try:
        code = _run(given)
        sys.stdout.flush()
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more when it ends; let that succeed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    return code


def _run(given: Sequence[str]) -> int:
    parser = _build_parser(given)
    args = parser.parse_args(given)
    if args.command and (args.stdio or args.tcp or args.ws or args.log_level):
        parser.error(f"the options for serving do not go with {args.command}")
    code: int = args.run(args)
    return code


def _build_parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="byte-lsp",
        description="Local code completion that is exact at every byte. Without a command: serve LSP.",
    )
    parser.add_argument("--version", action="version", version=f"byte-lsp {__version__}")
    _add_serving(parser)
    commands = parser.add_subparsers(metavar="COMMAND", dest="command")
    for name, (module, summary) in COMMANDS.items():
        if name in given:
            import_module(module).add_parser(commands)
        else:
            commands.add_parser(name, help=summary)
    return parser


def _add_serving(parser: argparse.ArgumentParser) -> None:
    serving = parser.add_argument_group("serving")
    transport = serving.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="on standard input and output (default)")
    for scheme, name in (("tcp", "a TCP socket"), ("ws", "a web socket")):
        about = f"on {name}; HOST is {LOCAL_HOST} unless given; port 0 takes a free one"
        transport.add_argument(f"--{scheme}", type=_address, metavar="[HOST:]PORT", help=about)
    about = "what goes to standard error, unless the editor says otherwise"
    serving.add_argument("--log-level", choices=LOG_LEVELS, help=about)
    # LSP 3.17, "Implementation Considerations": editors may pass it. The one in ``initialize`` is watched.
    serving.add_argument("--clientProcessId", help=argparse.SUPPRESS)
    parser.set_defaults(run=_serve)


def _serve(args: argparse.Namespace) -> int:
    from byte_lsp.server.main import serve_stdio, serve_tcp, serve_ws  # noqa: PLC0415

    if args.tcp or args.ws:
        host, port = args.tcp or args.ws
        serve = serve_tcp if args.tcp else serve_ws
        return serve(host, port, args.log_level)
    if sys.stdin is not None and sys.stdin.isatty():
        print(GREETING, file=sys.stderr, flush=True)
    return serve_stdio(args.log_level)


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise argparse.ArgumentTypeError(f"{text!r} is not PORT or HOST:PORT, with a port from 0 to 65535")
    return host.removeprefix("[").removesuffix("]") or LOCAL_HOST, int(port)


class _Parser(argparse.ArgumentParser):
    """Wrong usage is one line too."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"byte-lsp: {message}; see: {self.prog} --help\n")
