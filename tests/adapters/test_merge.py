"""A merged file says what the model says with the adapter applied, and keeps all else."""

import errno
import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gguf.constants import GGMLQuantizationType
from gguf.quants import quantize

from byte_lsp.adapters.container import TensorReader, read_container
from byte_lsp.adapters.merge import merge
from byte_lsp.catalog import MERGED_TYPES, MergedType
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine
from byte_lsp.errors import EngineError, ModelFileError
from byte_lsp.models.check import sha256_of
from byte_lsp.tokens.gguf import read_metadata

from .files import write_model, write_pair
from .rows import Rows, gap, next_token_rows, text_tokens


@pytest.fixture(scope="module")
def merged(smollm2_path: Path, adapter_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("merged") / "merged.gguf"
    merge(smollm2_path, adapter_path, path, "q8_0")
    return path


def test_the_merged_model_says_what_the_adapted_one_says(
    smollm2_path: Path, adapter_path: Path, merged: Path
) -> None:
    tokens = text_tokens(smollm2_path)

    def say(path: Path, adapter: Path | None = None) -> Rows:
        return next_token_rows(EngineConfig(path, 512, safe_path=True, adapter_path=adapter), tokens)

    adapted = say(smollm2_path, adapter_path)
    ours, bare = gap(adapted, say(merged)), gap(adapted, say(smollm2_path))
    assert ours.divergence < 0.01
    assert bare.divergence > 10 * ours.divergence


def test_weights_are_changed_and_all_else_is_kept(
    smollm2_path: Path, adapter_path: Path, merged: Path
) -> None:
    before, after, adapter = (read_container(path) for path in (smollm2_path, merged, adapter_path))
    replaced = {"general.name", "general.file_type"}
    assert after.text("byte_lsp.merged.base.sha256") == sha256_of(smollm2_path)
    assert after.text("byte_lsp.merged.adapter.sha256") == sha256_of(adapter_path)
    assert after.text("general.name") == f"{before.text('general.name')} + random"
    for key, stored in before.stored.items():
        assert key in replaced or after.stored[key] == stored
    assert list(after.tensors) == list(before.tensors)
    old, new, change = TensorReader(before), TensorReader(after), TensorReader(adapter)
    for name in ("token_embd.weight", "blk.7.attn_norm.weight", "output_norm.weight"):
        assert after.tensors[name].type == before.tensors[name].type
        assert bytes(new.raw(name)) == bytes(old.raw(name))
    for name in ("blk.0.attn_q.weight", "blk.29.ffn_down.weight"):
        a, b = change.values(f"{name}.lora_a"), change.values(f"{name}.lora_b")
        expected = old.values(name) + 2 * (b @ a)
        step = np.abs(expected).reshape(expected.shape[0], -1, 32).max(2).repeat(32, 1) / 127
        # Half a step, and what a step of 16 bits is off at most, 127 times.
        assert (np.abs(new.values(name) - expected) <= (0.5 + 127 / 2048) * step + 1e-6).all()


def test_the_same_files_give_the_same_bytes(
    smollm2_path: Path, adapter_path: Path, merged: Path, tmp_path: Path
) -> None:
    again = tmp_path / "again.gguf"
    done = run(smollm2_path, adapter_path, again, "q8_0")
    assert (done.returncode, done.stderr) == (0, "")
    assert again.read_bytes() == merged.read_bytes()


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "byte_lsp.adapters", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, Path]:
    """A model of two weights and an adapter that changes one."""
    return write_pair(tmp_path)


@pytest.mark.parametrize("merged_type", MERGED_TYPES)
def test_every_type(merged_type: MergedType, small: tuple[Path, Path], tmp_path: Path) -> None:
    model, adapter = small
    target = tmp_path / "out.gguf"
    merge(model, adapter, target, merged_type, scale=0.5)
    before, change, after = (TensorReader(read_container(path)) for path in (model, adapter, target))
    values = before.values("w") + 0.5 * (change.values("w.lora_b") @ change.values("w.lora_a"))
    kind = GGMLQuantizationType[merged_type.upper()]
    assert read_container(target).tensors["w"].type == kind
    assert bytes(after.raw("w")) == quantize(values.astype(np.float32), kind).tobytes()
    assert bytes(after.raw("other")) == bytes(before.raw("other"))


