"""Which model is which, whatever it is called, and how it is asked."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from byte_lsp.catalog import load_catalog
from byte_lsp.errors import CatalogError, EvaluationError, ModelFileError
from byte_lsp.evaluation.contenders import Contender, find_model, identify, identify_all, open_contender


@pytest.mark.parametrize(
    ("contender", "label"),
    [
        (Contender("smollm2-135m"), "smollm2-135m"),
        (Contender("qwen2.5-coder-0.5b"), "qwen2.5-coder-0.5b"),
        (Contender("/models/run-3.step.GGUF", like="smollm2-135m"), "run-3.step"),
        (Contender("run.gguf", like="smollm2-135m", infill="smollm2-fim"), "run"),
        (Contender("smollm2-135m", infill="smollm2-fim"), "smollm2-135m as smollm2-fim"),
    ],
)
def test_labels(contender: Contender, label: str) -> None:
    assert contender.label == label


def test_two_models_of_one_label_are_refused() -> None:
    with pytest.raises(EvaluationError, match="both be called 'model'; give one of them another name"):
        identify_all([Contender("a/model.gguf"), Contender("b/model.gguf")])


def test_a_file_is_asked_like_an_entry() -> None:
    entry = load_catalog().get("smollm2-135m")
    family = load_catalog().family("smollm2-fim")
    model = find_model(Contender("run.gguf", like="smollm2-135m", infill="smollm2-fim"))
    assert (model.start_token, model.end_tokens) == (entry.start_token, entry.end_tokens)
    assert (model.infill, model.calibration) == (family, None)
    assert find_model(Contender("run.gguf", like="smollm2-135m")).infill == entry.infill
    assert find_model(Contender("smollm2-135m", infill="smollm2-fim")).infill == family
    assert find_model(Contender("smollm2-135m")) == entry


def test_a_family_without_an_entry_is_refused() -> None:
    with pytest.raises(EvaluationError, match=r"run\.gguf: no catalogue entry says .* give --like NAME"):
        find_model(Contender("run.gguf", infill="smollm2-fim"))
    with pytest.raises(CatalogError, match='called "nothing"'):
        find_model(Contender("run.gguf", like="smollm2-135m", infill="nothing"))
    with pytest.raises(CatalogError, match='called "nothing"'):
        find_model(Contender("run.gguf", like="nothing"))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        identify(Contender(str(tmp_path / "run.gguf")))


def test_identity_is_that_of_content_and_question(smollm2_path: Path, tmp_path: Path) -> None:
    named = identify(Contender("smollm2-135m"))
    copy = shutil.copyfile(smollm2_path, tmp_path / "copy.gguf")
    alike = identify(Contender(str(copy), like="smollm2-135m"))
    filling = identify(Contender(str(copy), like="smollm2-135m", infill="smollm2-fim"))
    assert named.identity.sha256 == load_catalog().get("smollm2-135m").sha256
    assert replace(alike.identity, file=named.identity.file) == named.identity
    assert filling.identity.sha256 == named.identity.sha256
    assert filling.identity.asked != named.identity.asked
    assert (alike.file.name, alike.file.file, alike.file.vocabulary_size) == ("copy", "copy.gguf", 49152)


def test_a_file_is_opened_as_it_is_asked(smollm2_path: Path, tmp_path: Path) -> None:
    copy = shutil.copyfile(smollm2_path, tmp_path / "copy.gguf")
    with open_contender(Contender(str(copy), "smollm2-135m", "smollm2-fim"), threads=1) as model:
        spelled = model.tokenizer.vocabulary.ids_of_spelling
        assert model.name == "copy"
        assert (model.form.layout, model.calibration) == ("spm", None)
        assert (model.form.suffix, model.form.middle) == (
            spelled["<jupyter_start>"],
            spelled["<jupyter_code>"],
        )
        head = (spelled["<|endoftext|>"],)
        assert model.framing.head == model.canonical.framing.head == model.bare.framing.head == head
