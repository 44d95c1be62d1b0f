"""What git leaves out: our reading of its files against git itself."""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from byte_lsp.server.gitignore import IgnoreFiles, Patterns

NAMES = ["a", "b", "build", "keep.py", "x.log", ".env", "a b"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4).map("/".join)
LINES = st.one_of(
    st.sampled_from(
        [
            *("build/", "*.log", "!keep.py", "/a", "a/b", "**/b", "a/**", "a/**/b", "!a/", "!build/keep.py"),
            *(
                "build/*",
                "!build/a/",
                "# a",
                "\\#a",
                "",
                "*",
                "!*/",
                "a?b",
                "[a-b]",
                "[!a]",
                "a\\ b",
                "a  ",
                "!",
            ),
            *("/", "**", "/**", "***", "b/**/", "x.*", "!x.log", "*.p[xy]", "[", "a[", "\\", "!/a", "\\!a"),
        ]
    ),
    # No slash inside of brackets, which to git ends no folder's name, and to pathspec does.
    st.text(alphabet="ab*?/!\\. #", max_size=6),
    st.text(alphabet="ab*?![]\\. #", max_size=6),
)
FILES = st.dictionaries(
    st.sampled_from(["", "a", "build", "a/b"]), st.lists(LINES, max_size=5).map(tuple), max_size=3
)


@pytest.fixture(autouse=True)
def lonely_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Neither git nor we see the configuration of whoever runs the tests. Returns its stand-in's folder."""
    home = tmp_path / "home"
    home.mkdir()
    for name in ("HOME", "XDG_CONFIG_HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    return home


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    run = subprocess.run(["git", *arguments], cwd=folder, input=given, capture_output=True, check=False)
    assert run.returncode in (0, 1), run.stderr.decode()
    return run.stdout


def ignored_by_git(top: Path, paths: set[str]) -> set[str]:
    if not paths:
        return set()
    given = "\0".join(sorted(paths)).encode() + b"\0"
    found = git(
        top, "-c", "core.ignoreCase=false", "check-ignore", "--no-index", "--stdin", "-z", given=given
    )
    return {path for path in found.decode().split("\0") if path}


def ignored_by_us(top: Path, paths: set[str]) -> set[str]:
    files = IgnoreFiles()
    return {path for path in paths if files.is_ignored(top / path, top)}


def write(top: Path, files: dict[str, tuple[str, ...]]) -> None:
    for folder, lines in files.items():
        (top / folder).mkdir(parents=True, exist_ok=True)
        (top / folder / ".gitignore").write_text("\n".join(lines), encoding="utf-8")


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FILES, st.sets(PATHS, min_size=1, max_size=12))
@example({"": ("build/", "!build/keep.py")}, {"build/keep.py", "build/a"})
@example({"": ("build/*", "!build/keep.py")}, {"build/keep.py", "build/a"})
@example({"": ("*.log",), "a": ("!x.log",)}, {"a/x.log", "a/b/x.log", "x.log"})
@example({"": ("/a",), "a": ("!b",)}, {"a/b"})
@example({"": ("*", "!*/", "!keep.py")}, {"a/keep.py", "a/b/keep.py", "x.log"})
def test_we_ignore_what_git_ignores(files: dict[str, tuple[str, ...]], paths: set[str]) -> None:
    with TemporaryDirectory() as folder:
        top = Path(folder)
        git(top, "init", "-q", ".")
        write(top, files)
        # A path that goes on below a file is none.
        is_prefix = {one for one in paths for other in paths if other.startswith(f"{one}/")}
        for path in paths - is_prefix:
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            if not (top / path).is_dir():
                (top / path).touch()
        there = {path for path in paths if (top / path).is_file()}
        assert ignored_by_us(top, there) == ignored_by_git(top, there)


