"""One package's files: its licence checked, what is no source code left out, no more than its share."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from byte_lsp.training.archives import Member, read_members
from byte_lsp.training.licences import Declared, check_licence, tells_licence
from byte_lsp.training.select import (
    chosen_by,
    decode,
    fault_of_path,
    fault_of_text,
    is_test,
    language_of,
    may_be_source,
)
from byte_lsp.training.sources import Language, Source

VALID_PACKAGE_BYTES = 200_000
HELDOUT_PACKAGE_BYTES = 600_000
_TEST_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the set to be. ``text`` is what its row will have."""

    source: Source
    path: str
    language: Language
    text: str

    @property
    def size_bytes(self) -> int:
        return len(self.text.encode())


@dataclass(frozen=True, slots=True)
class Collected:
    """What a package gives, and how many files it does not give for which reason, by language."""

    files: tuple[SourceFile, ...]
    dropped: Mapping[Language, Counter[str]]


def collect(
    source: Source,
    archives: Sequence[Path],
    languages: Sequence[Language],
    train_bytes: Mapping[Language, int],
) -> Collected:
    """The files of one package in those of its languages that are asked for.

    ``train_bytes`` is the most that a package gives for training, by language.

    Errors: ``DataSetError`` for an archive that cannot be read, and a licence that is not the manifest's.
    """
    wanted = [language for language in source.languages if language in languages]
    members = list(read_members(source, archives, lambda path, size: _is_wanted(source, path, size)))
    declared = check_licence(
        source, [each for each in members if tells_licence(each.path, len(each.content))]
    )
    dropped: dict[Language, Counter[str]] = {language: Counter() for language in wanted}
    files: list[SourceFile] = []
    for language in wanted:
        of_language = [each for each in members if _is_in(source, each, language)]
        share = _Share(source, language, declared, dropped[language])
        files += share.take(of_language, _most_bytes(source, train_bytes[language]))
    return Collected(tuple(files), dropped)


def _is_in(source: Source, member: Member, language: Language) -> bool:
    if not _may_be_chosen(source, member.path, len(member.content)):
        return False
    return language_of(member.path, member.content[:64]) == language


def _is_wanted(source: Source, path: str, size_bytes: int) -> bool:
    return tells_licence(path, size_bytes) or _may_be_chosen(source, path, size_bytes)


def _may_be_chosen(source: Source, path: str, size_bytes: int) -> bool:
    return not path.startswith("debian/") and chosen_by(source, path) and may_be_source(path, size_bytes)


def _names(source: Source, path: str) -> Iterable[str]:
    """What a file may be called in its source package; a binary package has it deeper down."""
    if source.index != "debian":
        return (path,)
    parts = PurePosixPath(path).parts
    return ("/".join(parts[start:]) for start in range(len(parts)))


def _most_bytes(source: Source, train_bytes: int) -> int:
    match source.split:
        case "train":
            return train_bytes
        case "valid":
            return VALID_PACKAGE_BYTES
        case "heldout":
            return HELDOUT_PACKAGE_BYTES


class _Share:
    """Takes a package's files in one language, in an order that hashes give, until its share is full."""

    def __init__(self, source: Source, language: Language, declared: Declared, dropped: Counter[str]) -> None:
        self._source = source
        self._language: Language = language
        self._declared = declared
        self._dropped = dropped

    def take(self, members: Iterable[Member], most_bytes: int) -> list[SourceFile]:
        """Files of at most ``most_bytes`` together, few of them tests."""
        ordered = sorted(members, key=lambda member: shuffle_key(self._source.name, member.path))
        tests = self._fit([each for each in ordered if is_test(each.path)], round(_TEST_SHARE * most_bytes))
        left = most_bytes - sum(file.size_bytes for file in tests)
        rest = self._fit([each for each in ordered if not is_test(each.path)], left)
        return sorted([*rest, *tests], key=lambda file: file.path)

    def _fit(self, members: Iterable[Member], most_bytes: int) -> list[SourceFile]:
        fitting: list[SourceFile] = []
        left = most_bytes
        for member in members:
            if len(member.content) > left:
                self._dropped["package's share"] += 1
                continue
            made = self._make_file(member)
            if isinstance(made, SourceFile):
                left -= made.size_bytes
                fitting.append(made)
            else:
                self._dropped[made] += 1
        return fitting

    def _make_file(self, member: Member) -> SourceFile | str:
        """The file, or why it is not taken."""
        fault = fault_of_path(member.path)
        if fault is not None:
            return fault
        if not all(self._declared.permits(path) for path in _names(self._source, member.path)):
            return "foreign licence"
        text = decode(member.content)
        if text is None:
            return "no text"
        fault = fault_of_text(text)
        return fault if fault else SourceFile(self._source, member.path, self._language, text)


def shuffle_key(package: str, path: str) -> bytes:
    """A key that sorts files as if they were shuffled, the same way everywhere."""
    return blake2b(f"{package}\0{path}".encode(), digest_size=16).digest()
