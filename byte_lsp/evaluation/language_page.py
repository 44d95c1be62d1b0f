"""The page about fifteen languages: a table of all, then each suggestion where it stands."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from statistics import median

from byte_lsp.doctor import Machine
from byte_lsp.evaluation.language_answers import VERDICTS, Answer, judge
from byte_lsp.evaluation.language_cursors import Language, Spot, Stop

OPEN, CLOSE = "⟦", "⟧"
LINES_BEFORE, LINES_BEHIND = 3, 2

_STOPS: Mapping[Stop, str] = {
    "word": "inside a word",
    "block": "after the opener of a block",
    "middle": "in the middle of a line",
    "line": "in a line, nothing behind it",
}

Asked = tuple[Language, Spot, Answer]


def make_page(asked: Sequence[Asked], model: str, machine: Machine) -> str:
    """Markdown. ``asked`` has a language's cursors one behind the other."""
    names = [language.name for language, _, _ in asked]
    lines = [
        _introduce(len(set(names)), len(asked), model, machine),
        *_summarise("language", asked, names),
        "",
        *_summarise("cursor", asked, [_STOPS[spot.stop] for _, spot, _ in asked]),
    ]
    for _, members in groupby(asked, key=lambda each: each[0].name):
        lines += _show_language(list(members))
    return "\n".join(lines)


def _introduce(languages: int, cursors: int, model: str, machine: Machine) -> str:
    return f"""# {languages} languages, {cursors} cursors

What `{model}` suggests at cursors in real files, where a person would stop. The files, with their authors
and licences, are in [tests/languages/files](../tests/languages/files/SOURCES.md), the cursors in
[cursors.toml](../tests/languages/cursors.toml). What the file has at the cursor was taken out before the
model was asked, with the editor's default settings, as by somebody who asks for suggestions; the best is
shown. Made by

```sh
python -m byte_lsp.evaluation.languages > docs/languages.md
```

A suggestion is *right* if it is what the file has. *First line right* is so up to the end of the first line
that is not blank, *a beginning* stops inside that line with everything right so far. One that *differs* may
still be a good one: under each cursor a person says what they saw. A suggestion stands between {OPEN} and
{CLOSE} in its lines, and so does what the file has, where that is something else. Times are those of one
request on {machine.processor} with {machine.cores} cores; a file's first reads everything before
the cursor, the others what the model has not read yet.
"""


def _summarise(title: str, asked: Sequence[Asked], groups: Sequence[str]) -> list[str]:
    """A table with a row for each of ``groups``, which say what each of ``asked`` belongs to."""
    rows = []
    for name in dict.fromkeys(groups):
        members = [each for each, group in zip(asked, groups, strict=True) if group == name]
        rows.append(_summary_row(name, members))
    return [
        f"| {title} | {' | '.join(VERDICTS)} | median ms |",
        "| --- |" + " ---: |" * (len(VERDICTS) + 1),
        *rows,
        _summary_row("all", asked),
    ]


def _summary_row(label: str, asked: Sequence[Asked]) -> str:
    counts = Counter(judge(spot, answer) for _, spot, answer in asked)
    cells = [str(counts[verdict] or "") for verdict in VERDICTS]
    elapsed_ms = median(answer.elapsed_ms for _, _, answer in asked)
    return f"| {label} | {' | '.join(cells)} | {elapsed_ms:.0f} |"


def _show_language(asked: Sequence[Asked]) -> Iterable[str]:
    language = asked[0][0]
    yield from ("", f"## {language.name}", "", f"`{language.file}`")
    for _, spot, answer in asked:
        yield from _show_answer(spot, answer)


def _show_answer(spot: Spot, answer: Answer) -> Iterable[str]:
    verdict = judge(spot, answer)
    yield from ("", f"**Line {spot.line}, {_STOPS[spot.stop]}: {verdict}**, {answer.elapsed_ms:.0f} ms")
    if answer.text:
        shown = _in_place(spot, answer.text, answer.replaced_bytes, LINES_BEFORE, LINES_BEHIND)
        yield from ("", *_fence(shown))
    if verdict != "right":
        yield from ("", "The file has", "", *_fence(_in_place(spot, spot.truth, 0, 0, 0)))
    if spot.remark:
        yield from ("", f"Looked at: {spot.remark}")


def _in_place(spot: Spot, text: bytes, replaced_bytes: int, lines_before: int, lines_behind: int) -> str:
    """Whole lines around the cursor with ``text`` marked where it goes in."""
    before = spot.before.split(b"\n")[-lines_before - 1 :]
    behind = spot.behind[replaced_bytes:].split(b"\n")[: lines_behind + 1]
    marked = OPEN.encode() + text + CLOSE.encode()
    return (b"\n".join(before) + marked + b"\n".join(behind)).decode()


def _fence(text: str) -> list[str]:
    """A code block that no line of ``text`` ends."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", text, fence]
