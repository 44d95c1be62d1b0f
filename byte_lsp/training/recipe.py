"""All that a process needs to take part in a run: what the network is made of, which examples it reads."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from byte_lsp.bytes.framing import frame
from byte_lsp.catalog import Infill, Layout, load_catalog
from byte_lsp.errors import TrainingError
from byte_lsp.infill.layouts import find_form
from byte_lsp.models.check import sha256_of
from byte_lsp.tokens.tokenizer import load_tokenizer
from byte_lsp.training.documents import read_documents
from byte_lsp.training.examples import ExampleMaker
from byte_lsp.training.naming import Matrix
from byte_lsp.training.network import Lora, Network
from byte_lsp.training.packs import ROW_SHARES, Packer
from byte_lsp.training.run import Settings
from byte_lsp.training.start import read_start
from byte_lsp.training.validation import Probe, choose_probes

FAMILY = "smollm2-fim"
"""The catalogue's family of what is trained here: tokens that the base hardly used serve as sentinels."""

_PSM_PREFIX = "<jupyter_text>"

SHARES = {
    "python": 0.73,
    "javascript": 0.045,
    "typescript": 0.045,
    "go": 0.04,
    "rust": 0.04,
    "c": 0.04,
    "java": 0.035,
    "shellscript": 0.025,
}
"""What part of the examples each language makes."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """``base`` is the GGUF file of the catalogue's model ``name``; ``micro_tokens`` make one pack.

    ``start`` is the GGUF adapter to go on from, None for a fresh one.
    """

    settings: Settings
    data: Path
    name: str
    base: Path
    device: str
    compiled: bool
    micro_tokens: int
    start: Path | None = None

    @property
    def packs_a_step(self) -> int:
        """How many packs one step of the optimizer learns from."""
        return max(1, self.settings.tokens_per_step // self.micro_tokens)

    def network(self) -> Network:
        """The base and a fresh adapter. Errors: ``TrainingError``."""
        lora = Lora(self.settings.rank, self.settings.alpha, self.settings.first_layer)
        return Network(self.base, lora, self.settings.seed, self.device, self.compiled)

    def start_matrices(self) -> dict[str, Matrix]:
        """What the adapter starts as, if not afresh. Errors: ``ModelFileError``, ``TrainingError``."""
        return read_start(self.start, self.base, self.settings.alpha) if self.start else {}

    def packer(self) -> Packer:
        """What is trained on. Errors: ``TrainingError``."""
        shares = self.settings.shares
        documents = read_documents(self.data, "train", tuple(shares))
        rows = {length: ROW_SHARES[length] for length in self.settings.rows}
        settings = self.settings
        weights = settings.prefix_weight, settings.text_weight
        maker = make_examples(self.name, self.base, settings.layout, *weights)
        return Packer(documents, maker, shares, self.settings.seed, rows, self.settings.excerpts)

    def probes(self, per_kind: int, excerpts: bool = False) -> list[Probe]:
        """What is validated on, see ``choose_probes``. Errors: ``TrainingError``."""
        shares = self.settings.shares
        documents = read_documents(self.data, "valid", tuple(shares))
        maker = make_examples(self.name, self.base, self.settings.layout)
        return choose_probes(documents, maker, shares, per_kind, self.settings.seed, excerpts)


def make_examples(
    name: str, base: Path, layout: Layout, prefix_weight: float = 0.0, text_weight: float = 0.0
) -> ExampleMaker:
    """What makes examples for the catalogue's model ``name``, whose file is ``base``."""
    model = load_catalog().resolve(name)
    vocabulary = (tokenizer := load_tokenizer(base)).vocabulary
    form = find_form(vocabulary, _infill(layout))
    framing = frame(vocabulary, model.start_token, model.end_tokens)
    end_token = vocabulary.ids_of_spelling[model.end_tokens[0]]
    return ExampleMaker(tokenizer, form, framing, end_token, prefix_weight, text_weight)


def sum_of_adapter(adapter: Path) -> str:
    """Errors: ``TrainingError`` for a file that cannot be read."""
    try:
        return sha256_of(adapter)
    except OSError as error:
        raise TrainingError(
            f"{adapter}: cannot be read ({error.strerror}); --start-from names a GGUF file"
        ) from error


def sum_of_data(data: Path, languages: Iterable[str]) -> str:
    """What the shards that a run reads have in them, as one sum. Whoever builds them anew gets the same.

    Errors: ``TrainingError`` for a folder without a data set of these languages.
    """
    manifest = data / "manifest.json"
    try:
        shards = json.loads(manifest.read_text(encoding="utf-8"))["shards"]
        used = [
            shards[f"{split}/{language}"]["sha256"] for language in languages for split in ("train", "valid")
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{manifest} does not describe the data set ({error!r}): "
            f"build it with python -m byte_lsp.training.data --out {data}"
        ) from error
    return hashlib.sha256(" ".join(used).encode()).hexdigest()


def _infill(layout: Layout) -> Infill:
    family = load_catalog().family(FAMILY)
    return family if family.layout == layout else replace(family, layout=layout, prefix=_PSM_PREFIX)
