"""``python -m editors.release``: see the package's documentation."""

import argparse
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from editors.release.archives import check_sums, write_sums
from editors.release.checks import CHECKS, Release
from editors.release.emacs import build_emacs
from editors.release.errors import Missing, ReleaseError
from editors.release.neovim import build_neovim
from editors.release.python_packages import build_python, check_metadata
from editors.release.versions import PLACES, read_place, read_version, set_version
from editors.release.vscode import build_vscode

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 1 for a failure, 2 for wrong usage."""
    args = build_parser().parse_args(arguments)
    try:
        code: int = args.run(args)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return code


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m editors.release", description="Make a release of byte-lsp."
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    version = commands.add_parser("version", help="print the version, and every place that names it")
    version.set_defaults(run=print_version)

    setting = commands.add_parser("set-version", help="write the version everywhere")
    setting.add_argument("version", metavar="X.Y.Z")
    setting.set_defaults(run=write_version)

    build = commands.add_parser("build", help="build everything into a folder")
    build.add_argument("--out", type=Path, default=Path("dist"), metavar="DIST")
    build.set_defaults(run=build_release)

    check = commands.add_parser("check", help="install what was built into empty environments")
    check.add_argument("out", type=Path, nargs="?", default=Path("dist"), metavar="DIST")
    check.set_defaults(run=check_release)

    both = commands.add_parser("make", help="build, then check")
    both.add_argument("--out", type=Path, default=Path("dist"), metavar="DIST")
    both.set_defaults(run=make_release)

    for command in (build, check, both):
        command.add_argument("--all", action="store_true", help="a program that is missing is an error")
    for command in (check, both):
        command.add_argument(
            "--only", nargs="+", choices=CHECKS, metavar="CHECK", help=f"of {', '.join(CHECKS)}"
        )
    return parser


def print_version(args: argparse.Namespace) -> int:
    for place in PLACES:
        print(f"{read_place(ROOT, place):10} {place.path}")
    read_version(ROOT)
    return 0


def write_version(args: argparse.Namespace) -> int:
    changed = set_version(ROOT, args.version)
    print("\n".join(changed) or f"it was {args.version} already")
    return 0


def make_release(args: argparse.Namespace) -> int:
    return build_release(args) or check_release(args)


def build_release(args: argparse.Namespace) -> int:
    version = read_version(ROOT)
    out: Path = args.out
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise ReleaseError(
            f"{out} is not empty: name a new folder, or remove what an earlier release left there."
        )
    files = build_python(ROOT, out)
    wheel = next(file for file in files if file.suffix == ".whl")
    check_metadata(files)
    files += [build_neovim(ROOT, out, version), build_emacs(ROOT, out, version)]

    def add_extension() -> str:
        files.append(build_vscode(ROOT, out, version, wheel))
        return "packaged"

    fine = tell("vscode", add_extension, needed=args.all)
    write_sums(out, files)
    for file in files:
        print(f"{file.stat().st_size:>10,}  {file}")
    return 0 if fine else 1


def check_release(args: argparse.Namespace) -> int:
    release = find_release(args.out)
    names = args.only or CHECKS
    fine = [tell(name, partial(CHECKS[name], release), needed=args.all) for name in names]
    return 0 if all(fine) else 1


def find_release(out: Path) -> Release:
    """The release in a folder, unchanged since it was built. Errors: ``ReleaseError``."""
    version = read_version(ROOT)
    release = Release(
        root=ROOT,
        version=version,
        wheel=out / f"byte_lsp-{version}-py3-none-any.whl",
        sdist=out / f"byte_lsp-{version}.tar.gz",
        neovim=out / f"byte-lsp.nvim-{version}.tar.gz",
        emacs=out / f"byte-lsp-{version}.tar",
        vsix=out / f"byte-lsp-{version}.vsix",
    )
    listed = check_sums(out)
    always = (release.wheel, release.sdist, release.neovim, release.emacs)
    absent = [file.name for file in always if file not in listed]
    if absent:
        raise ReleaseError(f"{out} holds no {', '.join(absent)}: build version {version} there first.")
    return release


def tell(name: str, step: Callable[[], str], *, needed: bool) -> bool:
    """Run a step and print how it went. False where it failed, or was ``needed`` and could not be done."""
    try:
        print(f"ok       {name}: {step()}", flush=True)
    except Missing as missing:
        print(f"{'MISSING' if needed else 'skipped':8} {name}: {missing}", flush=True)
        return not needed
    except ReleaseError as error:
        print(f"FAILED   {name}: {error}", flush=True)
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
