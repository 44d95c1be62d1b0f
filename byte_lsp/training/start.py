"""An adapter to go on from: the one that is shipped, or a user's own."""

from pathlib import Path

from byte_lsp.adapters.container import TensorReader
from byte_lsp.adapters.lora import B_SUFFIX, read_lora
from byte_lsp.tokens.gguf import read_metadata
from byte_lsp.training.naming import Matrix, to_peft


def read_start(path: Path, base: Path, alpha: float) -> dict[str, Matrix]:
    """The matrices of a GGUF adapter for ``base`` as peft names them, for a run that scales by ``alpha``.

    Errors: ``ModelFileError`` naming a file that is no adapter; ``TrainingError`` for one of another form.
    """
    lora = read_lora(path)
    reader = TensorReader(lora.container)
    matrices = {}
    for name in lora.container.tensors:
        values = reader.values(name)
        if name.endswith(B_SUFFIX):
            values *= (lora.alpha or values.shape[1]) / alpha
        matrices[name] = values
    return dict(to_peft(matrices, read_metadata(base)))
