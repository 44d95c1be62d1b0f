"""The wheel and the source archive that PyPI gets."""

import sys
from importlib.util import find_spec
from pathlib import Path

from editors.release.archives import release_time
from editors.release.errors import Missing, ReleaseError
from editors.release.tools import run_tool


def build_python(root: Path, out: Path) -> list[Path]:
    """Build the source archive, and the wheel from it: so that one builds. Errors: ``ReleaseError``."""
    require_modules("build", "hatchling")
    before = set(out.iterdir())
    epoch = {"SOURCE_DATE_EPOCH": str(release_time())}
    run_tool(sys.executable, "-m", "build", "--no-isolation", "--outdir", out, root, env=epoch)
    made = sorted(set(out.iterdir()) - before)
    if [file.suffix for file in made] != [".whl", ".gz"]:
        raise ReleaseError(
            f"expected a wheel and a source archive in {out}, got {[file.name for file in made]}"
        )
    return made


def check_metadata(packages: list[Path]) -> None:
    """What PyPI would refuse or not render is an error here. Errors: ``ReleaseError``."""
    require_modules("twine")
    run_tool(sys.executable, "-m", "twine", "check", "--strict", *packages)


def require_modules(*names: str) -> None:
    missing = [name for name in names if find_spec(name) is None]
    if missing:
        raise Missing(f'{sys.executable} has no {", ".join(missing)}: pip install ".[release]"')
