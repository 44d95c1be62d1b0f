"""Candidates that would show a secret are dropped before anybody sees them.

A candidate shows one if, with the line that it goes into, it makes up a string that looks like a secret, or
if it repeats a part of one that stands in what the model has read: models are good at repeating. Nothing at
all is suggested inside a private key.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from byte_lsp.server.secret_text import Secret, ends_in_key, find_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from byte_lsp.infill.problem import Candidate, InfillProblem, InfillResult

PART_CHARACTERS = 8
"""So much of a secret in a row is a part of it. Of a secret that is words, all of it has to be there."""

LEAST_CHARACTERS = 6
"""A shorter value stands in too many places to be known again."""

UNQUOTED_SUFFIXES = {
    *(".yaml", ".yml", ".ini", ".cfg", ".conf", ".toml", ".properties", ".sh", ".bash", ".zsh", ".md", ".txt")
}


def without_secrets(problem: InfillProblem, result: InfillResult) -> InfillResult:
    """The result without the candidates that would show a secret.

    It takes 0.1 ms once the lines of the problem were seen before, and 5 ms more when all of them are new.
    """
    if not result.candidates:
        return result
    if ends_in_key(_text(problem.prefix)):
        return replace(result, candidates=())
    known = known_secrets(problem)
    safe = tuple(each for each in result.candidates if not shows_secret(problem, each, known))
    return result if len(safe) == len(result.candidates) else replace(result, candidates=safe)


def known_secrets(problem: InfillProblem) -> set[str]:
    """What looks like a secret in the text that the model is shown."""
    texts = [(problem.prefix, problem.language), (problem.suffix, problem.language)]
    texts += [(chunk.text, _language(chunk.path, problem.language)) for chunk in problem.chunks]
    found = (each.value for text, language in texts for each in find_secrets(_text(text), language))
    return {value for value in found if len(value) >= LEAST_CHARACTERS}


def shows_secret(problem: InfillProblem, candidate: Candidate, known: set[str]) -> bool:
    """Whether a candidate makes up a secret where it is inserted, or repeats a part of a ``known`` one."""
    before = _text(problem.prefix.rpartition(b"\n")[2])
    text = _text(candidate.text)
    after = _text(problem.suffix[candidate.replaced_bytes :].partition(b"\n")[0])
    end = len(before) + len(text)
    made_up = (
        secret
        for line in {before + text + after, before + text + _closing_quote(before + text)}
        for secret in find_secrets(line, problem.language)
    )
    if any(_overlaps(secret, len(before), end) for secret in made_up):
        return True
    return any(part in (before + text)[max(0, len(before) - len(part) + 1) :] for part in _parts(known))


def _overlaps(secret: Secret, start: int, end: int) -> bool:
    return secret.start < end and secret.end > start


def _parts(known: set[str]) -> Iterator[str]:
    for value in known:
        if len(value) <= PART_CHARACTERS or " " in value or value.isalpha():
            yield value
        else:
            yield from (value[at : at + PART_CHARACTERS] for at in range(len(value) - PART_CHARACTERS + 1))


def _closing_quote(text: str) -> str:
    """What closes the string that a text ends in: a candidate may have been cut before it."""
    quote = ""
    escaped = False
    for character in text.rpartition("\n")[2]:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif quote:
            quote = "" if character == quote else quote
        elif character in "\"'`":
            quote = character
    return quote


def _language(path: bytes, otherwise: str) -> str:
    suffix = PurePosixPath(_text(path)).suffix.lower()
    return "yaml" if suffix in UNQUOTED_SUFFIXES else otherwise


def _text(text: bytes) -> str:
    return text.decode(errors="replace")
