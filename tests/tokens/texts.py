"""Texts to tokenize: real files that every installation of the test dependencies has, and some languages."""

import random
import sysconfig
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from byte_lsp.tokens.characters import class_edges

_SITE = Path(sysconfig.get_path("purelib"))
_WHERE = {
    "python": (Path(sysconfig.get_path("stdlib")), ["*.py", "asyncio/*.py", "email/*.py"]),
    "javascript": (_SITE, ["importlinter/ui/static/*.js"]),
    "c": (_SITE, ["numpy/_core/include/numpy/*.h", "numpy/random/*.h"]),
    "markdown": (_SITE, ["**/*.md", "*.dist-info/METADATA"]),
}
KINDS = (*_WHERE, "languages")

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


@cache
def files_of(kind: str) -> tuple[bytes, ...]:
    """The contents of the files of one kind, at most 300 of them, always in the same order."""
    if kind == "languages":
        return (LANGUAGES.encode(),)
    folder, patterns = _WHERE[kind]
    paths = sorted({path for pattern in patterns for path in folder.glob(pattern)})[:300]
    contents = [_valid(path.read_bytes()) for path in paths]
    assert contents, f"no {kind} files under {folder}"
    return tuple(contents)


def windows(kind: str, count: int, length: int, seed: int) -> Iterator[bytes]:
    """Pieces of these files, each about ``length`` bytes of whole characters, drawn at random."""
    generator = random.Random(f"{kind} {seed}")
    files = [content for content in files_of(kind) if len(content) > 40]
    for _ in range(count):
        content = generator.choice(files)
        start = generator.randrange(max(1, len(content) - length))
        yield _valid(content[start : start + length])


@cache
def edge_characters() -> tuple[str, ...]:
    """The first and last character of every run of one class, and the ones beside them."""
    near = {edge + beside for edge in class_edges() for beside in (-1, 0, 1)}
    return tuple(chr(c) for c in sorted(near) if 0 < c < 0x110000 and not 0xD800 <= c < 0xE000)


def _valid(data: bytes) -> bytes:
    return data.decode("utf-8", "ignore").encode()
