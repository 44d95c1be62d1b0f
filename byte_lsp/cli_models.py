"""``byte-lsp models list | pull NAME | path NAME | verify [NAME]``."""

import argparse
import json
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from byte_lsp.catalog import Model, PathSource, load_catalog
from byte_lsp.errors import ByteLspError
from byte_lsp.models.cache import file_path, local_path
from byte_lsp.models.check import check, state, verify
from byte_lsp.models.progress import progress_bar
from byte_lsp.models.pull import pull

_INTERRUPTED = 130


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``models`` to the command line; its arguments go to ``run``."""
    parser = subparsers.add_parser("models", help="list, pull and verify model files")
    commands = parser.add_subparsers(dest="models_command", required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the models of the catalogue and what is on this machine")
    listing.add_argument("--json", action="store_true", help="print JSON")
    pulling = commands.add_parser("pull", help="fetch a model file, or replace one that is bad")
    pulling.add_argument("name", metavar="NAME")
    locating = commands.add_parser("path", help="print where a model file lies")
    locating.add_argument("name", metavar="NAME")
    verifying = commands.add_parser("verify", help="read model files whole and compare their sha256")
    verifying.add_argument("name", metavar="NAME", nargs="?", help="default: every model that was pulled")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the arguments say; returns the exit code. Errors are printed on stderr, one line each."""
    try:
        match args.models_command:
            case "list":
                return _list(as_json=args.json)
            case "pull":
                return _pull(args.name)
            case "path":
                return _path(args.name)
            case _:
                return _verify(args.name)
    except ByteLspError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted")
        return _INTERRUPTED


def _list(*, as_json: bool) -> int:
    catalog = load_catalog()
    if as_json:
        entries = [_describe(model, is_default=model.name == catalog.default) for model in catalog]
        print(json.dumps(entries, indent=2))
    else:
        Console().print(_table(catalog, catalog.default))
    return 0


def _pull(name: str) -> int:
    model = load_catalog().resolve(name)
    print(f"{model.title}, licence: {model.licence}, from {model.source}", file=sys.stderr)
    with progress_bar(f"pulling {model.name}") as progress:
        path = pull(model, progress=progress)
    print(path)
    return 0


def _path(name: str) -> int:
    model = load_catalog().resolve(name)
    if local_path(model) is None and not isinstance(model.source, PathSource):
        return _fail(f"{model.name} is not on this machine; run: byte-lsp models pull {model.name}")
    print(check(model))
    return 0


def _verify(name: str | None) -> int:
    catalog = load_catalog()
    models = [catalog.resolve(name)] if name else [model for model in catalog if local_path(model)]
    if not models:
        print("no model was pulled yet")
    bad = 0
    for model in models:
        verification = verify(model)
        if verification.ok:
            print(f"{model.name}: ok, sha256 {verification.found_sha256}")
        else:
            bad += 1
            hint = "" if isinstance(model.source, PathSource) else f"; run: byte-lsp models pull {model.name}"
            _fail(f"{verification.problem}{hint}")
    return 1 if bad else 0


def _describe(model: Model, *, is_default: bool) -> dict[str, object]:
    return {
        "name": model.name,
        "title": model.title,
        "default": is_default,
        "size_bytes": _size_bytes(model),
        "licence": model.licence,
        "layout": model.layout,
        "context_tokens": model.context_tokens,
        "state": state(model),
        "tried": model.tried,
        "source": str(model.source),
        "path": str(path) if (path := local_path(model)) else None,
    }


def _table(models: Iterable[Model], default: str) -> Table:
    table = Table("name", "size", "licence", "layout", "state", "tried", box=None, header_style="bold")
    table.columns[0].no_wrap = True
    for model in models:
        size_bytes = _size_bytes(model)
        table.add_row(
            f"{model.name} (default)" if model.name == default else model.name,
            "" if size_bytes is None else f"{size_bytes / 1e6:,.0f} MB",
            model.licence,
            model.layout,
            state(model),
            "tried" if model.tried else "untried",
        )
    return table


def _size_bytes(model: Model) -> int | None:
    if model.size_bytes is None and local_path(model):
        return file_path(model).stat().st_size
    return model.size_bytes


def _fail(message: str) -> int:
    print(f"byte-lsp: {message}", file=sys.stderr)
    return 1
