"""Packs: rows of one length, hardly padded, the same ones for a seed."""

import random
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from byte_lsp.errors import TrainingError
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.training.documents import Document, Documents, read_documents
from byte_lsp.training.examples import ExampleMaker
from byte_lsp.training.packs import ROW_SHARES, Packer, fill_rows


@pytest.fixture
def packer(data_set: Path, maker: ExampleMaker) -> Packer:
    return Packer(read_documents(data_set, "train"), maker, {"python": 1.0}, seed=7)


def test_rows_hold_their_examples(packer: Packer, tokenizer: Tokenizer) -> None:
    examples = [packer.example(256, random.Random(seed)) for seed in range(6)]
    pack = fill_rows(examples, 256)
    for row, example in enumerate(examples):
        used = len(example.tokens) - 1
        assert tuple(pack.inputs[row, :used]) == example.tokens[:-1]
        assert tuple(pack.targets[row, :used]) == example.tokens[1:]
        assert pack.weights[row, :used] == pytest.approx(example.weights)
        assert not pack.weights[row, used:].any()
    assert sorted(pack.begun.values()) == sorted(each.begun for each in examples if each.begun) != []
    pieces, targets = tokenizer.vocabulary.pieces, pack.targets.flatten()
    assert all(pieces[targets[place]].startswith(start) for place, start in pack.begun.items())


def test_a_number_names_a_pack(packer: Packer, data_set: Path, maker: ExampleMaker) -> None:
    again = Packer(read_documents(data_set, "train"), maker, {"python": 1.0}, seed=7)
    other = Packer(read_documents(data_set, "train"), maker, {"python": 1.0}, seed=8)
    for number in (3, 0):
        first, second = packer.pack(number, 1024), again.pack(number, 1024)
        assert np.array_equal(first.inputs, second.inputs)
        assert np.array_equal(first.weights, second.weights)
        assert first.begun == second.begun
    assert not np.array_equal(packer.pack(0, 1024).inputs, other.pack(0, 1024).inputs[: len(first.inputs)])


def test_rows_are_full_and_of_all_lengths(packer: Packer) -> None:
    packs = [packer.pack(number, 1024) for number in range(80)]
    assert {pack.inputs.shape[1] for pack in packs} == set(ROW_SHARES)
    assert all(pack.tokens == 1024 for pack in packs)
    filled = sum(int((pack.targets > 0).sum()) for pack in packs) / sum(pack.tokens for pack in packs)
    assert filled > 0.9


def test_languages_come_in_their_shares(maker: ExampleMaker, documents: list[Document]) -> None:
    fake = [Document(each.package, each.path, "go", each.text) for each in documents]
    packer = Packer(Documents({"python": documents, "go": fake}), maker, {"python": 3, "go": 1}, 0)
    rng = random.Random(0)
    drawn = Counter(packer.example(256, rng).language for _ in range(200))
    assert drawn["go"] / 200 == pytest.approx(0.25, abs=0.1)


def test_a_share_of_the_examples_is_one_definition_each(
    maker: ExampleMaker, tokenizer: Tokenizer, documents: list[Document]
) -> None:
    def share(excerpts: float) -> float:
        packer = Packer(Documents({"python": documents}), maker, {"python": 1}, 0, excerpts=excerpts)
        rng = random.Random(1)
        texts = [tokenizer.decode(packer.example(256, rng).tokens) for _ in range(150)]
        return (
            sum(len(re.findall(rb"\n(?:def|class|import|from|[A-Z_]+ =)\b", text)) < 2 for text in texts)
            / 150
        )

    assert share(1.0) > 0.95
    assert share(0.0) + 0.1 < share(0.5) < share(1.0) - 0.1


def test_where_a_document_has_no_definition_another_is_drawn(
    maker: ExampleMaker, tokenizer: Tokenizer, documents: list[Document]
) -> None:
    bare = [
        Document("tables", f"{index}.py", "python", b"".join(b"ROW_%d = %d\n" % (n, n) for n in range(400)))
        for index in range(len(documents))
    ]
    packer = Packer(Documents({"python": documents + bare}), maker, {"python": 1}, 0, excerpts=1.0)
    rng = random.Random(4)
    texts = [tokenizer.decode(packer.example(128, rng).tokens) for _ in range(100)]
    assert sum(b"ROW_" in text for text in texts) < 10
    alone = Packer(Documents({"python": bare}), maker, {"python": 1}, 0, excerpts=1.0)
    assert b"ROW_" in tokenizer.decode(alone.example(128, rng).tokens)


def test_a_last_line_is_one_of_a_definition_alone(
    maker: ExampleMaker, tokenizer: Tokenizer, documents: list[Document]
) -> None:
    packer = Packer(Documents({"python": documents}), maker, {"python": 1}, 0, excerpts=0.0)
    rng = random.Random(2)
    drawn = [packer.example(length, rng) for length in (128, 256) for _ in range(200)]
    last = [tokenizer.decode(each.tokens) for each in drawn if each.kind == "last"]
    assert len(last) > 10
    alone = [len(re.findall(rb"(?m)^(?:def|class|import|from)\b", text)) < 2 for text in last]
    assert sum(alone) > 0.9 * len(alone)


def test_large_packages_are_held_back() -> None:
    sizes = {("small", "a"): 100, ("large", "b"): 1200, ("large", "c"): 400}
    files = [Document(package, path, "c", b"x" * size) for (package, path), size in sizes.items()]
    documents, rng = Documents({"c": files}), random.Random(0)
    drawn = Counter(documents.draw("c", rng).path for _ in range(4000))
    assert drawn["a"] / 4000 == pytest.approx(10 / (10 + 40), abs=0.03)
    assert drawn["b"] / drawn["c"] == pytest.approx(3, rel=0.2)


def test_neighbours_are_of_the_same_package() -> None:
    files = [Document(package, path, "c", b"x") for package, path in ("aa", "ab", "bc")]
    documents, rng = Documents({"c": files}), random.Random(0)
    assert {found.path for _ in range(50) if (found := documents.neighbour(files[0], rng))} == {"b"}
    assert documents.neighbour(files[2], rng) is None


def test_missing_languages_are_named(data_set: Path, maker: ExampleMaker) -> None:
    with pytest.raises(TrainingError, match=r"has no rust.*python"):
        Packer(read_documents(data_set, "train"), maker, {"python": 1, "rust": 1}, 0)
    with pytest.raises(TrainingError, match=r"rust\.jsonl\.gz"):
        read_documents(data_set, "train", ("rust",))


def test_damaged_shards_are_named(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    shard = tmp_path / "train" / "c.jsonl.gz"
    shard.write_bytes(b"no gzip")
    with pytest.raises(TrainingError, match=r"c\.jsonl\.gz"):
        read_documents(tmp_path, "train")
