"""GGUF files that are nearly right, put together from a fuzzer's bytes."""

import struct
from collections.abc import Callable

from tests.fuzz.choices import Choices

U32, I32, F32, BOOL, STRING, ARRAY, U64 = 4, 5, 6, 7, 8, 9, 10
WRONG_COUNTS = (0, 1, 3, 2**16, 2**24, 2**31 - 1, 2**32, 2**40, 2**61, 2**63, 2**64 - 1)
MODELS = (b"gpt2", b"llama", b"gemma4", b"bert", b"")
PRES = (b"default", b"gpt-2", b"qwen2", b"llama-bpe", b"starcoder", b"smollm", b"gemma4", b"no such", b"\xff")
SPELLINGS = (
    *(
        b"a",
        b"b",
        b"ab",
        b"\xc4\xa0a",
        b"\xe2\x96\x81",
        b"\xe2\x96\x81a",
        b"<0x0A>",
        b"<0xZZ>",
        b"<s>",
        b"</s>",
    ),
    *(b"<|endoftext|>", b"<|fim_prefix|>", b"<fim_middle>", b"", b"\xff\xfe", b"\xed\xa0\x80", b"a" * 600),
    *("Ċ".encode(), "ĊĊ".encode(), "é".encode(), "中".encode(), b"[INST]", b"a b", b" ", b"\x00"),
)
NUMBER_KEYS = (
    *(b"bos_token_id", b"eos_token_id", b"fim_pre_token_id", b"prefix_token_id", b"eot_token_id"),
    *(b"fim_pad_token_id", b"unknown_token_id"),
)
NUMBERS = (0, 1, 2, 5, 2**31, 2**32 - 1)
SCALARS = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<B",
    10: "<Q",
    11: "<q",
    12: "<d",
}


class Forger:
    """Writes a file; now and then a number in it is another than it should be."""

    def __init__(self, choices: Choices) -> None:
        self._choices = choices

    def file(self) -> bytes:
        pairs = [make() for make in self._pairs()]
        tensors = [self._tensor(at) for at in range(self._choices.below(4))]
        if pairs and self._choices.chance(4):
            pairs = [*pairs, *(self._choices.one_of(pairs) for _ in range(3))]
        version = self._choices.one_of((3, 3, 3, 2, 1, 0, 2**31))
        head = b"GGUF" + struct.pack("<I", version) + self._count(len(tensors)) + self._count(len(pairs))
        content = head + b"".join(pairs) + b"".join(tensors)
        content += bytes(-len(content) % 32) + bytes(self._choices.one_of((256, 0, 31, 4096)))
        return content[: self._choices.below(len(content) + 1)] if self._choices.chance(5) else content

    def _pairs(self) -> list[Callable[[], bytes]]:
        spellings = [self._choices.one_of(SPELLINGS) for _ in range(self._choices.below(24))]
        if self._choices.chance(3):
            spellings += [b"<0x%02X>" % byte for byte in range(256)]
        length = max(0, len(spellings) + self._choices.one_of((0, 0, 0, 0, 1, -1)))
        merges = [b" ".join((self._spelling(), self._spelling())) for _ in range(self._choices.below(8))]
        pairs: list[Callable[[], bytes]] = [
            lambda: self._text(b"general.architecture", self._choices.one_of((b"llama", b"gpt2", b""))),
            lambda: self._text(b"general.type", self._choices.one_of((b"adapter", b"model"))),
            lambda: self._text(b"adapter.type", b"lora"),
            lambda: self._text(b"tokenizer.ggml.model", self._choices.one_of(MODELS)),
            lambda: self._text(b"tokenizer.ggml.pre", self._choices.one_of(PRES)),
            lambda: self._strings(b"tokenizer.ggml.tokens", spellings),
            lambda: self._strings(b"tokenizer.ggml.merges", merges),
            lambda: self._numbers(b"tokenizer.ggml.token_type", length),
            lambda: self._numbers(b"tokenizer.ggml.scores", length),
            lambda: self._number(b"general.alignment", self._choices.one_of((32, 0, 1, 7, 2**31))),
            lambda: self._number(b"adapter.lora.alpha", self._choices.one_of(NUMBERS)),
            *(self._token_pair for _ in range(self._choices.below(4))),
        ]
        return [make for make in pairs if not self._choices.chance(12)]

    def _token_pair(self) -> bytes:
        key = b"tokenizer.ggml." + self._choices.one_of(NUMBER_KEYS)
        return self._number(key, self._choices.one_of(NUMBERS))

    def _spelling(self) -> bytes:
        return self._choices.one_of(SPELLINGS)

    def _text(self, key: bytes, value: bytes) -> bytes:
        if self._choices.chance(16):
            return self._number(key, 7)
        return self._string(key) + self._kind(STRING) + self._string(value)

    def _number(self, key: bytes, value: int) -> bytes:
        kind = self._choices.one_of((U32, U32, U32, *SCALARS))
        code = SCALARS[kind]
        packed = struct.pack("<Q", value)[: struct.calcsize(code)]
        return self._string(key) + self._kind(kind) + packed

    def _strings(self, key: bytes, values: list[bytes]) -> bytes:
        items = b"".join(map(self._string, values))
        return self._string(key) + self._kind(ARRAY) + self._kind(STRING) + self._count(len(values)) + items

    def _numbers(self, key: bytes, length: int) -> bytes:
        kind = self._choices.one_of((I32, I32, I32, F32, F32, 0, U64, BOOL))
        width = struct.calcsize(SCALARS[kind])
        values = [self._choices.one_of((1, 1, 1, 2, 3, 4, 5, 6, 0, 99)) for _ in range(min(length, 24))]
        values += [6] * (length - len(values))
        items = b"".join(struct.pack("<Q", value)[:width] for value in values)
        return self._string(key) + self._kind(ARRAY) + self._kind(kind) + self._count(length) + items

    def _tensor(self, number: int) -> bytes:
        dimensions = self._choices.one_of((1, 2, 2, 2, 0, 5, 2**31))
        shape = [self._choices.one_of((32, 2, 0, 1, 256, 2**40, 2**63)) for _ in range(min(dimensions, 5))]
        name = b"w" + self._choices.one_of((b".lora_a", b".lora_b", b"", b"%d" % number))
        kind = struct.pack("<I", self._choices.one_of((0, 1, 2, 8, 12, 4, 30, 99, 2**32 - 1, *range(40))))
        offset = self._choices.one_of((0, 32, 1, 2**40, 2**64 - 1))
        sizes = struct.pack(f"<{len(shape)}Q", *shape)
        return self._string(name) + struct.pack("<I", dimensions) + sizes + kind + struct.pack("<Q", offset)

    def _string(self, value: bytes) -> bytes:
        return self._count(len(value)) + value

    def _count(self, value: int) -> bytes:
        return struct.pack("<Q", self._choices.one_of(WRONG_COUNTS) if self._choices.chance(200) else value)

    def _kind(self, value: int) -> bytes:
        return struct.pack("<I", self._choices.below(16) if self._choices.chance(120) else value)


def forge_file(choices: Choices) -> bytes:
    """A file with a vocabulary and tensors, mostly."""
    return Forger(choices).file()
