"""``byte-lsp bench drafts``: what guessing repeated text gains, and that it costs nothing elsewhere."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from byte_lsp.cli_options import add_model, add_output, at_least
from byte_lsp.evaluation import draft_bench
from byte_lsp.evaluation.draft_bench import DraftOptions
from byte_lsp.evaluation.progress import show_progress
from byte_lsp.evaluation.report import Report, prepare, publish


def add_drafts(suites: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``drafts`` to the suites of ``bench``."""
    parser = suites.add_parser(
        "drafts",
        help="tokens a second with and without guesses from the text at hand",
        description="Write on greedily at cursors in real files, with and without drafts in turns, and "
        "compare tokens a second, by file and for repetitive files and others.",
    )
    defaults = DraftOptions("")
    add = parser.add_argument
    texts = "files to write on in (default: five of five languages that are on this machine)"
    add("files", nargs="*", type=Path, metavar="FILE", help=texts)
    add_model(parser)
    for name, default, about in (
        ("cursors", defaults.cursors, "cursors in each file"),
        ("tokens", defaults.tokens, "tokens to generate at each"),
        ("context", defaults.context_bytes, "bytes before the cursor that the model sees"),
    ):
        add(f"--{name}", type=at_least(2), default=default, metavar="N", help=f"{about} (default: {default})")
    add("--seed", type=at_least(0), default=0, metavar="N", help="draw other cursors (default: 0)")
    add_output(parser)
    parser.set_defaults(run=_run_drafts)


def _run_drafts(args: argparse.Namespace) -> int:
    """Measure and report; returns the exit code. Errors: ``ByteLspError``."""
    options = DraftOptions(
        model=args.model,
        files=args.files,
        cursors=args.cursors,
        tokens=args.tokens,
        context_bytes=args.context,
        seed=args.seed,
    )
    prepare(args.out)
    with show_progress() as track:
        found = draft_bench.run_drafts(options, track)

    def draw(folder: Path) -> Sequence[Path]:
        return draft_bench.draw_drafts(found, folder)

    tables = draft_bench.tabulate(found, options)
    publish(Report("drafts", found.models, options, found, tables, draw), args.out, as_json=args.json)
    return 0
