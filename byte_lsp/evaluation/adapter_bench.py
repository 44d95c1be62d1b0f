"""``byte-lsp bench adapter``: what an adapter costs, applied and merged, and what merging rounds away.

Contenders read the same prompts and then the same tokens one by one, in turn, through byte-lsp's own engine.
Speeds are compared prompt by prompt with the bare base. What a contender says of the tokens is compared with
what the base says with the adapter applied: that is the model that was trained, as well as the base's format
can hold it.
"""

import statistics
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from byte_lsp.adapters.container import read_container
from byte_lsp.adapters.lora import check_fits, read_lora
from byte_lsp.adapters.merge import merge
from byte_lsp.bytes.framing import frame
from byte_lsp.catalog import MERGED_TYPES, AdaptedSource, MergedSource, Model, load_catalog
from byte_lsp.engines.llama_cpp import EngineConfig, LlamaCppEngine, requantize
from byte_lsp.engines.normalize import log_probabilities
from byte_lsp.engines.protocol import TRUNK_END, TokenTree
from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation.bootstrap import Interval, bootstrap_median, bootstrap_rate
from byte_lsp.evaluation.context_cost import last_lines
from byte_lsp.evaluation.corpus import LANGUAGES, Corpus
from byte_lsp.evaluation.local import ModelFile
from byte_lsp.evaluation.progress import Track
from byte_lsp.evaluation.windows import Cursor, Shape, draw_cursors
from byte_lsp.infill.layouts import PromptEncoder, find_form, lay_out
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.models import ensure
from byte_lsp.models.cache import cache_folder
from byte_lsp.tokens.tokenizer import Tokenizer, load_tokenizer
from byte_lsp.worker.safe_path import needs_safe_path

BASE, APPLIED = "base", "base, adapter applied"
TYPES = (*(kind for kind in MERGED_TYPES if kind != "f16"), "q6_k")
_SUFFIX_BYTES = 512
_BYTES_PER_TOKEN = 8  # more than enough text for so many tokens
_CONTEXT_TOKENS = 4096

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AdapterOptions:
    """What to measure. Without ``adapter`` and ``family`` they are those of the catalogue for ``base``.

    ``types`` are the formats to merge to, some of ``TYPES``. ``tokens`` are read one by one after each of
    ``cursors`` prompts, of about ``context_bytes`` before the cursor. Without ``folders`` the texts are those
    of Python's standard library.
    """

    base: str = "smollm2-135m"
    adapter: Path | None = None
    family: str = ""
    types: Sequence[str] = TYPES
    folders: Sequence[Path] = ()
    cursors: int = 20
    tokens: int = 32
    context_bytes: int = 1024
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """One contender at one cursor: milliseconds a token, nats of the tokens' text, and of divergence."""

    prefill_ms: float
    decode_ms: float
    nats: float
    text_bytes: int
    divergence: float


@dataclass(frozen=True, slots=True)
class Cost:
    """A contender. The ratios are to the base, paired by prompt; medians, with bootstrap intervals.

    ``divergence`` is Kullback and Leibler's from the base with the adapter applied, in nats a token.
    """

    contender: str
    size_bytes: int
    prefill_ms: float
    prefill_ratio: Interval
    decode_ms: float
    decode_ratio: Interval
    nats_per_byte: Interval
    divergence: Interval


@dataclass(frozen=True, slots=True)
class AdapterResults:
    """One row a contender, and every sample by contender."""

    costs: list[Cost]
    samples: Mapping[str, list[Sample]]
    models: list[ModelFile]


@dataclass(frozen=True, slots=True)
class _Text:
    """A prompt's tokens, and those that follow it in the file, of so many bytes."""

    prompt: tuple[int, ...]
    following: tuple[int, ...]
    following_bytes: int


