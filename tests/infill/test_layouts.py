"""Every family's prompts, written out by hand from what its publisher says."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byte_lsp.bytes.framing import Framing, frame
from byte_lsp.catalog import Catalog, Infill, load_catalog
from byte_lsp.engines.llama_cpp import NativeTokenizer
from byte_lsp.errors import CatalogError
from byte_lsp.infill.headers import path_comment
from byte_lsp.infill.layouts import Form, Part, Prompt, PromptEncoder, find_form, lay_out
from byte_lsp.infill.problem import Chunk, InfillProblem
from byte_lsp.tokens.gguf import read_metadata
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.tokens.vocabulary import FillTokens, Kind, Vocabulary, load_vocabulary
from tests.tokens.conftest import vocabulary_path
from tests.tokens.gguf_writer import byte_level_metadata, write_gguf

BEFORE = b"def area(r):\n    return "
AFTER = b" * r ** 2\n\nprint(area(1))\n"
NEAR = Chunk(b"src/shapes.py", b"PI = 3.14\n")
FAR = Chunk(b"util.py", b"import math\n")

FILE = InfillProblem(BEFORE, AFTER, "python", path=b"src/main.py", repo=b"geometry")
END_OF_FILE = replace(FILE, suffix=b"\n")
REPO = replace(FILE, chunks=(NEAR, FAR))
NAMELESS_REPO = replace(REPO, repo=b"")
REPO_END_OF_FILE = replace(REPO, suffix=b"")

Spelled = list[str | bytes]
"""Sentinels as the vocabulary spells them, and spans of text."""

IN_COMMENTS = (
    b"# util.py\nimport math\n\n"
    b"# src/shapes.py\nPI = 3.14\n\n"
    b"# src/main.py\n"
    b"def area(r):\n"
)  # fmt: skip

QWEN_FIM: Spelled = ["<|fim_prefix|>", b"def area(r):\n", "<|fim_suffix|>", AFTER, "<|fim_middle|>"]
QWEN_FILES: Spelled = [
    *("<|file_sep|>", b"util.py\nimport math\n\n"),
    *("<|file_sep|>", b"src/shapes.py\nPI = 3.14\n\n"),
    "<|file_sep|>",
]
STARCODER_FIM: Spelled = ["<fim_prefix>", "<fim_suffix>", AFTER, "<fim_middle>"]
STARCODER_FILES: Spelled = [
    *("<file_sep>", b"util.py\nimport math\n"),
    *("<file_sep>", b"src/shapes.py\nPI = 3.14\n"),
    "<file_sep>",
]
DEEPSEEK_REST: Spelled = ["<｜fim▁hole｜>", AFTER, "<｜fim▁end｜>"]
SMOLLM2_FIM: Spelled = ["<jupyter_start>", AFTER, "<jupyter_code>"]
CODELLAMA_FIM: Spelled = ["▁<PRE>", "▁<SUF>", AFTER, "▁<MID>"]


@dataclass(frozen=True)
class Golden:
    """What stands before the byte prefix, the start token included, and the byte prefix."""

    model: str
    problem: InfillProblem
    parts: Spelled
    prefix: bytes = BEFORE


GOLDENS = {
    # arXiv 2409.12186, figures 3 and 4; QwenLM/Qwen2.5-Coder, examples/Qwen2.5-Coder-repolevel-fim.py: line
    # ends after the repository's name, after paths, and between a file and the next separator; the path
    # stands before the prefix. The line that is rewound is byte-lsp's own.
    "qwen file": Golden("qwen2.5-coder-0.5b", FILE, ["<|endoftext|>", *QWEN_FIM], b"    return "),
    "qwen repository": Golden(
        "qwen2.5-coder-0.5b",
        REPO,
        ["<|endoftext|>", "<|repo_name|>", b"geometry\n", *QWEN_FILES, b"src/main.py\n", *QWEN_FIM],
        b"    return ",
    ),
    "qwen files": Golden(
        "qwen2.5-coder-0.5b",
        NAMELESS_REPO,
        ["<|endoftext|>", *QWEN_FILES, b"src/main.py\n", *QWEN_FIM],
        b"    return ",
    ),
    "qwen end of file": Golden("qwen2.5-coder-0.5b", END_OF_FILE, ["<|endoftext|>"]),
    "qwen repository, end of file": Golden(
        "qwen2.5-coder-0.5b",
        REPO_END_OF_FILE,
        ["<|endoftext|>", "<|repo_name|>", b"geometry\n", *QWEN_FILES],
        b"src/main.py\n" + BEFORE,
    ),
    # arXiv 2402.19173, section 5.1: no line ends but after paths; the path is the first line of a file, also
    # where the file is to be filled in. SPM as in the same group's Megatron-LM: <prefix><suffix>S<middle>P.
    "starcoder file": Golden("starcoder2-3b", FILE, ["<file_sep>", *STARCODER_FIM]),
    "starcoder repository": Golden(
        "starcoder2-3b",
        REPO,
        ["<repo_name>", b"geometry", *STARCODER_FILES, *STARCODER_FIM],
        b"src/main.py\n" + BEFORE,
    ),
    "starcoder files": Golden(
        "starcoder2-3b", NAMELESS_REPO, [*STARCODER_FILES, *STARCODER_FIM], b"src/main.py\n" + BEFORE
    ),
    "starcoder end of file": Golden("starcoder2-3b", END_OF_FILE, ["<file_sep>"]),
    "starcoder repository, end of file": Golden(
        "starcoder2-3b",
        REPO_END_OF_FILE,
        ["<repo_name>", b"geometry", *STARCODER_FILES],
        b"src/main.py\n" + BEFORE,
    ),
    # arXiv 2308.12950, section 2.3; facebookresearch/codellama, infilling_prompt_tokens with suffix_first:
    # "<PRE> <SUF>{suf} <MID> {pre}". SentencePiece's leading space is before {pre} and not before {suf}.
    "codellama file": Golden("codellama-7b", FILE, ["<s>", *CODELLAMA_FIM], b" " + BEFORE),
    "codellama repository": Golden(
        "codellama-7b", REPO, ["<s>", *CODELLAMA_FIM], b" " + IN_COMMENTS + b"    return "
    ),
    "codellama end of file": Golden("codellama-7b", END_OF_FILE, ["<s>"], b" " + BEFORE),
    # arXiv 2401.14196, section 3.1; deepseek-ai/DeepSeek-Coder, README, "Code Insertion" and "Repository
    # Level Code Completion": files one after another, each under its path as a comment.
    "deepseek file": Golden(
        "deepseek-coder-1.3b",
        FILE,
        ["<｜begin▁of▁sentence｜>", "<｜fim▁begin｜>", b"def area(r):\n", *DEEPSEEK_REST],
        b"    return ",
    ),
    "deepseek repository": Golden(
        "deepseek-coder-1.3b",
        REPO,
        ["<｜begin▁of▁sentence｜>", "<｜fim▁begin｜>", IN_COMMENTS, *DEEPSEEK_REST],
        b"    return ",
    ),
    "deepseek end of file": Golden("deepseek-coder-1.3b", END_OF_FILE, ["<｜begin▁of▁sentence｜>"]),
    # arXiv 2405.04324, section 4.2: StarCoder's tokens and both layouts, no form for repositories.
    "granite file": Golden("granite-code-3b", FILE, ["<|endoftext|>", *STARCODER_FIM]),
    "granite repository": Golden(
        "granite-code-3b", REPO, ["<|endoftext|>", *STARCODER_FIM], IN_COMMENTS + b"    return "
    ),
    "granite end of file": Golden("granite-code-3b", END_OF_FILE, ["<|endoftext|>"]),
    # What the adapter in models/fim was trained on: no token before the suffix, no form for repositories.
    "smollm2-fim file": Golden("smollm2-135m-fim", FILE, ["<|endoftext|>", *SMOLLM2_FIM]),
    "smollm2-fim repository": Golden(
        "smollm2-135m-fim", REPO, ["<|endoftext|>", *SMOLLM2_FIM], IN_COMMENTS + b"    return "
    ),
    "smollm2-fim end of file": Golden("smollm2-135m-fim", END_OF_FILE, ["<|endoftext|>"]),
    # No tokens for filling in: what comes after the cursor is not shown.
    "smollm2 file": Golden("smollm2-135m", FILE, ["<|endoftext|>"]),
    "smollm2 repository": Golden("smollm2-135m", REPO, ["<|endoftext|>"], IN_COMMENTS + b"    return "),
}

FAMILIES = {
    "qwen2.5-coder-0.5b": (
        "qwen2",
        # The ids of the model's tokenizer_config.json; the vocabulary at hand is that of Qwen2.
        {
            "<|fim_prefix|>": 151659,
            "<|fim_middle|>": 151660,
            "<|fim_suffix|>": 151661,
            "<|fim_pad|>": 151662,
            "<|repo_name|>": 151663,
            "<|file_sep|>": 151664,
        },
    ),
    "starcoder2-3b": ("starcoder", {}),
    "codellama-7b": (
        "llama-spm",
        {"▁<PRE>": 32007, "▁<SUF>": 32008, "▁<MID>": 32009, "▁<EOT>": 32010},
    ),
    # No vocabulary of DeepSeek-Coder is at hand: its tokens stand at the end of another one.
    "deepseek-coder-1.3b": (
        "gpt-2",
        {
            "<｜begin▁of▁sentence｜>": 50257,
            "<｜fim▁begin｜>": 50258,
            "<｜fim▁hole｜>": 50259,
            "<｜fim▁end｜>": 50260,
            "<｜end▁of▁sentence｜>": 50261,
        },
    ),
    "granite-code-3b": ("starcoder", {}),
    "smollm2-135m": ("smollm2", {}),
    "smollm2-135m-fim": ("smollm2", {}),
}


@dataclass(frozen=True)
class Shown:
    """A catalogued model's vocabulary, with what the catalogue says of it; llama.cpp's own beside it."""

    tokenizer: Tokenizer
    form: Form
    encoder: PromptEncoder
    native: NativeTokenizer

    def spell(self, part: Part) -> str | bytes:
        """A sentinel as the vocabulary spells it; text as it is."""
        return part if isinstance(part, bytes) else self.tokenizer.vocabulary.spellings[part]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return load_catalog(tmp_path_factory.mktemp("catalog") / "none.toml")


@pytest.fixture(scope="module")
def show(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Shown]]:
    """A catalogued model by name, each read once."""
    shown: dict[str, Shown] = {}

    def read(name: str) -> Shown:
        if name not in shown:
            base, sentinels = FAMILIES[name]
            path = vocabulary_path(base)
            if sentinels:
                path = with_sentinels(path, sentinels, tmp_path_factory.mktemp(name) / "tokens.gguf")
            model = catalog.get(name)
            tokenizer = Tokenizer(load_vocabulary(path))
            framing = frame(tokenizer.vocabulary, model.start_token, model.end_tokens)
            form = find_form(tokenizer.vocabulary, model.infill)
            encoder = PromptEncoder(tokenizer, form, framing)
            shown[name] = Shown(tokenizer, form, encoder, NativeTokenizer(path))
        return shown[name]

    yield read
    for each in shown.values():
        each.native.close()


def with_sentinels(source: Path, sentinels: dict[str, int], path: Path) -> Path:
    """A copy of a vocabulary in which these tokens stand at these ids, as text as some files have it."""
    vocabulary = load_vocabulary(source)
    spellings, kinds, scores = list(vocabulary.spellings), list(vocabulary.kinds), list(vocabulary.scores)
    while len(spellings) <= max(sentinels.values()):
        spellings.append(f"<unused{len(spellings)}>")
        kinds.append(Kind.UNUSED)
        scores.append(0.0)
    for spelling, token in sentinels.items():
        spellings[token] = spelling
        kinds[token] = Kind.NORMAL if spelling.startswith("▁<") else Kind.CONTROL
    metadata = read_metadata(source) | {
        "tokenizer.ggml.tokens": [spelling.encode() for spelling in spellings],
        "tokenizer.ggml.token_type": [int(kind) for kind in kinds],
        "tokenizer.ggml.scores": scores,
    }
    return write_gguf(path, metadata)


@pytest.mark.parametrize("golden", GOLDENS.values(), ids=GOLDENS)
def test_a_familys_prompt_is_what_its_publisher_says(golden: Golden, show: Callable[[str], Shown]) -> None:
    shown = show(golden.model)
    prompt = lay_out(golden.problem, shown.form)
    assert [shown.spell(part) for part in prompt.parts] == golden.parts[
        len(golden.parts) - len(prompt.parts) :
    ]
    assert prompt.prefix == golden.prefix
    tokens: list[int] = []
    for part in golden.parts:
        if isinstance(part, str):
            tokens.append(shown.tokenizer.vocabulary.spellings.index(part))
        else:
            tokens += shown.native.encode(part)
    assert shown.encoder.frame(prompt).head == tuple(tokens)


def test_every_catalogued_model_has_a_family_with_goldens(catalog: Catalog) -> None:
    families = {catalog.get(golden.model).infill for golden in GOLDENS.values()}
    assert {model.infill for model in catalog} == families


@pytest.mark.parametrize(
    ("model", "token_ids"),
    [
        # <|endoftext|>, then the ids at which the publisher's own example stops.
        ("qwen2.5-coder-0.5b", (151643, 151659, 151661, 151660)),
        ("starcoder2-3b", (6, 1, 3, 2)),
        ("codellama-7b", (1, 32007, 32008, 32009)),
        ("granite-code-3b", (0, 1, 3, 2)),
        ("smollm2-135m-fim", (0, 11, 13)),
    ],
)
def test_sentinels_have_their_published_ids(
    model: str, token_ids: tuple[int, ...], show: Callable[[str], Shown]
) -> None:
    shown = show(model)
    problem = InfillProblem(b"", b"x")
    head = shown.encoder.frame(lay_out(problem, shown.form)).head
    assert tuple(token for token in head if not shown.tokenizer.pieces[token]) == token_ids


@pytest.mark.parametrize(
    ("model", "ends"),
    [
        ("qwen2.5-coder-0.5b", (151643, 151659, 151660, 151661, 151662, 151663, 151664)),
        ("starcoder2-3b", (0, 1, 2, 3, 4, 5, 6)),
        ("codellama-7b", (2, 32007, 32008, 32009, 32010)),
        ("deepseek-coder-1.3b", (50258, 50259, 50260, 50261)),
        ("granite-code-3b", (0, 1, 2, 3, 4)),
        ("smollm2-135m", (0, 2)),
        ("smollm2-135m-fim", (0, 2, 11, 13)),
    ],
)
def test_a_middle_ends_at_its_own_sentinels_too(
    model: str, ends: tuple[int, ...], show: Callable[[str], Shown]
) -> None:
    shown = show(model)
    assert shown.encoder.frame(lay_out(FILE, shown.form)).ends == ends


@pytest.mark.parametrize("model", FAMILIES)
def test_text_that_spells_sentinels_stays_text(model: str, show: Callable[[str], Shown]) -> None:
    shown = show(model)
    vocabulary = shown.tokenizer.vocabulary
    control = {token for token, piece in enumerate(vocabulary.pieces) if not piece}
    spellings = [vocabulary.spellings[token] for token in sorted(control)][:300]
    named = [part for golden in GOLDENS.values() for part in golden.parts if isinstance(part, str)]
    hostile = "".join(
        [*spellings, *(f" {each}\n{each}" for each in named), "<PRE> <SUF> <MID> <EOT>"]
    ).encode()
    lines = hostile + b"\n"
    problem = InfillProblem(
        lines * 2 + hostile, lines, "python", path=hostile, repo=hostile, chunks=(Chunk(hostile, lines),) * 2
    )
    prompt = lay_out(problem, shown.form)
    texts = [part for part in prompt.parts if isinstance(part, bytes)]
    for text in [*texts, prompt.prefix]:
        tokens = shown.tokenizer.encode(text)
        assert control.isdisjoint(tokens)
        assert shown.tokenizer.decode(tokens) == text
    sentinels = [part for part in prompt.parts if isinstance(part, int)]
    in_head = [token for token in shown.encoder.encode_parts(prompt) if token in control]
    assert in_head == sentinels


@pytest.mark.parametrize("model", FAMILIES)
@pytest.mark.parametrize("chunks", [(), (NEAR, FAR)], ids=["file", "repository"])
def test_typing_in_a_line_changes_only_the_byte_prefix(
    model: str, chunks: tuple[Chunk, ...], show: Callable[[str], Shown]
) -> None:
    form = show(model).form
    problem = replace(FILE, chunks=chunks)
    for length in range(len(b"def area(r):\n"), len(BEFORE) + 1):
        typed = replace(problem, prefix=BEFORE[:length])
        assert lay_out(typed, form).parts == lay_out(problem, form).parts


@given(
    prefix=st.binary() | st.text().map(str.encode),
    lead=st.sampled_from([b"", b" "]),
    with_files=st.booleans(),
)
def test_what_psm_rewinds_is_the_last_line_and_nothing_is_lost(
    prefix: bytes, lead: bytes, with_files: bool
) -> None:
    form = Form("psm", 1, 2, 3, lead=lead)
    problem = InfillProblem(prefix, AFTER, chunks=(NEAR,) if with_files else ())
    prompt = lay_out(problem, form)
    before = prompt.parts[1] if prompt.parts[1] != 2 else b""
    assert isinstance(before, bytes)
    assert b"\n" not in prompt.prefix
    assert not before or before.endswith(b"\n")
    files = b"# src/shapes.py\nPI = 3.14\n\n" if with_files else b""
    assert before + prompt.prefix == lead + files + prefix
    unwound = lay_out(problem, replace(form, rewind="none"))
    text = lead + files + prefix
    assert unwound == Prompt((1, text, 2, AFTER, 3) if text else (1, 2, AFTER, 3), b"")


@pytest.mark.parametrize("suffix", [b"", b"\n", b" \t\n\n  "])
@pytest.mark.parametrize("layout", ["psm", "spm"])
def test_a_blank_suffix_is_shown_only_where_it_is_known_to_end_the_file(suffix: bytes, layout: str) -> None:
    form = Form("psm" if layout == "psm" else "spm", 1, 2, 3)
    problem = InfillProblem(b"a = ", suffix)
    unknown = (problem, replace(problem, suffix_goes_on=True))
    for each in (*unknown, replace(problem, suffix_goes_on=True, file_is_whole=True)):
        assert lay_out(each, form) == Prompt((), b"a = ")
    whole = replace(problem, file_is_whole=True)
    assert lay_out(whole, form) == Prompt((1, 2, suffix, 3) if suffix else (1, 2, 3), b"a = ")
    assert lay_out(whole.onward, form) == lay_out(whole, Form()) == Prompt((), b"a = ")


def test_a_leading_space_belongs_to_the_text_before_the_cursor_not_to_the_path_outside_it() -> None:
    form = Form("psm", 1, 2, 3, file_sep=4, lead=b" ", gap=b"")
    files = (4, b"util.py\nimport math\n", 4, b"src/shapes.py\nPI = 3.14\n", 4)
    outside = lay_out(REPO, form)
    assert outside.parts == (*files, b"src/main.py\n", 1, b" def area(r):\n", 2, AFTER, 3)
    inside = lay_out(REPO, replace(form, path_inside=True))
    assert inside.parts == (*files, 1, b" src/main.py\ndef area(r):\n", 2, AFTER, 3)
    assert outside.prefix == inside.prefix == b"    return "


def test_names_are_one_line_and_chunks_may_have_none(show: Callable[[str], Shown]) -> None:
    problem = InfillProblem(
        b"x",
        b"",
        "lua",
        path=b"a\nb.lua",
        repo=b"my\r\nrepo",
        chunks=(Chunk(b"", b"y = 1"), Chunk(b"c\n", b"z\n")),
    )
    starcoder = show("starcoder2-3b")
    prompt = lay_out(problem, starcoder.form)
    spelled = [starcoder.spell(part) for part in prompt.parts]
    assert spelled == [
        "<repo_name>",
        b"my repo",
        "<file_sep>",
        b"c\nz\n",
        "<file_sep>",
        b"y = 1",
        "<file_sep>",
    ]
    assert prompt.prefix == b"a b.lua\nx"
    assert lay_out(problem, Form()).prefix == b"-- c\nz\n\ny = 1\n\n-- a b.lua\nx"


def test_a_span_is_encoded_once_while_one_types(show: Callable[[str], Shown]) -> None:
    encoded: list[bytes] = []

    class Counting(Tokenizer):
        def encode(self, data: bytes) -> list[int]:
            encoded.append(data)
            return super().encode(data)

    starcoder = show("starcoder2-3b")
    encoder = PromptEncoder(Counting(starcoder.tokenizer.vocabulary), starcoder.form, Framing((0,), (0,)))
    heads = {
        encoder.frame(lay_out(replace(FILE, prefix=BEFORE[:at]), starcoder.form)).head for at in range(20)
    }
    assert encoded == [AFTER]
    assert len(heads) == 1


TINY = ["<s>", "a", "<P>", "<S>", "<M>", "<A>", "<R>", "<F>", "<E>", "<fim_prefix>", "<OLD>"]
SPELLED = Infill("spm", "<P>", "<S>", "<M>", "<A>", "<R>", "<F>", ("<E>",))


def write_tiny(folder: Path, **token_ids: int) -> Vocabulary:
    kinds = [int(Kind.NORMAL) if spelling in ("a", "<OLD>") else int(Kind.CONTROL) for spelling in TINY]
    metadata = byte_level_metadata("gpt-2", TINY, [], kinds)
    metadata |= {f"tokenizer.ggml.{name}_token_id": token for name, token in token_ids.items()}
    return load_vocabulary(write_gguf(folder / "tiny.gguf", metadata))


def test_what_the_file_says_of_its_sentinels_comes_before_the_catalogue(tmp_path: Path) -> None:
    spelled = find_form(write_tiny(tmp_path), SPELLED)
    assert spelled == Form("spm", 2, 3, 4, 5, 6, 7, (2, 3, 4, 5, 6, 7, 8))
    named = {"fim_pre": 3, "fim_suf": 2, "fim_mid": 9, "fim_pad": 4, "fim_rep": 5, "fim_sep": 6, "eot": 0}
    by_file = find_form(write_tiny(tmp_path, **named), SPELLED)
    assert by_file == Form("spm", 3, 2, 9, 4, 5, 6, (0, 2, 3, 4, 5, 6, 8, 9))
    one_of_them = find_form(write_tiny(tmp_path, fim_mid=9), SPELLED)
    assert (one_of_them.prefix, one_of_them.suffix, one_of_them.middle) == (2, 3, 9)


def test_the_catalogue_says_which_sentinels_a_family_uses(tmp_path: Path) -> None:
    vocabulary = write_tiny(tmp_path, fim_pre=2, fim_suf=3, fim_mid=4, fim_rep=6, fim_sep=7, eot=8)
    bare = find_form(vocabulary, replace(SPELLED, pad="", repo="", file_sep="", ends=()))
    assert bare == Form("spm", 2, 3, 4, ends=(2, 3, 4, 8))
    assert find_form(vocabulary, Infill()) == Form()


def test_a_file_that_nobody_knows_fills_in_if_it_says_how(tmp_path: Path) -> None:
    assert find_form(write_tiny(tmp_path), None) == Form()
    assert find_form(write_tiny(tmp_path, fim_pre=2, fim_suf=3), None) == Form()
    old = find_form(write_tiny(tmp_path, prefix=2, suffix=3, middle=4, eot=8), None)
    assert old == Form("psm", 2, 3, 4, ends=(2, 3, 4, 8))
    whole = find_form(
        write_tiny(tmp_path, fim_pre=2, fim_suf=3, fim_mid=4, fim_rep=6, fim_sep=7, prefix=1), None
    )
    assert whole == Form("psm", 2, 3, 4, repo=6, file_sep=7, ends=(2, 3, 4, 6, 7))
    no_separator = find_form(write_tiny(tmp_path, fim_pre=2, fim_suf=3, fim_mid=4, fim_rep=6), None)
    assert no_separator.repo is None


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("prefix", replace(SPELLED, prefix="<|none|>")),
        ("suffix", replace(SPELLED, suffix="<|none|>")),
        ("middle", replace(SPELLED, middle="<|none|>")),
        ("pad", replace(SPELLED, pad="<|none|>")),
        ("repo", replace(SPELLED, repo="<|none|>")),
        ("file_sep", replace(SPELLED, file_sep="<|none|>")),
        ("ends", replace(SPELLED, ends=("<E>", "<|none|>"))),
    ],
)
def test_a_spelling_that_is_not_there_is_named(tmp_path: Path, key: str, wrong: Infill) -> None:
    with pytest.raises(CatalogError, match=rf"'{key}' '<\|none\|>'.*not in the model's vocabulary; choose"):
        find_form(write_tiny(tmp_path), wrong)


def test_text_is_no_sentinel(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"'a' is text .* name a control token"):
        find_form(write_tiny(tmp_path), replace(SPELLED, suffix="a"))
    with pytest.raises(CatalogError, match="'a' is text"):
        find_form(write_tiny(tmp_path), replace(SPELLED, ends=("a",)))


def test_a_token_that_the_file_names_is_never_text(tmp_path: Path) -> None:
    text, named = write_tiny(tmp_path), write_tiny(tmp_path, fim_pre=10)
    assert (text.pieces[10], named.pieces[10]) == (b"<OLD>", b"")
    assert named.fill == FillTokens(prefix=10)


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("python", b"# a/b c.x\n"),
        ("typescriptreact", b"// a/b c.x\n"),
        ("lua", b"-- a/b c.x\n"),
        ("latex", b"% a/b c.x\n"),
        ("html", b"<!-- a/b c.x -->\n"),
        ("css", b"/* a/b c.x */\n"),
        ("handlebars", b"{{!-- a/b c.x --}}\n"),
        ("", b"# a/b c.x\n"),
        ("something new", b"# a/b c.x\n"),
    ],
)
def test_a_path_is_a_comment_of_the_language(language: str, line: bytes) -> None:
    assert path_comment(b"a/b\nc.x", language) == line
