"""What a package says of its licence, and whether that is what the manifest says.

A licence is an SPDX identifier. What a package says is a list of alternatives; each is the set of licences
that hold together. Debian's ``copyright`` file speaks of single files too (DEP-5), and these are asked one by
one.
"""

import email
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from byte_lsp.errors import DataSetError
from byte_lsp.training.archives import Member
from byte_lsp.training.sources import Source

Alternatives = tuple[frozenset[str], ...]

PERMITTED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "curl", "ISC", "libpng-2.0",
    "MIT", "MIT-0", "NCSA", "PSF-2.0", "public-domain", "Python-2.0", "Unlicense", "Zlib",
})  # fmt: skip
"""What the training set may be made of."""

_ALIASES = {
    "apache": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0", "apache-2": "Apache-2.0", "blessing": "public-domain",
    "bsd": "BSD", "bsd license": "BSD", "bsd-2": "BSD-2-Clause", "bsd-3": "BSD-3-Clause",
    "bsd-3-clauses": "BSD-3-Clause", "bsd-2-clauses": "BSD-2-Clause", "boost-1.0": "BSL-1.0", "expat": "MIT",
    "isc license (iscl)": "ISC", "libpng": "libpng-2.0", "mit license": "MIT",
    "public domain": "public-domain", "python software foundation license": "PSF-2.0", "psf": "PSF-2.0",
    "the unlicense (unlicense)": "Unlicense", "zlib/libpng": "Zlib", "pd": "public-domain", "cc0": "CC0-1.0",
    "unlicence": "Unlicense",
}  # fmt: skip
_IDS = {name.lower(): name for name in PERMITTED} | _ALIASES
_PHRASES = {
    "MIT": "permission is hereby granted, free of charge, to any person obtaining a copy",
    "Apache-2.0": "apache license version 2.0",
    "ISC": "permission to use, copy, modify, and/or distribute this software for any purpose",
    "Zlib": "this software is provided 'as-is', without any express or implied warranty",
    "Unlicense": "this is free and unencumbered software released into the public domain",
    "GPL": "gnu general public license",
    "LGPL": "gnu lesser general public license",
    "AGPL": "gnu affero general public license",
    "MPL": "mozilla public license",
}
_BSD = "redistributions of source code must retain the above copyright notice"
_ENDORSE = re.compile(r"endorse or promote products|may be used to endorse")
_LICENCE_FILE = re.compile(
    r"(?:.*\.dist-info/(?:licenses/)?)?(?:licen[cs]e|copying|copyright|unlicense)[^/]*", re.I
)
_LICENCE_BYTES = 200_000
_TOKEN = re.compile(r"[()]|[^\s(),]+|,")


@dataclass(frozen=True, slots=True)
class Stanza:
    """What a ``copyright`` file says of some files: the last stanza that matches a path counts."""

    globs: tuple[str, ...]
    licence: Alternatives


@dataclass(frozen=True, slots=True)
class Declared:
    """What a package says: of the whole, and of single files where it does."""

    whole: Alternatives
    stanzas: tuple[Stanza, ...] = ()

    def permits(self, path: str) -> bool:
        """May a file be used, as far as the package speaks of single files?"""
        for stanza in reversed(self.stanzas):
            if any(fnmatchcase(path, glob) for glob in stanza.globs):
                return is_permitted(stanza.licence)
        return True


def tells_licence(path: str, size_bytes: int) -> bool:
    """Is a file of this path one that ``declared_licence`` reads?"""
    if size_bytes > _LICENCE_BYTES:
        return False
    return (
        path in {"package.json", "Cargo.toml", "debian/copyright"}
        or (path.endswith(".dist-info/METADATA") and path.count("/") == 1)
        or (path.startswith("usr/share/doc/") and path.endswith("/copyright"))
        or _LICENCE_FILE.fullmatch(path) is not None
    )


def check_licence(source: Source, members: Sequence[Member]) -> Declared:
    """Compare the manifest with the package, whose files that tell of licences are ``members``.

    Errors: ``DataSetError`` naming the package where the manifest's licence is none that may be used, or not
    what the package says.
    """
    wanted = parse_licence(source.licence)
    if not is_permitted(wanted) or wanted[0] == {"BSD"}:
        raise DataSetError(
            f"{source}: the manifest names the licence {source.licence!r}, which is not among "
            f"{', '.join(sorted(PERMITTED))}; leave the package out or correct the manifest"
        )
    declared = _declared(source, members)
    if not any(_agrees(wanted, alternative) for alternative in declared.whole):
        said = " or ".join(" and ".join(sorted(each)) for each in declared.whole) or "nothing that is known"
        raise DataSetError(
            f"{source}: the manifest says {source.licence}, the package says {said}; correct the manifest, "
            "or leave the package out"
        )
    return declared


def _agrees(wanted: Alternatives, alternative: frozenset[str]) -> bool:
    known = set(alternative)
    if "BSD" in known:
        known |= {"BSD-2-Clause", "BSD-3-Clause"}
    return is_permitted((alternative,)) and all(any(name in known for name in each) for each in wanted)


def is_permitted(alternatives: Alternatives) -> bool:
    """Is there an alternative of which every licence may be used?"""
    return any(each and each <= PERMITTED | {"BSD"} for each in alternatives)


def parse_licence(expression: str) -> Alternatives:
    """The alternatives of an SPDX expression, or of what people write in its place.

    ``A OR (B AND C)`` is ``({A}, {B, C})``. Debian's commas join like ``AND``, Cargo's slashes part like
    ``OR``.
    """
    plain = expression.strip()
    if plain.lower() in _IDS:
        return (frozenset({_IDS[plain.lower()]}),)
    tokens = _TOKEN.findall(plain.replace("/", " OR "))
    return _parse_or(tokens) if tokens else ()