def run_adapter(options: AdapterOptions, track: Track) -> AdapterResults:
    """Make the merged files, measure all contenders in turn, remove the files. Errors: ``ByteLspError``."""
    base = load_catalog().resolve(options.base)
    adapter, family = _find_adapter(base, options)
    path = ensure(options.base)
    check_fits(read_lora(adapter), read_container(path))
    texts = _read_texts(options, base, family, path)
    scratch = cache_folder() / "evaluation"
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="adapter-", dir=scratch) as folder, ExitStack() as stack:
        configs = _make_contenders(path, adapter, options.types, Path(folder), track)
        engines = {name: stack.enter_context(_opened(config)) for name, config in configs.items()}
        on_done = track("base, applied, merged", len(texts))
        rounds = []
        for done, text in enumerate(texts, 1):
            rounds.append(_measure_round(engines, text, done))
            on_done(done)
        files = [
            ModelFile(name, config.model_path.name, _size_bytes(config), engines[name].vocabulary_size)
            for name, config in configs.items()
        ]
    samples = {name: [each[name] for each in rounds] for name in configs}
    return AdapterResults([_summarise(file, samples, options.seed) for file in files], samples, files)


def _find_adapter(base: Model, options: AdapterOptions) -> tuple[Path, str]:
    """The adapter's file, and the name of the family that says how it is asked."""
    catalog = load_catalog()
    for model in catalog:
        source = model.source
        if isinstance(source, AdaptedSource | MergedSource) and source.base.name == base.name:
            own = next(name for name, infill in catalog.families.items() if infill == model.infill)
            return options.adapter or source.adapter.path, options.family or own
    if options.adapter is None:
        raise EvaluationError(f"the catalogue has no adapter for {base.name}; name one with --adapter")
    return options.adapter, options.family or "none"


