"""Byte-pair merges over characters, ranked by the file's merge list: Gemma 4's scheme.

Spaces are spelled U+2581 as in SentencePiece, and a character that is no token is spelled in byte tokens.
Line feeds merge with nothing but line feeds.
"""

from collections.abc import Iterator

from byte_lsp.errors import TokenizerError
from byte_lsp.tokens.characters import decode, encode
from byte_lsp.tokens.merges import NO_RANK, Merges, Rule, pack, unpack
from byte_lsp.tokens.vocabulary import Kind, Vocabulary

_LINE_FEED = b"\n"
_MERGED_KINDS = (Kind.NORMAL, Kind.USER_DEFINED)


def character_merges(vocabulary: Vocabulary) -> Merges:
    """The merges of such a vocabulary.

    Errors: ``TokenizerError`` if a byte has no token, or a run of line feeds is a token but not by merges:
    llama.cpp takes such a run whole.
    """
    kinds, pieces = vocabulary.kinds, vocabulary.pieces
    byte_tokens = {pieces[token][0]: token for token, kind in enumerate(kinds) if kind == Kind.BYTE}
    if len(byte_tokens) < 256:
        raise TokenizerError(
            f"the vocabulary has byte tokens for {len(byte_tokens)} of 256 bytes; without byte fallback its "
            "merges cannot spell every text"
        )
    count = len(vocabulary)
    symbols = {piece: token for token, piece in enumerate(pieces) if piece and kinds[token] in _MERGED_KINDS}
    spelled: list[bytes] = []

    def symbol(piece: bytes) -> int:
        known = symbols.get(piece)
        if known is None:
            known = symbols[piece] = count + len(spelled)
            spelled.append(piece)
        return known

    ranks: dict[int, int] = {}
    merged: dict[int, int] = {}
    for rank, left, right in _joins(vocabulary):
        pair = pack(symbol(left), symbol(right))
        if ranks.setdefault(pair, rank) == rank:
            merged[pair] = symbol(left + right)

    def tokens_of(found: int) -> tuple[int, ...]:
        return (found,) if found < count else tuple(byte_tokens[byte] for byte in spelled[found - count])

    merges = Merges(
        rank_of=lambda pair: ranks.get(pair, NO_RANK),
        merged=merged,
        leaves=lambda word: [symbol(encode(character)) for character in decode(word)],
        tokens_of=tokens_of,
        rules=lambda: [Rule(*unpack(pair), merged[pair], rank) for pair, rank in ranks.items()],
    )
    _check_line_feeds(symbols, merges)
    return merges


def neighbours(vocabulary: Vocabulary) -> set[str]:
    """The pairs of characters between which a merge may happen."""
    return {decode(left)[-1] + decode(right)[0] for _, left, right in _joins(vocabulary)}


def _joins(vocabulary: Vocabulary) -> Iterator[tuple[int, bytes, bytes]]:
    for rank, (left, right) in enumerate(vocabulary.merges):
        line_feeds = (left + right).count(_LINE_FEED)
        if left and right and line_feeds in (0, len(left + right)):
            yield rank, left, right


def _check_line_feeds(symbols: dict[bytes, int], merges: Merges) -> None:
    for piece, token in symbols.items():
        if not piece.strip(_LINE_FEED) and merges.encode(piece) != (token,):
            raise TokenizerError(
                f"the vocabulary has a token for {len(piece)} line feeds that its merges do not make; "
                "llama.cpp takes such a run whole, which byte-lsp does not"
            )
