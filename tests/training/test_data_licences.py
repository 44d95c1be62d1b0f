"""What a package says of its licence has to be what the manifest says."""

from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.errors import DataSetError
from byte_lsp.training.archives import read_members
from byte_lsp.training.licences import (
    Declared,
    check_licence,
    identify_text,
    is_permitted,
    parse_licence,
    tells_licence,
)
from byte_lsp.training.sources import Source
from tests.training.archives import MIT, make_deb, make_dsc, make_npm, make_source, make_wheel

_GPL = "This package is free software under the terms of the GNU General Public License."
_BSD = "Redistributions of source code must retain the above copyright notice, this list of conditions."


def _check(source: Source, *archives: Path) -> Declared:
    return check_licence(source, list(read_members(source, archives, tells_licence)))


@pytest.mark.parametrize(
    ("expression", "alternatives"),
    [
        ("MIT", [{"MIT"}]),
        ("MIT OR Apache-2.0", [{"MIT"}, {"Apache-2.0"}]),
        ("(MIT AND Zlib) or GPL-2+", [{"MIT", "Zlib"}, {"GPL-2+"}]),
        ("Apache-2.0 and (MIT or ISC)", [{"Apache-2.0", "MIT"}, {"Apache-2.0", "ISC"}]),
        ("Unlicense/MIT", [{"Unlicense"}, {"MIT"}]),
        ("Expat, and BSD-3-clause-Google", [{"MIT", "BSD-3-Clause"}]),
        ("Apache-2.0 WITH LLVM-exception", [{"Apache-2.0"}]),
        ("Apache License, Version 2.0", [{"Apache-2.0"}]),
        ("", []),
    ],
)
def test_expressions_of_every_index_are_read(expression: str, alternatives: list[set[str]]) -> None:
    assert [set(each) for each in parse_licence(expression)] == alternatives


def test_a_licence_is_permitted_where_one_alternative_is() -> None:
    assert is_permitted(parse_licence("GPL-2+ or MIT"))
    assert not is_permitted(parse_licence("GPL-2+ and MIT"))
    assert not is_permitted(parse_licence("LGPL-2.1+"))
    assert not is_permitted(())


@pytest.mark.parametrize(
    ("text", "licences"),
    [(MIT, {"MIT"}), (_GPL, {"GPL"}), (_BSD, {"BSD-2-Clause"}), ("Do what you want.", set())],
)
def test_licence_texts_are_told_apart(text: str, licences: set[str]) -> None:
    assert identify_text(text.replace(" ", "\n * ")) == licences
    assert "BSD-3-Clause" in identify_text(_BSD + " The name may not be used to endorse or promote products.")


@pytest.mark.parametrize("said", ["GPL-3.0-only", "Apache-2.0", "MIT AND GPL-2.0-or-later"])
def test_a_wheel_of_another_licence_is_refused_by_name(tmp_path: Path, said: str) -> None:
    wheel = make_wheel(tmp_path, "one", {}, licence=said)
    with pytest.raises(DataSetError, match=r"pypi one 1\.0: the manifest says MIT, the package says"):
        _check(make_source("pypi", wheel, name="one"), wheel)


def test_a_wheel_that_says_the_same_passes(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "one", {}, licence="MIT OR GPL-3.0-only")
    assert _check(make_source("pypi", wheel, name="one"), wheel).permits("one/a.py")


def test_an_npm_package_of_another_licence_is_refused_by_name(tmp_path: Path) -> None:
    tarball = make_npm(tmp_path, "one", {}, licence="SEE LICENSE IN EULA")
    with pytest.raises(DataSetError, match=r"npm one 1\.0\.0: the manifest says MIT"):
        _check(make_source("npm", tarball, name="one"), tarball)


def test_a_licence_that_may_not_be_used_is_refused_whatever_the_package_says(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "one", {}, licence="GPL-3.0-only")
    source = make_source("pypi", wheel, name="one", licence="GPL-3.0-only")
    with pytest.raises(DataSetError, match=r"not among 0BSD, Apache-2\.0"):
        _check(source, wheel)


def test_debian_speaks_of_single_files(tmp_path: Path) -> None:
    said = (
        "Format: 1.0\n\nFiles: *\nCopyright: A\nLicense: Expat\n\n"
        "Files: src/foreign/*\nCopyright: B\nLicense: GPL-2+\n"
        f"\nLicense: Expat\n {MIT.splitlines()[2]}\n"
    )
    dsc = make_dsc(tmp_path, "one", {}, said)
    source = make_source("debian-source", dsc, name="one", language="c")
    declared = _check(source, *sorted(tmp_path.glob("*.tar.*")))
    assert declared.permits("src/one.c")
    assert not declared.permits("src/foreign/one.c")
    with pytest.raises(DataSetError, match="the manifest says ISC, the package says MIT"):
        _check(replace(source, licence="ISC"), *sorted(tmp_path.glob("*.tar.*")))


def test_a_short_name_that_only_debian_knows_counts_as_its_text(tmp_path: Path) -> None:
    said = f"Files: *\nCopyright: A\nLicense: Ours\n\nLicense: Ours\n {MIT.splitlines()[2]}\n"
    deb = make_deb(tmp_path, "one", {"usr/share/doc/one/copyright": said})
    assert _check(make_source("debian", deb, name="one", language="c"), deb).whole == (frozenset({"MIT"}),)


def test_a_package_that_says_nothing_is_refused(tmp_path: Path) -> None:
    deb = make_deb(tmp_path, "one", {"usr/bin/one": "#!/bin/sh\n"})
    with pytest.raises(DataSetError, match="the package says nothing that is known"):
        _check(make_source("debian", deb, name="one", language="shellscript"), deb)
