"""Which names of a definition come from somewhere that a reader of it alone cannot see."""

import ast
import builtins
import sys
import typing
import warnings
from collections.abc import Iterator

_KNOWN = frozenset(dir(builtins)) | sys.stdlib_module_names | frozenset(typing.__all__) | {"np"}
_RECEIVERS = ("self", "cls")


def foreign_names(text: bytes) -> frozenset[str] | None:
    """Names that Python source uses and does not bind: the helpers, constants and fields of its file.

    Known are what the source binds anywhere, builtins, modules of the standard library by their own names,
    what ``typing`` exports, and fields that the source itself sets. None for what Python cannot parse.
    """
    tree = _parse(text)
    if tree is None:
        return None
    bound = {*_bound(tree)}
    return frozenset(name for name in _used(tree) if name not in bound and name not in _KNOWN)


def docstring_lines(text: bytes) -> frozenset[int]:
    """The lines, by index from 0, of strings that are statements; none where Python cannot parse."""
    tree = _parse(text)
    return frozenset(
        index
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for index in range(node.lineno - 1, node.end_lineno or node.lineno)
    )


def _parse(text: bytes) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes in other people's strings
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the last two: what nests too deep
        return None


def _bound(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
                yield f".{name}"
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                yield name
                yield f".{name}"  # a class's own field
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.Attribute(value=ast.Name(id=receiver), attr=name, ctx=ast.Store()):
                if receiver in _RECEIVERS:
                    yield f".{name}"


def _used(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=receiver), attr=name, ctx=ast.Load()):
                if receiver in _RECEIVERS:
                    yield f".{name}"
            case ast.Name(id=name, ctx=ast.Load()):
                yield name