def test_files_that_do_not_belong_together(small: tuple[Path, Path], tmp_path: Path) -> None:
    model, adapter = small
    whole = read_container(adapter)
    kind = {"general__type": "adapter", "adapter__type": "lora"}
    llama = {"general__architecture": "llama"}
    wide = np.zeros((2, 96), np.float32)
    thin = np.zeros((4, 2), np.float32)
    assert set(whole.tensors) == {"w.lora_a", "w.lora_b"}
    bad = tmp_path / "bad.gguf"
    cases = [
        ({"w.lora_a": wide, "w.lora_b": thin}, llama | kind, r"cannot change w of \(4, 64\)"),
        ({"v.lora_a": wide, "v.lora_b": thin}, llama | kind, "changes v, which the model does not have"),
        ({"w.lora_a": wide}, llama | kind, r"no \.lora_b"),
        ({"w": wide}, llama | kind, "w is no part of a LoRA adapter"),
        ({}, kind | {"general__architecture": "gemma"}, 'architecture is "gemma" and the model\'s "llama"'),
        ({}, llama, 'not a LoRA adapter: general.type is ""'),
    ]
    for tensors, texts, problem in cases:
        write_model(bad, tensors, **texts)
        with pytest.raises(ModelFileError, match=rf"^{bad}: .*{problem}"):
            merge(model, bad, tmp_path / "out.gguf", "q8_0")
    assert not (tmp_path / "out.gguf").exists()


def test_rows_that_no_block_divides(tmp_path: Path) -> None:
    model = write_model(
        tmp_path / "model.gguf", {"w": np.zeros((2, 40), np.float32)}, general__architecture="llama"
    )
    adapter = write_model(
        tmp_path / "adapter.gguf",
        {"w.lora_a": np.zeros((1, 40), np.float32), "w.lora_b": np.zeros((2, 1), np.float32)},
        general__architecture="llama",
        general__type="adapter",
        adapter__type="lora",
    )
    with pytest.raises(ModelFileError, match=r"model\.gguf: w: rows of 40 values cannot be Q8_0"):
        merge(model, adapter, tmp_path / "out.gguf", "q8_0")
    merge(model, adapter, tmp_path / "out.gguf", "f16")


def test_cut_files_are_said_to_be_truncated(small: tuple[Path, Path], tmp_path: Path) -> None:
    cut = tmp_path / "cut.gguf"
    for at, path in enumerate(small):
        content = path.read_bytes()
        for length in range(4, len(content), 7):
            cut.write_bytes(content[:length])
            files = [cut, small[1]] if at == 0 else [small[0], cut]
            with pytest.raises(ModelFileError, match=r"cut\.gguf.*truncated"):
                merge(*files, tmp_path / "out.gguf", "q8_0")


def test_a_full_disk_leaves_nothing(
    small: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ModelFileError, match=r"no space left for .*; [\d,]+ bytes are needed"):
        merge(*small, tmp_path / "out.gguf", "q8_0")
    assert {each.name for each in tmp_path.iterdir()} == {"model.gguf", "adapter.gguf"}


def test_a_disk_without_room_is_found_out_first(
    small: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(ModelFileError, match="no space left for"):
        merge(*small, tmp_path / "out.gguf", "q8_0")


def test_from_the_command_line_a_fault_is_one_line(small: tuple[Path, Path], tmp_path: Path) -> None:
    done = run(small[0], tmp_path / "none.gguf", tmp_path / "out.gguf", "q8_0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{tmp_path / 'none.gguf'}: no such model file\n"


def test_an_engine_names_the_adapter_that_it_cannot_apply(
    smollm2_path: Path, adapter_path: Path, small: tuple[Path, Path], tmp_path: Path
) -> None:
    content = adapter_path.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(content[: len(content) // 2])
    gemma = tmp_path / "gemma.gguf"
    gemma.write_bytes(content.replace(b"\5\0\0\0\0\0\0\0llama", b"\5\0\0\0\0\0\0\0gemma", 1))
    cases = [
        (cut, "corrupted or incomplete"),
        (gemma, "arch mismatch"),
        (small[1], "does not exist in base model"),
        (smollm2_path, "expect general.type to be 'adapter'"),
        (tmp_path / "none.gguf", "failed to open"),
    ]
    for path, reason in cases:
        with pytest.raises(
            EngineError, match=rf"^{path}: llama\.cpp cannot apply this adapter to .*{reason}"
        ):
            LlamaCppEngine(EngineConfig(smollm2_path, 128, safe_path=True, adapter_path=path))


def test_tokenizers_are_read_alike(smollm2_path: Path, merged: Path) -> None:
    keys = ("tokenizer.ggml.tokens", "tokenizer.ggml.merges", "tokenizer.ggml.token_type")
    before, after = read_metadata(smollm2_path), read_metadata(merged)
    assert all(before[key] == after[key] for key in keys)
    assert struct.unpack_from("<I", merged.read_bytes(), 4) == (3,)
