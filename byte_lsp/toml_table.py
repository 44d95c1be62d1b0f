"""A TOML table read key by key, so that every fault is reported with its file and its key."""

import math
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import TypeVar, cast

from byte_lsp.errors import CatalogError

T = TypeVar("T")

_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "a whole number",
    str: "a string",
    list: "a list",
    dict: "a table",
    float: "a number",
}


class TomlTable:
    """One table of a TOML file. Read every key you know, then call ``finish``: what is left is a fault.

    Errors: ``CatalogError`` naming the file and the key's whole path, for a key that is missing, unknown or
    of the wrong type.
    """

    def __init__(self, file: str, path: str, values: Mapping[str, object]) -> None:
        self.file = file
        self._path = path
        self._values = dict(values)
        self._known: set[str] = set()

    def __contains__(self, key: str) -> bool:
        self._known.add(key)
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        return self._take(key, str, default)

    def flag(self, key: str, default: bool | None = None) -> bool:
        return self._take(key, bool, default)

    def count(self, key: str) -> int:
        """A whole number above zero."""
        value = self._take(key, int, None)
        if value <= 0:
            raise self.fault(key, f"must be above zero, not {value}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(
            self._check(f"{key}[{index}]", value, str)
            for index, value in enumerate(self._take(key, list, None))
        )

    def number(self, key: str) -> float:
        """A number with or without a decimal point."""
        return self._number(key, self._take(key, object, None))

    def numbers(self, key: str) -> tuple[float, ...]:
        return tuple(
            self._number(f"{key}[{index}]", value) for index, value in enumerate(self._take(key, list, None))
        )

    def table(self, key: str) -> "TomlTable":
        return TomlTable(self.file, self._at(key), self._take(key, dict, None))

    def tables(self, key: str) -> list["TomlTable"]:
        """A list of tables; an absent key is an empty list."""
        return [
            TomlTable(self.file, self._at(f"{key}[{index}]"), self._check(f"{key}[{index}]", value, dict))
            for index, value in enumerate(self._take(key, list, []))
        ]

    def named_tables(self, key: str) -> Iterator[tuple[str, "TomlTable"]]:
        """The tables inside the table ``key``, by name; an absent key is an empty table."""
        for name, value in self._take(key, dict, {}).items():
            path = f"{key}.{name}"
            yield name, TomlTable(self.file, self._at(path), self._check(path, value, dict))

    def finish(self) -> None:
        """Say that every key was read. Errors: ``CatalogError`` for the first key that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                near = get_close_matches(key, self._known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(sorted(self._known))}"
                raise self.fault(key, f"is an unknown key; {hint}")

    def fault(self, key: str, problem: str) -> CatalogError:
        """The error to raise for ``key``; ``problem`` goes on from its name."""
        return CatalogError(f"{self.file}: {self._at(key)} {problem}")

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key

    def _take(self, key: str, kind: type[T], default: T | None) -> T:
        self._known.add(key)
        if key in self._values:
            value = self._values[key]
            return cast(T, value) if kind is object else self._check(key, value, kind)
        if default is None:
            raise self.fault(key, f"is missing; give {_KINDS[kind]}")
        return default

    def _number(self, key: str, value: object) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        raise self.fault(key, f"must be a number, not {_KINDS.get(type(value), type(value).__name__)}")

    def _check(self, key: str, value: object, kind: type[T]) -> T:
        if isinstance(value, kind) and isinstance(value, bool) == (kind is bool):
            return value
        found = _KINDS.get(type(value), type(value).__name__)
        raise self.fault(key, f"must be {_KINDS[kind]}, not {found}")
