"""The VS Code extension, with the wheel of its version inside: it installs the server that it belongs to."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from editors.release.archives import release_time
from editors.release.errors import ReleaseError
from editors.release.tools import find_tool, run_tool

_MADE_HERE = ("node_modules", "dist", "*.vsix", "*.whl")


def build_vscode(root: Path, out: Path, version: str, wheel: Path) -> Path:
    """Write ``byte-lsp-VERSION.vsix``; returns its path. Errors: ``ReleaseError``, ``Missing``."""
    npm = find_tool("npm", "install Node.js 20 or newer")
    vsix = out.resolve() / f"byte-lsp-{version}.vsix"
    with TemporaryDirectory(prefix="byte-lsp-vsix-") as scratch:
        folder = Path(scratch) / "vscode"
        shutil.copytree(root / "editors" / "vscode", folder, ignore=shutil.ignore_patterns(*_MADE_HERE))
        (folder / "server").mkdir(exist_ok=True)
        shutil.copy(wheel, folder / "server")
        epoch = {"SOURCE_DATE_EPOCH": str(release_time())}
        run_tool(npm, "ci", "--no-audit", "--no-fund", cwd=folder)
        run_tool(npm, "run", "package", "--", "--out", vsix, cwd=folder, env=epoch)
    if not vsix.exists():
        raise ReleaseError(f"vsce ended well but wrote no {vsix}.")
    return vsix
