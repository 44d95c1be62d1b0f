"""The transformers engine: the same model as llama.cpp's, files it cannot read, what it keeps to itself."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from byte_lsp.engines.llama_cpp import LlamaCppEngine
from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.engines.transformers import TransformersConfig, TransformersEngine
from byte_lsp.errors import EngineError
from byte_lsp.tokens.tokenizer import load_tokenizer


def test_llama_cpp_and_transformers_agree_on_real_text(
    smollm2_path: Path, reference_engine: LlamaCppEngine, smollm2_torch_engine: TransformersEngine
) -> None:
    text = Path(textwrap.__file__).read_bytes()
    tokens = tuple(load_tokenizer(smollm2_path).encode(text))[:300]
    chain = TokenTree(tokens[:1], tokens[1:], tuple(range(-1, len(tokens) - 2)))
    asked = range(len(tokens) - 2)
    reference_engine.forget()
    smollm2_torch_engine.forget()
    theirs, ours = (
        log_probabilities(engine.evaluate(chain, asked))
        for engine in (reference_engine, smollm2_torch_engine)
    )
    following = np.array(tokens[2:])[:, None]
    likely = np.argpartition(theirs, -50, axis=1)[:, -50:]
    for columns in (following, likely):
        left, right = (np.take_along_axis(rows, columns, 1) for rows in (theirs, ours))
        assert np.abs(left - right).max() < 1e-3


def tiny_folder(folder: Path, config: transformers.PretrainedConfig) -> Path:
    """A model of random weights as the hub has them: config.json and model.safetensors."""
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def tiny_config(kind: str) -> transformers.PretrainedConfig:
    sizes = {
        "vocab_size": 50,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "pad_token_id": 0,
    }
    if kind == "gemma3":
        kinds = ["sliding_attention", "full_attention"] * 2
        return transformers.Gemma3TextConfig(**sizes, sliding_window=6, layer_types=kinds)
    if kind == "mistral":
        return transformers.MistralConfig(**sizes, sliding_window=6)
    if kind == "gemma2":
        return transformers.Gemma2Config(**sizes, sliding_window=6, attn_logit_softcapping=0.5)
    return transformers.LlamaConfig(**sizes)


@pytest.mark.parametrize("kind", ["llama", "mistral", "gemma2", "gemma3"])
def test_trees_and_reuse_say_what_transformers_says_of_each_path(kind: str, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, tiny_config(kind))
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    engine = TransformersEngine(TransformersConfig(folder, context_tokens=200, device="cpu"))
    generator = np.random.default_rng(0)
    text = tuple(generator.integers(1, 50, 150).tolist())
    for length in (20, 120, 119, 60, 61):
        tree = TokenTree(text[:length], (1, 2, 3, 4), (-1, 0, 0, -1))
        paths = [text[:length], *((*text[:length], *tail) for tail in [(1,), (1, 2), (1, 3), (4,)])]
        rows = engine.evaluate(tree, [TRUNK_END, 0, 1, 2, 3])
        for path, row in zip(paths, rows, strict=True):
            with torch.inference_mode():
                logits = model(torch.tensor([path])).logits[0, -1]
            assert logits.numpy() == pytest.approx(row, abs=1e-4)
    engine.close()


def test_bfloat16_says_nearly_the_same(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, tiny_config("llama"))
    rows = []
    for dtype in ("float32", "bfloat16"):
        engine = TransformersEngine(TransformersConfig(folder, 64, "cpu", dtype))
        rows.append(engine.evaluate(TokenTree((1, 2, 3)), [TRUNK_END]))
        engine.close()
    assert 0 < np.abs(rows[0] - rows[1]).max() < 0.1


def test_a_token_that_there_is_not_is_an_engine_error(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, tiny_config("llama"))
    engine = TransformersEngine(TransformersConfig(folder, 64, "cpu"))
    with pytest.raises(EngineError, match="torch failed to evaluate a batch: "):
        engine.evaluate(TokenTree((1, 50)), [TRUNK_END])
    assert engine.evaluate(TokenTree((1, 49)), [TRUNK_END]).shape == (1, 50)
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.evaluate(TokenTree((1,)), [TRUNK_END])


SILENT_LOAD = """
import sys
from pathlib import Path
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.engines.transformers import TransformersConfig, TransformersEngine
engine = TransformersEngine(TransformersConfig(Path(sys.argv[1]), context_tokens=64, device="cpu"))
engine.evaluate(TokenTree((1, 2, 3)), [TRUNK_END])
"""


def test_loading_and_evaluating_print_nothing(smollm2_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SILENT_LOAD, str(smollm2_path)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"", b"")


@pytest.mark.parametrize("kept", [0, 1_000, 3_000_000])
def test_a_truncated_file_is_named(smollm2_path: Path, tmp_path: Path, kept: int) -> None:
    cut = tmp_path / "cut.gguf"
    with smollm2_path.open("rb") as whole:
        cut.write_bytes(whole.read(kept))
    with pytest.raises(EngineError, match=r"cut\.gguf: transformers cannot load this model: \w"):
        TransformersEngine(TransformersConfig(cut))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"none: no such file or folder"):
        TransformersEngine(TransformersConfig(tmp_path / "none"))
    with pytest.raises(EngineError, match="transformers cannot load this model: "):
        TransformersEngine(TransformersConfig(tmp_path))


def test_layers_that_the_engine_does_not_know_are_named(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, tiny_config("gemma3"))
    config = json.loads((folder / "config.json").read_text())
    config["layer_types"] = ["chunked_attention"] * 4
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(EngineError, match="chunked_attention"):
        TransformersEngine(TransformersConfig(folder))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (transformers.BloomConfig(vocab_size=50, hidden_size=32, n_layer=1, n_head=4), "position_ids"),
        (transformers.MptConfig(vocab_size=50, d_model=32, n_layers=1, n_heads=4), "position_ids"),
        (
            transformers.FalconConfig(
                vocab_size=50, hidden_size=32, num_hidden_layers=1, num_attention_heads=4, alibi=True
            ),
            "ALiBi",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else value.model_type,
)
def test_models_that_cannot_read_a_tree_are_named(
    config: transformers.PretrainedConfig, reason: str, tmp_path: Path
) -> None:
    folder = tiny_folder(tmp_path, config)
    with pytest.raises(EngineError, match=rf"(?i){config.model_type}ForCausalLM does not take .*{reason}"):
        TransformersEngine(TransformersConfig(folder))


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks what happens where torch has no CUDA device")
def test_cuda_where_there_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match='device = "cuda"'):
        TransformersEngine(TransformersConfig(tmp_path, device="cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no CUDA device")
def test_cuda_says_what_the_processor_says(tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path, tiny_config("gemma3"))
    tree = TokenTree(tuple(range(1, 40)), (1, 2, 3), (-1, -1, 0))
    rows = []
    for device in ("cpu", "cuda"):
        engine = TransformersEngine(TransformersConfig(folder, 64, device))
        rows.append(engine.evaluate(tree, [TRUNK_END, 1, 2]))
        engine.close()
    assert np.abs(rows[0] - rows[1]).max() < 1e-3


WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from byte_lsp.errors import EngineError
try:
    import byte_lsp.engines.transformers
except EngineError as error:
    print(error)
"""


def test_without_torch_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        text=True,
    )
    assert 'torch, which is not here: pip install "byte-lsp[torch]"' in done.stdout
