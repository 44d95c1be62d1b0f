"""Do suggestions join what stands around them? Cursors inside real lines, with text behind them.

    python -m byte_lsp.evaluation.fit_check FOLDER... [--cursors 500] [--model NAME] [--json] [--out FOLDER]

A suggestion is at fault if it repeats the next three characters of the suffix that are not blank, at its
beginning or its end, or if it has the whole rest of its line in it; and if it unbalances brackets. The second
is judged by Pygments' lexers, which know languages and nothing of ``byte_lsp.infill``: the brackets of the
whole file, outside strings and comments, are matched before and after the suggestion is inserted.

Prints tables and every fault; the exit code is 1 if there is one. ``--show`` prints that many suggestions,
for a person to look at.
"""

import argparse
import codecs
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, String, _TokenType

from byte_lsp.catalog import load_catalog
from byte_lsp.cli_options import at_least
from byte_lsp.errors import ByteLspError
from byte_lsp.evaluation.corpus import Corpus
from byte_lsp.evaluation.local import open_local
from byte_lsp.evaluation.report import Report, Table, prepare, publish
from byte_lsp.evaluation.windows import Cursor, Shape, draw_cursors
from byte_lsp.infill.infiller import Infiller
from byte_lsp.infill.problem import Candidate, InfillProblem
from byte_lsp.infill.window import unify_line_ends
from byte_lsp.settings import ContextSettings

SUFFIX_BYTES = 1024
SUGGESTION_BYTES = 96
SAME_CHARACTERS = 3
WORST_SHOWN = 40

LEXERS = {
    "C": "c++",
    "C++": "c++",
    "Emacs Lisp": "emacs-lisp",
    "HTML": "html",
    "Shell": "bash",
}
"""Pygments' names where they are not the language's own. Headers called ``.h`` are mostly C++ here."""