def test_the_repositorys_own_file_and_the_users_count(tmp_path: Path, lonely_git: Path) -> None:
    top = tmp_path / "repo"
    top.mkdir()
    git(top, "init", "-q", ".")
    (top / ".git" / "info" / "exclude").write_text("own.py\n!users.md\n", encoding="utf-8")
    (lonely_git / "mine").write_text("users.*\n", encoding="utf-8")
    (lonely_git / ".gitconfig").write_text('[user]\n\tname = "x" # y\n[core]\n\texcludesFile = ~/mine\n')
    (top / ".gitignore").write_text("!own.py\nnested.py\n", encoding="utf-8")
    paths = {"own.py", "users.py", "users.md", "nested.py", "other.py"}
    assert ignored_by_us(top, paths) == ignored_by_git(top, paths) == {"users.py", "nested.py"}


def test_without_a_setting_the_users_file_is_where_git_looks_for_it(tmp_path: Path, lonely_git: Path) -> None:
    top = tmp_path / "repo"
    top.mkdir()
    git(top, "init", "-q", ".")
    (lonely_git / "git").mkdir()
    (lonely_git / "git" / "ignore").write_text("*.tmp\n", encoding="utf-8")
    assert ignored_by_us(top, {"a.tmp", "a.py"}) == ignored_by_git(top, {"a.tmp", "a.py"}) == {"a.tmp"}


def test_in_a_worktree_the_repositorys_own_file_counts(tmp_path: Path) -> None:
    top, tree = tmp_path / "repo", tmp_path / "tree"
    top.mkdir()
    git(top, "init", "-q", ".")
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    git(top, *identity, "commit", "-q", "--allow-empty", "-m", "first")
    git(top, "worktree", "add", "-q", str(tree))
    (top / ".git" / "info" / "exclude").write_text("own.py\n", encoding="utf-8")
    assert ignored_by_us(tree, {"own.py", "b.py"}) == ignored_by_git(tree, {"own.py", "b.py"}) == {"own.py"}


def test_rules_above_a_workspaces_folder_count_up_to_the_top_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, {"": ("*.py",), "repo": ("/part/build/",), "repo/part": ("*.log",)})
    (tmp_path / "repo" / ".git").mkdir()
    folder = tmp_path / "repo" / "part"
    assert ignored_by_us(folder, {"build/a.py", "x.log", "a.py"}) == {"build/a.py", "x.log"}


def test_outside_of_the_workspace_the_files_own_repository_counts(tmp_path: Path) -> None:
    write(tmp_path, {"": ("*.log",)})
    assert not IgnoreFiles().is_ignored(tmp_path / "x.log")
    (tmp_path / ".git").mkdir()
    assert IgnoreFiles().is_ignored(tmp_path / "x.log")


def test_a_changed_file_is_noticed(tmp_path: Path) -> None:
    files = IgnoreFiles()
    write(tmp_path, {"": ("a.py",)})
    assert not files.is_ignored(tmp_path / "sub" / "b.py", tmp_path)
    assert not files.is_outdated()
    write(tmp_path, {"sub": ("b.py",)})
    assert files.is_outdated()
    files.forget()
    assert files.is_ignored(tmp_path / "sub" / "b.py", tmp_path)


def test_what_cannot_be_read_ignores_nothing(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").mkdir()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".gitignore").write_bytes(b"\xff\xfe\n\xef\xbb\xbfx.py\nkept.py\n")
    assert ignored_by_us(tmp_path, {"a.py", "sub/kept.py"}) == {"sub/kept.py"}


def test_a_byte_order_mark_and_carriage_returns_are_no_part_of_a_pattern(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_bytes(b"\xef\xbb\xbfa.py\r\nb.py\r\n")
    os.utime(tmp_path / ".gitignore")
    assert ignored_by_us(tmp_path, {"a.py", "b.py", "c.py"}) == {"a.py", "b.py"}


def test_where_names_have_no_case_patterns_have_none() -> None:
    assert Patterns(("Build/",), folds_case=True).decide("BUILD/x.py") is True
    assert Patterns(("Build/",), folds_case=False).decide("BUILD/x.py") is None
