"""What a file's metadata says of the tokens for filling in."""

from pathlib import Path

import pytest

from byte_lsp.errors import TokenizerError
from byte_lsp.tokens.gguf import MetadataValue
from byte_lsp.tokens.vocabulary import FillTokens, Kind, Vocabulary, load_vocabulary

from .gguf_writer import byte_level_metadata, write_gguf

SPELLINGS = ["<s>", "a", "b", "c", "d", "e", "f", "g", "h"]


def load(folder: Path, named: dict[str, MetadataValue], spellings: list[str] = SPELLINGS) -> Vocabulary:
    keys = {f"tokenizer.ggml.{name}_token_id": value for name, value in named.items()}
    kinds = [int(Kind.CONTROL)] + [int(Kind.NORMAL)] * (len(spellings) - 1)
    metadata = byte_level_metadata("gpt-2", spellings, [], kinds) | keys
    return load_vocabulary(write_gguf(folder / "fill.gguf", metadata))


def test_all_of_them_are_read(tmp_path: Path) -> None:
    named: dict[str, MetadataValue] = {
        "fim_pre": 1,
        "fim_suf": 2,
        "fim_mid": 3,
        "fim_pad": 4,
        "fim_rep": 5,
        "fim_sep": 6,
        "eot": 7,
    }
    vocabulary = load(tmp_path, named)
    assert vocabulary.fill == FillTokens(1, 2, 3, 4, 5, 6, 7)
    assert list(vocabulary.pieces) == [b"", b"", b"", b"", b"", b"", b"", b"g", b"h"]


def test_older_names_count_where_the_new_are_missing(tmp_path: Path) -> None:
    assert load(tmp_path, {"prefix": 1, "suffix": 2, "middle": 3}).fill == FillTokens(1, 2, 3)
    assert load(tmp_path, {"prefix": 1, "fim_pre": 4}).fill == FillTokens(4)


def test_a_file_that_names_none_has_none(tmp_path: Path) -> None:
    assert load(tmp_path, {}).fill == FillTokens()
    assert load(tmp_path, {"fim_pre": 0xFFFFFFFF}).fill == FillTokens()


@pytest.mark.parametrize("value", [9, 0xFFFFFFFE, True, 1.0, b"1", [1]])
@pytest.mark.parametrize("name", ["fim_pre", "middle", "eot"])
def test_a_value_that_is_no_token_is_refused(tmp_path: Path, name: str, value: MetadataValue) -> None:
    with pytest.raises(TokenizerError, match=rf"fill\.gguf: tokenizer\.ggml\.{name}_token_id is .* fetch"):
        load(tmp_path, {name: value})


@pytest.mark.parametrize(
    "spelling",
    ["<|fim_prefix|>", "<fim_suffix>", "<fim-middle>", "<\uff5cfim\u2581hole\uff5c>", "\u2581<PRE>", "<MID>"],
)
def test_a_token_spelled_like_a_sentinel_is_none_of_text_whatever_the_file_says(
    tmp_path: Path, spelling: str
) -> None:
    vocabulary = load(tmp_path, {}, [*SPELLINGS, spelling, spelling + "s"])
    assert vocabulary.kinds[9] == Kind.CONTROL
    assert vocabulary.kinds[10] == Kind.NORMAL
