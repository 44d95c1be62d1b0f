"""Strings that look like secrets: Yelp's detect-secrets, and what it does not know.

All of its detectors are used but that of public IP addresses, which are no secrets. Those of vendors' keys go
by fixed prefixes and lengths. That of keywords (``password = "..."``) wants quotes, except in languages whose
values stand without. Those of random strings would be too eager for a tool that blames people; a suggestion
loses nothing by them: a random string is repeated, and may be a key, or made up, and then it is wrong.
They are told not to mind alphabets. In 139,000 lines of Python (its library, other packages, this project)
10 strings are found that are none: 4 digests, 2 lists of letters, 2 values of ``..._PWD_STATE``, 2 names.

Added here are keys that detect-secrets 1.5 does not know, by the formats that their vendors publish.

The library verifies secrets on the net if it is told to, and imports ``requests`` for that, whose import
alone binds a socket (urllib3 tries IPv6). We never verify, so it gets an empty stand-in.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from itertools import pairwise, zip_longest
from pkgutil import iter_modules
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin

NOT_USED = {"ip_public"}
UNQUOTED_LANGUAGES = {
    *(
        "conf",
        "dockerfile",
        "dotenv",
        "editorconfig",
        "ini",
        "makefile",
        "markdown",
        "plaintext",
        "properties",
    ),
    *("shellscript", "ssh_config", "text", "toml", "yaml", "dockercompose", "sh", "bash", "zsh", "fish"),
}
"""In these a value may stand without quotes."""

LONGEST_LINE = 1024
"""Characters; a longer line is looked at in windows, since some of the expressions are slow on long lines."""

_OVERLAP = 256
_LEAST_VALUE = 8  # characters that a group of an expression has to have to be the secret by itself

_MORE = tuple(
    re.compile(pattern)
    for pattern in (
        r"AIza[0-9A-Za-z_-]{35}",  # Google API keys
        r"GOCSPX-[0-9A-Za-z_-]{28}",  # Google OAuth client secrets
        r"ya29\.[0-9A-Za-z_-]{20,}",  # Google OAuth access tokens
        r"github_pat_[0-9A-Za-z_]{40,}",  # GitHub fine-grained tokens
        r"gh[opusr]_[0-9A-Za-z]{20,}",  # GitHub tokens of other lengths
        r"npm_[0-9A-Za-z]{30,}",
        r"(?:sk|rk|pk|whsec)_(?:live|test)_[0-9A-Za-z]{10,}",  # Stripe, test keys too
        r"xox[abeoprs]-[0-9A-Za-z-]{10,}",  # Slack, of any make
        r"xapp-\d-[0-9A-Za-z-]{10,}",
        r"sk-(?:proj-|ant-|or-|svcacct-)?[0-9A-Za-z_-]{20,}",  # OpenAI, Anthropic, OpenRouter
        r"hf_[0-9A-Za-z]{30,}",  # Hugging Face
        r"dop_v1_[0-9a-f]{64}",  # DigitalOcean
        r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",  # Shopify
        r"dapi[0-9a-f]{32}",  # Databricks
        r"eyJ[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]{8,}\.[0-9A-Za-z_-]+",  # JSON web tokens, signature and all
        r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        r"(?i)(?:SharedAccessKey|AccountKey|SharedSecretValue)=([0-9A-Za-z+/=]{20,})",  # Azure
        r"(?i)\b(?:password|pwd)=([^;'\"\s]{3,})(?=;)",  # in connection strings
        r"(?i)\bauthorization['\"]?\s*[:=]\s*['\"]?(?:bearer|basic|token)\s+([0-9A-Za-z._~+/=-]{8,})",
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY",
    )
)
_KEY_EDGE = re.compile(r"-----(BEGIN|END) [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----")
_IN_KEY = re.compile(r"[\s\"'`+,;\\]*(?:[0-9A-Za-z+/=\\]*|[\w-]+: .*)[\s\"'`+,;\\]*")  # a line, also of code
_KEY_MATERIAL = re.compile(r"[0-9A-Za-z+/]{16,}={0,2}")
_KEY_LINE = re.compile(r"(?<![0-9A-Za-z+/=_.-])[0-9A-Za-z+/]{40,}={0,2}(?![0-9A-Za-z+/=_.-])")
_LONG_OR_MARKED = r"[0-9A-Za-z_+/=-]{16}|://|xox|AKC|AP[0-9A-F]|KEY|PuTTY"
"""What a line has to have, or a name of the keyword detector, to hold any of what is looked for."""

_NO_VALUE = re.compile(r"[{<%$\[(].*|(.)\1*|\W*")  # of a template, or nothing but one character

_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class Secret:
    """A string that looks like a secret, and where in its line or text it stands (characters)."""

    value: str
    start: int

    @property
    def end(self) -> int:
        """The place behind it."""
        return self.start + len(self.value)


def find_secrets(text: str, language: str = "") -> list[Secret]:
    """The strings in a text that look like secrets, in order of their lines.

    ``language`` is the editor's id. Each line of a private key is a secret of its own.
    """
    found: list[Secret] = []
    start = 0
    unquoted = language in UNQUOTED_LANGUAGES
    for line in text.split("\n"):
        found += [Secret(value, start + at) for value, at in _find_in_line(line, unquoted)]
        start += len(line) + 1
    return found + list(_key_material(text))


def ends_in_key(text: str) -> bool:
    """Whether a text ends inside a private key."""
    *_, edge = [None, *_KEY_EDGE.finditer(text)]
    if edge is None or edge[1] == "END":
        return False
    return all(_IN_KEY.fullmatch(line) for line in text[edge.end() :].split("\n"))


def load() -> None:
    """Import the detectors and compile their expressions, which takes a tenth of a second, if need be."""
    _detectors()


@lru_cache(maxsize=8192)
def _find_in_line(line: str, unquoted: bool) -> tuple[tuple[str, int], ...]:
    """The secrets of a line, and where in it they stand. While somebody types, one line of many is new."""
    if len(line) < _LEAST_VALUE:
        return ()
    if len(line) <= LONGEST_LINE:
        return tuple(dict.fromkeys(_detectors().find(line, unquoted)))
    step = LONGEST_LINE - _OVERLAP
    starts = range(0, len(line), step)
    found = (
        (value, start + at)
        for start in starts
        for value, at in _detectors().find(line[start : start + LONGEST_LINE], unquoted)
    )
    return tuple(dict.fromkeys(found))


def _key_material(text: str) -> Iterator[Secret]:
    """Each run of characters that encodes a part of a private key."""
    if "PRIVATE KEY" not in text:
        return
    edges: list[re.Match[str]] = list(_KEY_EDGE.finditer(text))
    for edge, after in zip_longest(edges, edges[1:]):
        if edge[1] == "END":
            continue
        start = edge.end()
        for line in text[start : after.start() if after else None].split("\n"):
            if not _IN_KEY.fullmatch(line):
                break
            yield from (Secret(each[0], start + each.start()) for each in _KEY_MATERIAL.finditer(line))
            start += len(line) + 1


class _Detectors:
    """The library's detectors with their expressions compiled, and ours."""

    def __init__(self) -> None:
        from detect_secrets.filters import heuristic  # noqa: PLC0415 - see ``load``
        from detect_secrets.plugins import high_entropy_strings, keyword  # noqa: PLC0415

        self._is_sequence: Callable[[str], bool] = heuristic.is_sequential_string
        self._is_reference: Callable[[str], bool] = heuristic.is_indirect_reference
        self._expressions = (*_library_expressions(), *_MORE)
        self._random: tuple[HighEntropyStringsPlugin, ...] = (
            high_entropy_strings.Base64HighEntropyString(),
            high_entropy_strings.HexHighEntropyString(),
        )
        names = "|".join(keyword.DENYLIST)
        self._keyword = re.compile(names, re.IGNORECASE)
        self._may_hold = re.compile(f"{_LONG_OR_MARKED}|(?i:{names}|pwd|authorization)")
        self._quoted: dict[re.Pattern[str], int] = keyword.QUOTES_REQUIRED_DENYLIST_REGEX_TO_GROUP
        self._unquoted: dict[re.Pattern[str], int] = keyword.CONFIG_DENYLIST_REGEX_TO_GROUP

    def find(self, line: str, unquoted: bool) -> Iterator[tuple[str, int]]:
        if not self._may_hold.search(line):
            return
        for expression in self._expressions:
            for match in expression.finditer(line):
                value, start = _value(match)
                if not _NO_VALUE.fullmatch(value):
                    yield value, start
        yield from self._find_random(line)
        if self._keyword.search(line):
            yield from self._find_named(line, unquoted)

    def _find_random(self, line: str) -> Iterator[tuple[str, int]]:
        for match in _KEY_LINE.finditer(line):
            if self._random[0].calculate_shannon_entropy(match[0]) > self._random[0].entropy_limit:
                yield match[0], match.start()
        for detector in self._random:
            for match in detector.regex.finditer(line):
                value = match[2]
                if len(value) < _LEAST_VALUE or self._is_alphabet(value):
                    continue
                if detector.calculate_shannon_entropy(value) > detector.entropy_limit:
                    yield value, match.start(2)

    def _find_named(self, line: str, unquoted: bool) -> Iterator[tuple[str, int]]:
        """What is assigned to, or compared with, something whose name says that it is secret."""
        for expression, group in (self._unquoted if unquoted else self._quoted).items():
            match = expression.search(line)
            if match is None or _NO_VALUE.fullmatch(match[group]):
                continue
            if unquoted and self._is_reference(line):
                continue
            yield match[group], match.start(group)

    def _is_alphabet(self, value: str) -> bool:
        """Whether most characters follow the one before them, as in ``abcdef`` and ``0123``."""
        steps = sum(ord(right) - ord(left) == 1 for left, right in pairwise(value))
        return self._is_sequence(value) or 2 * steps > len(value)


