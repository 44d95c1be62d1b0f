"""Model files from the Hugging Face hub, through the hub's own client.

The client's ``hf_hub_download`` throws a partial file away when its process ends, so the transfer goes
through the function beneath it into our own part file, which the next pull takes up.

This module imports ``huggingface_hub``; only an explicit pull imports this module.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from huggingface_hub import get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (  # type: ignore[attr-defined]
    EntryNotFoundError,
    GatedRepoError,
    HTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from byte_lsp.catalog import HubSource
from byte_lsp.errors import CatalogError, ModelFileError
from byte_lsp.models.part_file import PartFile

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class HubFile:
    """What the hub says of one file, at one commit."""

    url: str
    size_bytes: int
    sha256: str


def look_up(source: HubSource) -> HubFile:
    """Ask the hub for the file's size and sha256.

    Errors: ``CatalogError`` if there is no such file or one must log in; ``ModelFileError`` otherwise.
    """
    with _hub_errors_explained(source):
        url = hf_hub_url(source.repo, source.file, revision=source.revision)
        found = get_hf_file_metadata(url, headers=build_hf_headers())
    sha256 = (found.etag or "").lower()
    if not found.size or found.size < 0 or found.commit_hash is None or not _SHA256.fullmatch(sha256):
        raise CatalogError(
            f"the hub gives no size and sha256 for {source.file} in {source.repo}; it cannot be verified"
        )
    return HubFile(hf_hub_url(source.repo, source.file, revision=found.commit_hash), found.size, sha256)


def fetch(source: HubSource, file: HubFile, part: PartFile) -> None:
    """Write into ``part`` what it lacks of the file. Errors: as ``look_up``; ``Cancelled``; ``OSError``."""
    with _hub_errors_explained(source):
        http_get(
            file.url,
            part,
            resume_size=part.done_bytes,
            headers=build_hf_headers(),
            expected_size=file.size_bytes,
        )


@contextmanager
def _hub_errors_explained(source: HubSource) -> Iterator[None]:
    try:
        yield
    except GatedRepoError as error:
        raise CatalogError(
            f"{source.repo} wants its licence accepted: do so on its page, then run: hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise CatalogError(
            f"the hub has no repository {source.repo}, or one must log in to see it"
        ) from error
    except RevisionNotFoundError as error:
        raise CatalogError(
            f"{source.repo} has no revision {source.revision}; correct the catalogue"
        ) from error
    except EntryNotFoundError as error:
        raise CatalogError(
            f"{source.repo} has no file {source.file} at revision {source.revision}; correct the catalogue"
        ) from error
    except (HTTPError, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelFileError(
            f"the transfer of {source.file} from the hub failed ({reason}); "
            f"check the network, then pull again"
        ) from error
