"""``byte-lsp complete FILE:LINE:COL``: what the server would suggest there, for scripts."""

import argparse
import json
import sys
from typing import get_args

from byte_lsp.api import load
from byte_lsp.cli_cursor import Cursor
from byte_lsp.cli_options import add_model, at_least, between
from byte_lsp.cli_place import find_offset, parse_place, read_file
from byte_lsp.infill.problem import Arm, Candidate, InfillResult
from byte_lsp.settings import SuggestSettings

_PLACE = "lines and columns count from 1, columns in Unicode characters; FILE:LINE is the end of the line"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``complete`` to the command line; its arguments go to ``run``."""
    defaults = SuggestSettings()
    parser = subparsers.add_parser(
        "complete",
        help="suggest what comes at a place in a file",
        description="Print what the server would suggest at a place in a file: each suggestion ends with a "
        "line feed, and nothing else is printed on standard output.",
    )
    parser.add_argument("place", type=parse_place, metavar="FILE:LINE:COL", help=_PLACE)
    add_model(parser)
    add = parser.add_argument
    add("--alternatives", type=at_least(1), default=1, metavar="N", help="suggestions wanted (default: 1)")
    add(
        "--temperature",
        type=between(0, 2),
        default=defaults.temperature,
        metavar="T",
        help="0 takes the most probable text (default); above it each suggestion is drawn",
    )
    add(
        "--top-p",
        type=between(0.01, 1),
        default=defaults.top_p,
        metavar="P",
        help="draw only from the most probable tokens of this mass (default: 1)",
    )
    add("--seed", type=at_least(0), metavar="N", help="draw the same again")
    for name, default in (("bytes", defaults.max_bytes), ("lines", defaults.max_lines)):
        about = f"longest suggestion in {name} (default: {default})"
        add(f"--max-{name}", type=at_least(1), default=default, metavar="N", help=about)
    add(
        "--arm",
        choices=get_args(Arm),
        default="exact",
        help="how the text becomes tokens; plain and healing show what other tools do (default: exact)",
    )
    draws = "candidates that the text behind the place chooses among (default: 1, the most probable)"
    add("--draws", type=at_least(1), default=1, metavar="N", help=draws)
    raw = "end at the limits only, and show what the model wrote as it is"
    add("--raw", action="store_true", help=raw)
    add("--json", action="store_true", help="print JSON: the suggestions, and what they cost")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the suggestions; returns the exit code. Errors: ``ByteLspError``."""
    text = read_file(args.place.file)
    cursor = Cursor(text, find_offset(text, args.place))
    wishes = ("alternatives", "temperature", "top_p", "seed", "max_bytes", "max_lines", "arm", "draws", "raw")
    problem = cursor.pose(**{name: getattr(args, name) for name in wishes}, with_logprobs=args.json)
    with load(args.model) as model:
        result = model.infill(problem)
    suggestions = cursor.read(result)
    if args.json:
        print(json.dumps(_describe(suggestions, result), indent=2))
        return 0
    if not suggestions:
        print("byte-lsp: nothing to suggest that is not there already", file=sys.stderr)
    for suggestion in suggestions:
        sys.stdout.buffer.write(suggestion.encode() + b"\n")
    return 0


def _describe(suggestions: dict[str, Candidate], result: InfillResult) -> dict[str, object]:
    return {
        "suggestions": [
            {
                "text": text,
                "logprob": candidate.logprob,
                "replaced_bytes": candidate.replaced_bytes,
                "confidence": candidate.confidence,
                "stop_reason": candidate.stop_reason,
                "tokens_evaluated": candidate.tokens_evaluated,
            }
            for text, candidate in suggestions.items()
        ],
        "elapsed_ms": result.elapsed_ms,
    }
