"""What the files of a workspace are called, and which of them nobody wants shown to a model."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import unquote, urlsplit

from lsprotocol import types

SHOWN_SCHEMES = {"file", "untitled", "vscode-notebook-cell"}
"""Other schemes show what some file held once (``git:``), or no file at all (``output:``)."""

SECRET_FILES = (
    *(".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.p8", "*.jks", "*.keystore", "*.kdbx", "*.ppk"),
    *("*.gpg", "*.age", "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", "_netrc", ".npmrc"),
    *(".pypirc", ".pgpass", ".my.cnf", ".git-credentials", ".htpasswd", ".dockercfg", "credentials*"),
    *(
        "secret.*",
        "secrets.*",
        "*.secret",
        "*.secrets",
        "*[-_]secrets.*",
        "*.tfvars",
        "*.tfstate",
        "kubeconfig",
    ),
    *(
        "*_rsa",
        "*_ed25519",
        "*.asc",
        "*.ovpn",
        "*service[-_]account*.json",
        "passwords.*",
        ".vault*",
        ".s3cfg",
    ),
)
SECRET_FOLDERS = {".git", ".ssh", ".aws", ".gnupg", ".kube", ".docker", ".azure"}

_DRIVE = re.compile(r"/[A-Za-z]:")


def is_shown(uri: str) -> bool:
    """Whether a document may be shown to a model when another one is edited."""
    *folders, name = path_of(uri).lower().split("/")
    if urlsplit(uri).scheme not in SHOWN_SCHEMES or not SECRET_FOLDERS.isdisjoint(folders):
        return False
    return not any(fnmatchcase(name, pattern) for pattern in SECRET_FILES)


def path_of(uri: str) -> str:
    """A document's path with slashes; a drive's letter in lower case, as editors do not agree on it."""
    path = unquote(urlsplit(uri).path)
    return path[:2].lower() + path[2:] if _DRIVE.match(path) else path


def root_uris(params: types.InitializeParams) -> list[str]:
    """The folders that an editor opened."""
    folders = [folder.uri for folder in params.workspace_folders or ()]
    return folders or ([params.root_uri] if params.root_uri else [])


class Roots:
    """The workspace's folders, by which files are named."""

    def __init__(self, uris: Iterable[str] = ()) -> None:
        self._roots = sorted((path_of(uri).rstrip("/") for uri in uris), key=len, reverse=True)

    def name(self, uri: str) -> tuple[bytes, bytes]:
        """The name of a document's folder in the workspace, and its path below that.

        Outside of the workspace, and where there is none, the file's own name alone.
        """
        path = path_of(uri)
        for root in self._roots:
            if path.startswith(f"{root}/"):
                return root.rpartition("/")[2].encode(), path[len(root) + 1 :].encode()
        return b"", path.rpartition("/")[2].encode()