def _parse_or(tokens: list[str]) -> Alternatives:
    result = _parse_and(tokens)
    while tokens and tokens[0].lower() == "or":
        tokens.pop(0)
        result += _parse_and(tokens)
    return result


def _parse_and(tokens: list[str]) -> Alternatives:
    result = _parse_atom(tokens)
    while tokens and tokens[0].lower() in {"and", ","}:
        while tokens and tokens[0].lower() in {"and", ","}:
            tokens.pop(0)
        if tokens and tokens[0].lower() == "or":
            break
        right = _parse_atom(tokens)
        result = tuple(one | other for one in result for other in right)
    return result


def _parse_atom(tokens: list[str]) -> Alternatives:
    if not tokens:
        return (frozenset(),)
    if tokens[0] == "(":
        tokens.pop(0)
        inside = _parse_or(tokens)
        if tokens and tokens[0] == ")":
            tokens.pop(0)
        return inside
    words = []
    while tokens and tokens[0].lower() not in {"or", "and", ",", "(", ")"}:
        words.append(tokens.pop(0))
    return (frozenset({_normalise(" ".join(words))}),)


def _normalise(name: str) -> str:
    lower = name.lower().split(" with ")[0]
    if lower in _IDS:
        return _IDS[lower]
    for stem in ("bsd-2-clause", "bsd-3-clause", "mit-", "expat-"):
        if lower.startswith(stem) and "gpl" not in lower:
            return _IDS[stem.rstrip("-")]
    return name


def identify_text(text: str) -> frozenset[str]:
    """The licences whose wording is in a text."""
    plain = " ".join(re.sub(r"[^\w,.'/-]+", " ", text.lower().replace("’", "'")).split())
    plain = plain.replace("apache license, version 2.0", "apache license version 2.0")
    found = {name for name, phrase in _PHRASES.items() if phrase in plain}
    if _BSD in plain:
        found.add("BSD-3-Clause" if _ENDORSE.search(plain) else "BSD-2-Clause")
    return frozenset(found)


def _declared(source: Source, members: Sequence[Member]) -> Declared:
    by_path = {member.path: member.content.decode("utf-8", "replace") for member in reversed(members)}
    match source.index:
        case "pypi":
            return Declared(_of_wheel(by_path))
        case "npm":
            return Declared(_of_package_json(by_path.get("package.json", "{}")))
        case _:
            return _of_debian(by_path)


def _of_wheel(by_path: dict[str, str]) -> Alternatives:
    metadata = next((text for path, text in by_path.items() if path.endswith("METADATA")), "")
    headers = email.message_from_string(metadata)
    if expression := headers["License-Expression"]:
        return parse_licence(expression)
    classes = [
        name.split("::")[-1] for name in headers.get_all("Classifier", []) if name.startswith("License ::")
    ]
    said = [name.strip() for name in classes if name.strip() != "OSI Approved"]
    if not said and headers["License"] and "\n" not in headers["License"]:
        said = [headers["License"]]
    if said:
        return tuple(each for name in said for each in parse_licence(name))
    return _of_texts(by_path)


def _of_package_json(text: str) -> Alternatives:
    try:
        content = json.loads(text)
    except ValueError:
        return ()
    said = content.get("license") or content.get("licenses") or ()
    entries = said if isinstance(said, list) else [said]
    names = [str(entry.get("type", "")) if isinstance(entry, dict) else str(entry) for entry in entries]
    return tuple(each for name in names if name for each in parse_licence(name))


def _of_debian(by_path: dict[str, str]) -> Declared:
    copyright_file = next((text for path, text in by_path.items() if path.endswith("/copyright")), "")
    stanzas = _read_stanzas(copyright_file)
    whole = next((stanza.licence for stanza in stanzas if "*" in stanza.globs), None)
    if whole is not None:
        return Declared(whole, stanzas)
    own_files = {path: text for path, text in by_path.items() if not path.endswith("/copyright")}
    return Declared(_of_texts(own_files) or _of_texts({"copyright": copyright_file}), stanzas)


def _of_texts(by_path: dict[str, str]) -> Alternatives:
    """Licence texts beside each other are taken as a choice, as in ``LICENSE-MIT`` and ``LICENSE-APACHE``."""
    texts = (text for path, text in sorted(by_path.items()) if _LICENCE_FILE.fullmatch(path))
    return tuple(found for found in map(identify_text, texts) if found)


def _read_stanzas(text: str) -> tuple[Stanza, ...]:
    """The stanzas of a DEP-5 file. A short name that is no SPDX identifier counts as what its text is."""
    paragraphs = [email.message_from_string(part.lstrip("\n")) for part in re.split(r"\n\s*\n", text)]
    texts = {}
    for fields in paragraphs:
        name, _, body = (fields["License"] or "").partition("\n")
        if body:
            texts[name.strip()] = identify_text(body)
    stanzas = []
    for fields in paragraphs:
        if fields["Files"] and fields["License"]:
            licence = parse_licence(fields["License"].split("\n")[0])
            globs = tuple(_fix_glob(glob) for glob in fields["Files"].split())
            stanzas.append(Stanza(globs, tuple(_resolve(each, texts) for each in licence)))
    return tuple(stanzas)


def _resolve(names: frozenset[str], texts: Mapping[str, frozenset[str]]) -> frozenset[str]:
    resolved: set[str] = set()
    for name in names:
        resolved |= {name} if name in PERMITTED else texts.get(name) or {name}
    return frozenset(resolved)


def _fix_glob(glob: str) -> str:
    """DEP-5 knows no character classes, so that a bracket is a bracket."""
    return str(PurePosixPath(glob.rstrip(","))).replace("[", "[[]")
