"""Texts that try a tokenizer: windows of real files, what upsets splitters, and mixtures of the two."""

import random
import sysconfig
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

from byte_lsp.evaluation.corpus import Corpus
from byte_lsp.tokens.characters import class_edges
from byte_lsp.tokens.vocabulary import Kind, Vocabulary

_MOST_FILES = 400
_WINDOW_BYTES, _LONG_WINDOW_BYTES = 300, 4000

SPACES = (
    " ", "  ", "    ", "\n", "\n\n", "\n\n\n", "\t", "\r\n", "\r", "\n    ",
    "\u3000", "\u00a0", "\u2028",
)  # fmt: skip
WORDS = (
    "'", "''", "'s", "'l", "'ll", "'RE", "1", "12", "123", "٣", "Ⅷ", "a", "A", "Ab",
    "é", "e\u0301", "中", "日本",
)  # fmt: skip
OTHERS = (
    "กั", "क्\u200dष", "😀", "👩\u200d👩\u200d👧", "🇩🇪", "1️⃣", "❤️\u200d🔥", "\x00", "==", "/", "(", "_",
    "\ufeff", "\ufffd",
)  # fmt: skip
INVALID = (b"\xff", b"\x80", b"\xc3", b"\xc0\x80", b"\xe4\xb8", b"\xed\xa0\x80", b"\xf0\x9f\x98", b"\xf4\x90")
ODD: Sequence[bytes] = (*map(str.encode, (*SPACES, *WORDS, *OTHERS)), *INVALID)
"""Fragments of text that pre-tokenizers, merges or UTF-8 decoders tell apart."""

CONTROL = (
    "<|endoftext|>", "<fim_prefix>", "<|fim_middle|>", "<s>", "</s>", "<unk>", "<0x0A>", "<bos>",
    "<|im_end|>", "<start_of_turn>", "[INST]", "<｜fim▁hole｜>", "<|eot_id|>", "<pad>", "<unused5>",
    "<filename>",
)  # fmt: skip
"""Spellings of control tokens; in a text they are text."""

_RUNS = (b" ", b"\t", b"\n", b"\r\n", b"0", b"9", b"a", b"=", b"-", b"\xff", "中".encode(), "😀".encode())


class Texts:
    """Draws texts for one vocabulary; ``folders`` hold source files, Python's own by default."""

    def __init__(self, folders: Sequence[Path], vocabulary: Vocabulary, generator: random.Random) -> None:
        self._files = _read_files(tuple(folders) or (Path(sysconfig.get_path("stdlib")),))
        self._generator = generator
        self._spellings = _spellings(vocabulary)
        self._draws: Sequence[Callable[[], bytes]] = (self._window, self._spliced, self._odd, self._edges)
        self._weights = (10, 5, 5, 1)

    def draw(self) -> bytes:
        """A text of at least one byte."""
        (draw,) = self._generator.choices(self._draws, self._weights)
        return draw() or b"\n"

    def _window(self) -> bytes:
        most = _LONG_WINDOW_BYTES if self._generator.random() < 0.02 else _WINDOW_BYTES
        window = self._cut(self._generator.randint(1, most))
        return window.replace(b"\n", b"\r\n") if self._generator.random() < 0.1 else window

    def _cut(self, length: int) -> bytes:
        text = self._generator.choice(self._files)
        start = self._generator.randrange(max(1, len(text) - length))
        return text[start : start + length]

    def _spliced(self) -> bytes:
        before, after = self._cut(self._generator.randint(1, 80)), self._cut(self._generator.randint(1, 80))
        return before + self._odd() + after

    def _odd(self) -> bytes:
        kind = self._generator.random()
        if kind < 0.15:
            return self._run()
        if kind < 0.35:
            return self._generator.choice(self._spellings)
        if kind < 0.45:
            return self._generator.randbytes(self._generator.randint(1, 12))
        few = self._generator.choices(ODD, k=self._generator.randint(1, 4))
        return b"".join(self._generator.choices(few, k=self._generator.randint(1, 10)))

    def _run(self) -> bytes:
        return self._generator.choice(_RUNS) * self._generator.choice((2, 3, 5, 8, 13, 40, 130))

    def _edges(self) -> bytes:
        """Characters from the edges of character classes, their last byte or two missing at times."""
        text = "".join(self._generator.choices(edge_characters(), k=self._generator.randint(1, 6))).encode()
        return text[: len(text) - self._generator.choice((0, 0, 1, 2))]


@lru_cache(maxsize=1)
def edge_characters() -> tuple[str, ...]:
    """The first and last character of every run of one class, and the ones beside them."""
    near = {edge + beside for edge in class_edges() for beside in (-1, 0, 1)}
    return tuple(chr(c) for c in sorted(near) if 0 < c < 0x110000 and not 0xD800 <= c < 0xE000)


@lru_cache(maxsize=1)
def _read_files(folders: tuple[Path, ...]) -> list[bytes]:
    files = islice(Corpus(folders, seed=0).files(), _MOST_FILES)
    return [*(file.text for file in files), LANGUAGES.encode()]


def _spellings(vocabulary: Vocabulary) -> list[bytes]:
    """Spellings of tokens that stand for no text, and of USER_DEFINED ones."""
    kinds = (Kind.CONTROL, Kind.UNKNOWN, Kind.UNUSED, Kind.USER_DEFINED)
    own = [s for s, kind in zip(vocabulary.spellings, vocabulary.kinds, strict=True) if kind in kinds]
    return [spelling.encode() for spelling in (*CONTROL, *own[:: max(1, len(own) // 64)])]


LANGUAGES = """\
Grüße aus Köln: „Übermäßig schöne Straßen“, sagte er – naïve Façade, €5,00.
Où est passé l'été ? L'œuvre d'Étienne coûte 12 345,67 € aujourd'hui… N'est-ce pas ?
El niño comió piñas; ¿cuántas? ¡Muchísimas! Añadió: «mañana será otro día».
Съешь же ещё этих мягких французских булок, да выпей чаю. Цена: 1 234 ₽.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία· το κόστος είναι 50 €.
人工智能正在改变世界。他说:“你好,世界!”然后走了,共有12345个字符。
いろはにほへと ちりぬるを。カタカナも使います!「プログラミング」は楽しいです。
다람쥐 헌 쳇바퀴에 타고파. 한국어 문장입니다, 그렇죠?
เป็นมนุษย์สุดประเสริฐเลิศคุณค่า กว่าบรรดาฝูงสัตว์เดรัจฉาน ๑๒๓
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले। १२३४
صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت — يَحظى الضَجيعُ بِها ١٢٣
דג סקרן שט בים מאוכזב ולפתע מצא חברה, כך אמר 3 פעמים.
Tiếng Việt có nhiều dấu: ắằẳẵặ, ốồổỗộ; giá 10.000 ₫.
Zażółć gęślą jaźń. Pijamalı hasta, yağız şoföre çabucak güvendi.
👩‍👩‍👧‍👦 👍🏽 🇩🇪🇫🇷 ❤️‍🔥 1️⃣ 🏴󠁧󠁢󠁥󠁮󠁧󠁿 — 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟙𝟚𝟛 ½ Ⅷ ⅷ ① ² ㊗
e\u0301 o\u0308\u0304 क्\u200dष \u00a0\u2003\u3000x\u2028y\u0085z \ufeff\ufffd
# 中文注释
def 打印(值):\r\n    return f"值={值!r}"  # café\r\n\r\n
\t\tif (a != b) { printf("Здравствуй\\n"); }\n\n\n\n    // 終わり
"""
"""Prose and code in many scripts."""
