"""Model files: getting them from where the catalogue says, keeping them in the cache, checking them."""

from byte_lsp.models.cache import local_path
from byte_lsp.models.check import State, Verification, state, verify
from byte_lsp.models.pull import comes_by_itself, ensure, needs_download, origin, pull

__all__ = [
    "State",
    "Verification",
    "comes_by_itself",
    "ensure",
    "local_path",
    "needs_download",
    "origin",
    "pull",
    "state",
    "verify",
]
