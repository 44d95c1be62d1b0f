"""Fifteen languages: what is suggested at cursors in real files, on a page for people to look at.

    python -m byte_lsp.evaluation.languages [--model NAME] > docs/languages.md

Run it from the root of the repository: the cursors are those of ``tests/languages/cursors.toml``, and so is
what a person says who has looked at a suggestion.
"""

import argparse
import sys
from pathlib import Path

from byte_lsp.api import load
from byte_lsp.doctor import look_at_machine
from byte_lsp.errors import ByteLspError
from byte_lsp.evaluation.language_answers import ask
from byte_lsp.evaluation.language_cursors import read_languages
from byte_lsp.evaluation.language_page import make_page

CURSORS = Path("tests/languages/cursors.toml")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--cursors", type=Path, default=CURSORS, help=f"({CURSORS})")
    args = parser.parse_args()
    try:
        spots = [(language, spot) for language in read_languages(args.cursors) for spot in language.spots]
        with load(args.model) as model:
            asked = [(language, spot, ask(model, language, spot)) for language, spot in spots]
        print(make_page(asked, args.model, look_at_machine()))
    except ByteLspError as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