@cache
def _made() -> _Detectors:
    with _without_requests():
        return _Detectors()


def _detectors() -> _Detectors:
    with (
        _loading
    ):  # ``cache`` alone would let two threads import at a time, one of them with a real ``requests``
        return _made()


class _without_requests:  # noqa: N801 - used like a function
    """A block in which ``import requests`` gives a module that can do nothing, unless one is there."""

    def __enter__(self) -> None:
        self._stand_in: ModuleType | None = None
        if "requests" not in sys.modules:
            self._stand_in = ModuleType("requests", "Not the library: byte-lsp verifies no secrets.")
            self._stand_in.__dict__["exceptions"] = SimpleNamespace(RequestException=_Never)
            self._stand_in.__dict__["Response"] = object
            sys.modules["requests"] = self._stand_in

    def __exit__(self, *_: object) -> None:
        if self._stand_in is not None and sys.modules.get("requests") is self._stand_in:
            del sys.modules["requests"]


class _Never(Exception):
    """What nobody raises."""


def _library_expressions() -> Iterator[re.Pattern[str]]:
    from detect_secrets import plugins  # noqa: PLC0415 - see ``load``
    from detect_secrets.plugins.base import RegexBasedDetector  # noqa: PLC0415

    for found in iter_modules(plugins.__path__):
        if found.name in NOT_USED:
            continue
        module = import_module(f"{plugins.__name__}.{found.name}")
        for detector in _classes_of(module):
            if issubclass(detector, RegexBasedDetector) and not detector.__abstractmethods__:
                yield from cast("Iterable[re.Pattern[str]]", detector.denylist)


def _classes_of(module: ModuleType) -> Sequence[type[Any]]:
    return [each for each in vars(module).values() if isinstance(each, type)]


def _value(match: re.Match[str]) -> tuple[str, int]:
    """What of a match is the secret: its longest group, unless that is a mere prefix as in ``(ghp|gho)_``."""
    texts = enumerate(match.groups(""), 1)
    best, _ = max(((0, ""), *texts), key=lambda each: len(each[1]) if len(each[1]) >= _LEAST_VALUE else 0)
    return match[best], match.start(best)
