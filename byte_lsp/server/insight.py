"""What an editor may ask in order to show it: what each treatment of a cursor says, and the models."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from byte_lsp.errors import ByteLspError
from byte_lsp.server.asking import failed, line_end
from byte_lsp.server.secret_guard import without_secrets
from byte_lsp.server.server import ByteLspServer
from byte_lsp.server.suggestions import pose, read_result, slot_at
from byte_lsp.server.threads import in_thread
from byte_lsp.settings import Settings, read_members

if TYPE_CHECKING:
    from byte_lsp.catalog import Catalog, Model
    from byte_lsp.infill.problem import Arm, InfillProblem, InfillResult
    from byte_lsp.server.documents import Document

COMPARE = "byteLsp/compare"
MODELS = "byteLsp/models"
ARMS: tuple[Arm, ...] = ("plain", "healing", "exact")


async def compare(ls: ByteLspServer, params: object) -> dict[str, Any]:
    """One line that each way to treat the cursor would go on with, all else being equal.

    It is no typing: nothing is remembered or held back. Errors: ``JsonRpcException`` saying why there is
    nothing to compare.
    """
    asked = ls.protocol.read(params, types.TextDocumentPositionParams)
    uri = asked.text_document.uri
    document = ls.documents.get(uri)
    if document is None:
        raise JsonRpcInvalidParams("the document is not open")
    if excluded := ls.privacy.exclusion(document.file_uri):
        raise JsonRpcException(f"off for this file: {excluded.reason}", types.LSPErrorCodes.RequestFailed)
    problem = _pose_one_line(ls, document, asked.position)
    work = _ask_each(ls, problem, line_end(ls, document))
    try:
        with ls.status.at_work():
            return {"arms": await ls.in_flight.wait(uri, COMPARE, work)}
    except ByteLspError as error:
        raise failed(error) from error


async def models(ls: ByteLspServer, params: object) -> dict[str, Any]:
    """The catalogue, which of its models are on this machine, and which of them is in use."""
    try:
        return {"models": await in_thread(lambda: list_models(ls.settings))}
    except ByteLspError as error:
        raise failed(error) from error


def list_models(settings: Settings) -> list[dict[str, Any]]:
    """The models by name, in the catalogue's order. Files are looked for and not read."""
    from byte_lsp.catalog import load_catalog  # noqa: PLC0415

    catalog = load_catalog()
    in_use = _models_in_use(catalog, settings)
    others = [model for name, model in in_use.items() if name not in catalog.models]
    return [_describe(model, is_current=model.name in in_use) for model in (*catalog, *others)]


def _pose_one_line(ls: ByteLspServer, document: Document, position: types.Position) -> InfillProblem:
    slot = slot_at(document, position)
    problem = pose(document, slot, ls.settings, ls.neighbours, invoked=True)
    return replace(
        problem,
        alternatives=1,
        draws=1,
        max_lines=1,
        temperature=0.0,
        suffix_fit=False,  # only "exact" has it
        deadline_ms=0.0,  # or the first one would be asked with a smaller prompt
    )


async def _ask_each(ls: ByteLspServer, problem: InfillProblem, ends: bytes) -> list[dict[str, str]]:
    found = []
    is_ensemble = len(read_members(ls.settings)) > 1
    for arm in ARMS[-1:] if is_ensemble else ARMS:  # an ensemble goes byte by byte: it has no other way
        posed = replace(problem, arm=arm)
        work = ls.model.infill(posed, _overlook)
        if work is None:
            raise JsonRpcException(
                f"the model {ls.model.name} is not loaded", types.LSPErrorCodes.RequestFailed
            )
        result = without_secrets(posed, await asyncio.wrap_future(work))
        text = next((each.text for each in read_result(result, ends)), "")
        found.append({"arm": arm, "text": text})
    ls.counters["compared"] += 1
    return found


def _overlook(result: InfillResult | None) -> None:
    """Nothing is answered unfinished where all of it is waited for."""


def _models_in_use(catalog: Catalog, settings: Settings) -> dict[str, Model]:
    """The models that the settings name, as far as there are such."""
    found: dict[str, Model] = {}
    try:
        for member in read_members(settings):
            model = catalog.resolve(member.model)
            found[model.name] = model
    except ByteLspError:  # the status says what is wrong with them
        return found
    return found


def _describe(model: Model, *, is_current: bool) -> dict[str, Any]:
    from byte_lsp.models import local_path  # noqa: PLC0415

    path = local_path(model)
    return {
        "name": model.name,
        "description": model.title,
        "licence": model.licence,
        "bytes": path.stat().st_size if model.size_bytes is None and path else model.size_bytes,
        "installed": path is not None,
        "current": is_current,
    }


FEATURES: dict[str, Callable[..., Any]] = {COMPARE: compare, MODELS: models}
