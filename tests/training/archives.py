"""Small real packages: what the four indexes' archives look like, and Python sources to put into them."""

import hashlib
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from byte_lsp.training.sources import Index, Language, Source, Split

MIT = (
    "MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy of this "
    "software and associated documentation files, to deal in the Software without restriction.\n"
)


def use_index(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make a folder of wheels all that pip knows of."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        patch.delenv(name, raising=False)
    patch.setenv("PIP_CONFIG_FILE", os.devnull)
    patch.setenv("PIP_NO_INDEX", "1")
    patch.setenv("PIP_FIND_LINKS", str(folder))


def make_wheel(folder: Path, name: str, files: Mapping[str, str], *, licence: str = "MIT") -> Path:
    """A wheel of version 1.0 that pip takes."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    content = dict(files) | {
        f"{info}/METADATA": (
            f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: {licence}\n"
        ),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    content[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in content)
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in content.items():
            archive.writestr(zipfile.ZipInfo(each), text)
    return path


def make_tar(path: Path, files: Mapping[str, str]) -> Path:
    """A tar archive, compressed as the end of its name says."""
    kinds = {".tgz": "w:gz", ".gz": "w:gz", ".xz": "w:xz"}
    path.write_bytes(_tar(files, kinds[path.suffix]))
    return path


def _tar(files: Mapping[str, str], mode: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:  # type: ignore[call-overload]
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def make_npm(folder: Path, name: str, files: Mapping[str, str], *, licence: str = "MIT") -> Path:
    """What ``npm pack`` gives for version 1.0.0."""
    package = json.dumps({"name": name, "version": "1.0.0", "license": licence})
    inside = {f"package/{path}": text for path, text in files.items()}
    return make_tar(folder / f"{name}-1.0.0.tgz", {"package/package.json": package} | inside)


def make_deb(folder: Path, name: str, files: Mapping[str, str]) -> Path:
    """A Debian package of version 1.0-1, whose files are as they will lie on a machine."""
    control = (
        f"Package: {name}\nVersion: 1.0-1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: test\n"
    )
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": _tar({"./control": control}, "w:xz"),
        "data.tar.xz": _tar({f"./{path}": text for path, text in files.items()}, "w:xz"),
    }
    path = folder / f"{name}_1.0-1_all.deb"
    with path.open("wb") as archive:
        archive.write(b"!<arch>\n")
        for member, content in members.items():
            archive.write(f"{member:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            archive.write(content + b"\n" * (len(content) % 2))
    return path


def make_dsc(folder: Path, name: str, files: Mapping[str, str], copyright_text: str) -> Path:
    """A Debian source package of version 1.0-1: the .dsc, and beside it what it lists."""
    parts = [
        make_tar(
            folder / f"{name}_1.0.orig.tar.gz", {f"{name}-1.0/{path}": text for path, text in files.items()}
        ),
        make_tar(folder / f"{name}_1.0-1.debian.tar.xz", {"debian/copyright": copyright_text}),
    ]
    lines = [f" {sha256(part)} {part.stat().st_size} {part.name}" for part in parts]
    path = folder / f"{name}_1.0-1.dsc"
    head = f"Format: 3.0 (quilt)\nSource: {name}\nBinary: {name}\nArchitecture: all\nVersion: 1.0-1\n"
    path.write_text(head + "Maintainer: A <a@b.c>\nChecksums-Sha256:\n" + "\n".join(lines) + "\n")
    return path


def make_source(
    index: Index,
    archive: Path,
    *,
    name: str,
    language: Language = "python",
    split: Split = "train",
    licence: str = "MIT",
) -> Source:
    """The manifest's entry for an archive that the functions above made."""
    version = {"pypi": "1.0", "npm": "1.0.0"}.get(index, "1.0-1")
    return Source(index, name, version, sha256(archive), licence, (language,), split)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def python_file(topic: str, functions: int = 6) -> str:
    """Source text of which no two topics share a run of words."""
    lines = [f'"""What {topic} does."""\n']
    for number in range(functions):
        a, b, c = (f"{topic}_{word}{number}" for word in ("apple", "berry", "cherry"))
        lines.append(
            f"\n\ndef {a}({b}, {c}):\n"
            f"    {topic}_total = {b} + {c}\n"
            f"    for {topic}_each in {topic}_items({c}):\n"
            f"        {topic}_total += {topic}_each * {topic}_scale{number}\n"
            f"    return {topic}_total\n"
        )
    return "".join(lines)