def _read_texts(options: AdapterOptions, base: Model, family: str, path: Path) -> list[_Text]:
    tokenizer = load_tokenizer(path)
    form = find_form(tokenizer.vocabulary, load_catalog().family(family))
    encoder = PromptEncoder(tokenizer, form, frame(tokenizer.vocabulary, base.start_token, base.end_tokens))
    folders = options.folders or [Path(sysconfig.get_paths()["stdlib"])]
    corpus = Corpus(folders, options.seed, LANGUAGES if options.folders else ("Python",))
    shape = Shape(options.context_bytes, options.context_bytes // 2, cursors=1)
    texts = []
    for cursor in draw_cursors(corpus, 2 * options.cursors, options.seed, shape):
        prefix, following, suffix = _cut(cursor, options)
        prompt = lay_out(InfillProblem(prefix, suffix), form)
        head, whole = encoder.frame(prompt).head, tokenizer.encode(prompt.prefix + following)
        begun = _count_tokens_within(tokenizer, whole, len(prompt.prefix))
        said = whole[begun : begun + options.tokens]
        if len(said) == options.tokens:
            said_bytes = sum(len(tokenizer.pieces[token]) for token in said)
            texts.append(_Text((*head, *whole[:begun]), tuple(said), said_bytes))
        if len(texts) == options.cursors:
            return texts
    raise EvaluationError("the texts are too short; give other folders, or ask for fewer tokens or cursors")


def _cut(cursor: Cursor, options: AdapterOptions) -> tuple[bytes, bytes, bytes]:
    """What stands before a cursor, what a model is asked about, and what stands behind that."""
    end = cursor.offset + _BYTES_PER_TOKEN * options.tokens
    prefix = last_lines(cursor.prefix, options.context_bytes)
    return prefix, cursor.text[cursor.offset : end], cursor.text[end : end + _SUFFIX_BYTES]


def _count_tokens_within(tokenizer: Tokenizer, tokens: Sequence[int], length: int) -> int:
    """How many tokens end within the first ``length`` bytes."""
    done = 0
    for count, token in enumerate(tokens):
        done += len(tokenizer.pieces[token])
        if done > length:
            return count
    return len(tokens)


def _make_contenders(
    path: Path, adapter: Path, types: Sequence[str], folder: Path, track: Track
) -> dict[str, EngineConfig]:
    """The files of all contenders, by name; the base and the base with the adapter come first."""
    on_done = track("writing merged files", len(types) + 1)
    safe_path = needs_safe_path(str(path))

    def config(model: Path, applied: Path | None = None) -> EngineConfig:
        return EngineConfig(model, _CONTEXT_TOKENS, safe_path=safe_path, adapter_path=applied)

    configs = {BASE: config(path), APPLIED: config(path, adapter)}
    for done, kind in enumerate(types, 1):
        merged = folder / f"merged.{kind}.gguf"
        _merge_to(kind, path, adapter, merged)
        configs[f"merged, {kind}"] = config(merged)
        on_done(done)
    requantized = folder / "base.q8_0.gguf"
    requantize(path, requantized, "Q8_0")
    configs["base as q8_0"] = config(requantized)
    on_done(len(types) + 1)
    return configs


def _merge_to(kind: str, base: Path, adapter: Path, target: Path) -> None:
    known = next((each for each in MERGED_TYPES if each == kind), None)
    if known is not None:
        merge(base, adapter, target, known)
        return
    whole = target.with_suffix(".f16.gguf")
    merge(base, adapter, whole, "f16")
    requantize(whole, target, "Q6_K")
    whole.unlink()


@contextmanager
def _opened(config: EngineConfig) -> Iterator[LlamaCppEngine]:
    engine = LlamaCppEngine(config)
    try:
        engine.evaluate(TokenTree((0,) * 32), [TRUNK_END])
        yield engine
    finally:
        engine.close()


def _measure_round(engines: Mapping[str, LlamaCppEngine], text: _Text, number: int) -> dict[str, Sample]:
    """Every contender on one text. Who comes first changes from round to round."""
    names = list(engines)
    at = number % len(names)
    read = {name: _read(engines[name], text) for name in names[at:] + names[:at]}
    reference = read[APPLIED][0]
    return {name: _judge(*found, reference, text) for name, found in read.items()}


def _read(engine: LlamaCppEngine, text: _Text) -> tuple[Rows, float, float]:
    """Log-probabilities before each of the following tokens; seconds for the prompt, and for the tokens."""
    engine.forget()
    path = text.prompt
    started = time.perf_counter()
    rows = [engine.evaluate(TokenTree(path), [TRUNK_END])]
    prefilled = time.perf_counter()
    for token in text.following:
        path = (*path, token)
        rows.append(engine.evaluate(TokenTree(path), [TRUNK_END]))
    decoded = time.perf_counter()
    said = log_probabilities(np.concatenate(rows[:-1]))
    return np.asarray(said, np.float64), prefilled - started, decoded - prefilled


def _judge(rows: Rows, prefill_s: float, decode_s: float, reference: Rows, text: _Text) -> Sample:
    following = np.array(text.following)
    return Sample(
        prefill_ms=prefill_s * 1e3 / len(text.prompt),
        decode_ms=decode_s * 1e3 / len(following),
        nats=float(-rows[np.arange(len(following)), following].sum()),
        text_bytes=text.following_bytes,
        divergence=float((np.exp(reference) * (reference - rows)).sum(axis=1).mean()),
    )


def _summarise(file: ModelFile, samples: Mapping[str, Sequence[Sample]], seed: int) -> Cost:
    own, base = samples[file.name], samples[BASE]

    def ratio(value: Callable[[Sample], float]) -> Interval:
        ratios = [value(each) / value(other) for each, other in zip(own, base, strict=True)]
        return bootstrap_median(ratios, seed=seed)

    cursors = range(len(own))
    return Cost(
        contender=file.name,
        size_bytes=file.size_bytes,
        prefill_ms=statistics.median(each.prefill_ms for each in own),
        prefill_ratio=ratio(lambda each: each.prefill_ms),
        decode_ms=statistics.median(each.decode_ms for each in own),
        decode_ratio=ratio(lambda each: each.decode_ms),
        nats_per_byte=bootstrap_rate(
            cursors, [each.nats for each in own], [each.text_bytes for each in own], seed=seed
        ),
        divergence=bootstrap_rate(cursors, [each.divergence for each in own], [1] * len(own), seed=seed),
    )


def _size_bytes(config: EngineConfig) -> int:
    adapter = config.adapter_path.stat().st_size if config.adapter_path else 0
    return config.model_path.stat().st_size + adapter
