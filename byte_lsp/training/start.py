"""An adapter to go on from: the one that is shipped, or a user's own."""

from pathlib import Path

from byte_lsp.adapters.container import TensorReader, read_container
from byte_lsp.adapters.lora import B_SUFFIX, check_fits, read_lora
from byte_lsp.training.naming import Matrix, to_peft


def read_start(path: Path, base: Path, alpha: float) -> dict[str, Matrix]:
    """The matrices of a GGUF adapter for ``base`` as peft names them, for a run that scales by ``alpha``.

    Errors: ``ModelFileError`` naming a file that is no adapter, or another model's; ``TrainingError`` for one
    of another form.
    """
    lora, model = read_lora(path), read_container(base)
    check_fits(lora, model)
    reader = TensorReader(lora.container)
    matrices = {}
    for name in lora.container.tensors:
        values = reader.values(name)
        if name.endswith(B_SUFFIX):
            values *= (lora.alpha or values.shape[1]) / alpha
        matrices[name] = values
    return dict(to_peft(matrices, model.metadata))
