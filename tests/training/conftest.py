"""A small data set, and what turns it into examples for the default model."""

import gzip
import json
from pathlib import Path

import pytest

from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.catalog import load_catalog
from byte_lsp.infill.layouts import Form, find_form
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer
from byte_lsp.training.documents import Document
from byte_lsp.training.examples import ExampleMaker

SOURCES = Path(__file__).parents[2] / "byte_lsp"


@pytest.fixture(scope="session")
def tokenizer(smollm2_path: Path) -> Tokenizer:
    return load_tokenizer(smollm2_path)


@pytest.fixture(scope="session")
def form(tokenizer: Tokenizer) -> Form:
    return find_form(tokenizer.vocabulary, load_catalog().family("smollm2-fim"))


@pytest.fixture(scope="session")
def framing(tokenizer: Tokenizer) -> Framing:
    return frame(tokenizer.vocabulary, "<|endoftext|>", ("<|endoftext|>", "<|im_end|>"))


@pytest.fixture(scope="session")
def end_token(tokenizer: Tokenizer) -> int:
    return tokenizer.vocabulary.ids_of_spelling["<|endoftext|>"]


@pytest.fixture(scope="session")
def maker(tokenizer: Tokenizer, form: Form, framing: Framing, end_token: int) -> ExampleMaker:
    return ExampleMaker(tokenizer, form, framing, end_token)


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    """byte-lsp's own sources, in packages by folder."""
    return [
        Document(path.parent.name, path.relative_to(SOURCES).as_posix(), "python", path.read_bytes())
        for path in sorted(SOURCES.rglob("*.py"))
        if path.stat().st_size > 1500
    ]


@pytest.fixture(scope="session")
def data_set(documents: list[Document], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as ``byte_lsp.training.data`` leaves it, with one document in five for validation."""
    folder = tmp_path_factory.mktemp("data")
    for split, some in (("train", [d for i, d in enumerate(documents) if i % 5]), ("valid", documents[::5])):
        (folder / split).mkdir()
        with gzip.open(folder / split / "python.jsonl.gz", "wt", encoding="utf-8") as shard:
            for each in some:
                row = {
                    "package": each.package,
                    "path": each.path,
                    "language": "python",
                    "text": each.text.decode(),
                }
                shard.write(json.dumps(row) + "\n")
    shards = {f"{split}/python": {"sha256": split} for split in ("train", "valid")}
    (folder / "manifest.json").write_text(json.dumps({"shards": shards}))
    return folder
