"""The Neovim plugin as one archive. Unpacked into a ``site`` folder it is installed."""

from pathlib import Path

from editors.release.archives import write_tar
from editors.release.errors import ReleaseError

FOLDER = "pack/byte-lsp/start/byte-lsp.nvim"
_PARTS = {"doc": ".txt", "lsp": ".lua", "lua": ".lua", "plugin": ".lua"}


def build_neovim(root: Path, out: Path, version: str) -> Path:
    """Write ``byte-lsp.nvim-VERSION.tar.gz``; returns its path."""
    files = {f"{FOLDER}/{name}": data for name, data in plugin_files(root).items()}
    return write_tar(out / f"byte-lsp.nvim-{version}.tar.gz", files)


def plugin_files(root: Path) -> dict[str, bytes]:
    """What Neovim reads, by name: no tags, no settings of tools. Errors: ``ReleaseError``."""
    plugin = root / "editors" / "neovim"
    files = {"README.md": plugin / "README.md", "LICENSE": root / "LICENSE"}
    for part, suffix in _PARTS.items():
        found = sorted((plugin / part).rglob(f"*{suffix}"))
        if not found:
            raise ReleaseError(f"{plugin / part} holds no *{suffix}: is this the repository?")
        files |= {file.relative_to(plugin).as_posix(): file for file in found}
    return {name: file.read_bytes() for name, file in files.items()}
