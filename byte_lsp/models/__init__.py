"""Model files: getting them from where the catalogue says, keeping them in the cache, checking them."""

from byte_lsp.models.check import State, Verification, state, verify
from byte_lsp.models.pull import ensure, local_path, pull

__all__ = ["State", "Verification", "ensure", "local_path", "pull", "state", "verify"]