_LANGUAGE_IDS = {"C++": "cpp", "C#": "csharp", "Emacs Lisp": "elisp", "Shell": "shellscript"}
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What was offered at a cursor (nothing, if empty), and how many bytes of the suffix it replaces.

    ``while_typing`` says whether it is sure enough to be shown to somebody who did not ask.
    """

    language: str
    file: Path
    line: str
    text: str
    rest: str
    replaced_bytes: int
    stop_reason: str
    while_typing: bool
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settings:
    """What was asked for."""

    folders: tuple[str, ...]
    cursors: int
    seed: int
    max_bytes: int
    suffix_bytes: int


@dataclass(frozen=True, slots=True)
class Results:
    """Every suggestion that was made, and the cursors at which none was."""

    cursors: int
    suggestions: Sequence[Suggestion]


def suggest(infiller: Infiller, cursor: Cursor, context_bytes: int, *, alone: bool) -> Candidate | None:
    """The best suggestion at a cursor, as an editor would get it."""
    problem = pose(cursor, context_bytes, alone=alone)
    candidates = infiller.infill(problem).candidates
    return candidates[0] if candidates else None


def pose(cursor: Cursor, context_bytes: int, *, alone: bool = False) -> InfillProblem:
    """The problem at a cursor. Where the fitting is ``alone``, the suffix does not judge what it leaves."""
    behind = cursor.text[cursor.offset :]
    return InfillProblem(
        prefix=cursor.prefix[-context_bytes:],
        suffix=behind[:SUFFIX_BYTES].decode(errors="ignore").encode(),
        suffix_goes_on=len(behind) > SUFFIX_BYTES,
        language=_LANGUAGE_IDS.get(cursor.language, cursor.language.lower()),
        max_bytes=SUGGESTION_BYTES,
        suffix_fit=not alone,
    )


def find_faults(whole: bytes, offset: int, text: bytes, replaced_bytes: int, lexer: Lexer) -> list[str]:
    """What is wrong with putting ``text`` at an offset of a file in the place of some bytes."""
    before, behind = whole[:offset].decode(), whole[offset + replaced_bytes :].decode()
    faults = []
    if repeats(text.decode(), behind):
        faults.append("repeats the suffix")
    if _unmatched(lexer, whole.decode()) != _unmatched(lexer, before + text.decode() + behind):
        faults.append("unbalances a bracket")
    return faults


def repeats(text: str, behind: str) -> bool:
    """Whether a text repeats what is behind it: its next characters, or the rest of its line."""
    own, rest = _squeeze(text), _squeeze(behind.split("\n", 1)[0])
    next_characters = _squeeze(behind)[:SAME_CHARACTERS]
    same_end = own.startswith(next_characters) or own.endswith(next_characters)
    return (len(next_characters) == SAME_CHARACTERS and same_end) or (
        len(rest) >= SAME_CHARACTERS and rest in own
    )


def check(
    infiller: Infiller,
    cursors: Sequence[Cursor],
    context_bytes: int,
    least_confidence: float,
    *,
    alone: bool = False,
) -> list[Suggestion]:
    """A suggestion at each cursor that gets one, and what is wrong with it."""
    suggestions = []
    for at, cursor in enumerate(cursors):
        print(f"\r{at + 1} of {len(cursors)}", end="", file=sys.stderr, flush=True)
        found = suggest(infiller, cursor, context_bytes, alone=alone)
        if found:
            suggestions.append(_judge(cursor, found, least_confidence))
    print(file=sys.stderr)
    return suggestions


def tabulate(cursors: Iterable[Cursor], suggestions: Sequence[Suggestion]) -> list[Table]:
    """Counts by language, and the faults one by one."""
    asked = Counter(cursor.language for cursor in cursors)
    made = Counter(each.language for each in suggestions)
    typing = Counter(each.language for each in suggestions if each.while_typing)
    replacing = Counter(each.language for each in suggestions if each.replaced_bytes)
    kinds = ("repeats the suffix", "unbalances a bracket")
    faults = Counter((each.language, fault) for each in suggestions for fault in each.faults)
    rows = [
        [
            language,
            f"{asked[language]:,}",
            f"{made[language]:,}",
            f"{100 * made[language] / asked[language]:.0f} %",
            f"{typing[language]:,}",
            f"{replacing[language]:,}",
            *(f"{faults[language, kind]:,}" for kind in kinds),
        ]
        for language in sorted(asked)
    ]
    share = f"{100 * made.total() / asked.total():.0f} %"
    ends = [sum(count for (_, kind), count in faults.items() if kind == each) for each in kinds]
    totals = [asked.total(), made.total(), share, typing.total(), replacing.total(), *ends]
    rows.append(["all", *map(str, totals)])
    columns = ["language", "cursors", "suggestions", "share", "while typing", "that replace", *kinds]
    shown = [_row(each) for each in suggestions if each.faults]
    return [
        Table("Suggestions inside lines", columns, rows),
        Table("Faults", ["language", "at", "suggestion", "why"], shown),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m byte_lsp.evaluation.fit_check", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--cursors", type=at_least(1), default=500)
    parser.add_argument("--model", default=load_catalog().default, metavar="NAME_OR_GGUF")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=at_least(0), default=0, metavar="COUNT", help="suggestions to print")
    alone = (
        "fit suggestions between the texts, but do not let the suffix judge them: more are left to look at"
    )
    parser.add_argument("--alone", action="store_true", help=alone)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--out", type=Path, metavar="FOLDER")
    args = parser.parse_args(arguments)
    try:
        return _run(args)
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    prepare(args.out)
    context_bytes = ContextSettings().prefix_bytes
    cursors = draw_cursors(Corpus(args.folders, args.seed), args.cursors, args.seed, Shape(cursors=4))
    with open_local(args.model) as model:
        least = model.calibration.threshold if model.calibration else 0.0
        suggestions = check(model.infiller(), cursors, context_bytes, least, alone=args.alone)
        report = Report(
            "fit",
            [model.file],
            Settings(tuple(map(str, args.folders)), args.cursors, args.seed, SUGGESTION_BYTES, SUFFIX_BYTES),
            Results(len(cursors), suggestions),
            tabulate(cursors, suggestions),
            lambda _: [],
        )
    publish(report, args.out, as_json=args.json)
    for each in suggestions[: args.show]:
        print(" | ".join(_row(each)))
    return int(any(each.faults for each in suggestions))


def _judge(cursor: Cursor, found: Candidate, least_confidence: float) -> Suggestion:
    name = LEXERS.get(cursor.language, cursor.language.lower())
    lexer = get_lexer_by_name(name, stripnl=False, ensurenl=False)
    whole = unify_line_ends(cursor.file.read_bytes().removeprefix(codecs.BOM_UTF8))
    faults = find_faults(whole, cursor.start + cursor.offset, found.text, found.replaced_bytes, lexer)
    return Suggestion(
        cursor.language,
        cursor.file,
        cursor.prefix.rpartition(b"\n")[2].decode(),
        found.text.decode(),
        cursor.rest.decode(),
        found.replaced_bytes,
        found.stop_reason,
        found.confidence is None or found.confidence >= least_confidence,
        tuple(faults),
    )


def _row(each: Suggestion) -> list[str]:
    place = f"{each.line[-WORST_SHOWN:]}‸{each.rest[:WORST_SHOWN]}"
    text = each.text + (f"  (for {each.replaced_bytes} bytes)" if each.replaced_bytes else "")
    return [each.language, place, text, ", ".join(each.faults)]


def _unmatched(lexer: Lexer, text: str) -> tuple[str, str]:
    """The closers without an opener and the openers left, by the lexer's judgement."""
    closers, openers = "", ""
    for kind, value in lexer.get_tokens(text):
        if _is_quoted(kind):
            continue
        for sign in value:
            if sign in _PAIRS.values():
                openers += sign
            elif sign in _PAIRS and openers.endswith(_PAIRS[sign]):
                openers = openers[:-1]
            elif sign in _PAIRS:
                closers += sign
    return closers, openers


def _is_quoted(kind: _TokenType) -> bool:
    return not {String, Comment}.isdisjoint(kind.split())


def _squeeze(text: str) -> str:
    return "".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
