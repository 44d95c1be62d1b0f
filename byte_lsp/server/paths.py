"""What the files of a workspace are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote

from lsprotocol import types

SHOWN_SCHEMES = {"file", "untitled", "vscode-notebook-cell"}
"""Other schemes show what some file held once (``git:``), or no file at all (``output:``)."""

_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://[^/?#]*)?([^?#]*)")
"""RFC 3986, appendix B, as far as it matters here. It fits every string: no URI is an error."""

_IN_NO_PATH = re.compile("[\x00\ud800-\udfff]")
_DRIVE = re.compile(r"/[A-Za-z]:")


def is_shown(uri: str) -> bool:
    """Whether a document is what somebody writes now; if so it may be shown to a model beside another one."""
    return scheme_of(uri) in SHOWN_SCHEMES


def scheme_of(uri: str) -> str:
    """The scheme in lower case, "" where there is none."""
    found = _URI.match(uri)
    return (found[1] or "").lower() if found else ""


def path_of(uri: str) -> str:
    """A document's path with slashes; a drive's letter in lower case, as editors do not agree on it.

    What no file's path can hold is U+FFFD: a NUL, half a surrogate pair.
    """
    found = _URI.match(uri)
    path = _IN_NO_PATH.sub("\ufffd", unquote(found[2] if found else ""))
    return path[:2].lower() + path[2:] if _DRIVE.match(path) else path


def root_uris(params: types.InitializeParams) -> list[str]:
    """The folders that an editor opened."""
    folders = [folder.uri for folder in params.workspace_folders or ()]
    return folders or ([params.root_uri] if params.root_uri else [])


class Roots:
    """The workspace's folders, by which files are named."""

    def __init__(self, uris: Iterable[str] = ()) -> None:
        paths = filter(None, map(path_of, uris))
        self._roots = sorted((path.rstrip("/") for path in paths), key=len, reverse=True)

    @property
    def folders(self) -> list[str]:
        """The folders' paths, longer ones first."""
        return list(self._roots)

    def name(self, uri: str) -> tuple[bytes, bytes]:
        """The name of a document's folder in the workspace, and its path below that.

        Outside of the workspace, and where there is none, the file's own name alone.
        """
        path = path_of(uri)
        for root in self._roots:
            if path.startswith(f"{root}/"):
                return root.rpartition("/")[2].encode(), path[len(root) + 1 :].encode()
        return b"", path.rpartition("/")[2].encode()

    def folder_of(self, uri: str) -> str | None:
        """The path of the innermost of the workspace's folders that a document is in."""
        path = path_of(uri)
        return next((root for root in self._roots if path.startswith(f"{root}/")), None)
