"""What exactness costs: extra token evaluations for covers at random cursors in real files.

    python -m byte_lsp.evaluation.cover_cost FOLDER [--cursors 200] [--pattern '*.py'] [--seed 0]

Counts the nodes of each request's token tree beyond the last token that plain tokenization would evaluate
too: work, not time, so the figure is stable. Needs the tokenizer alone.
"""

import argparse
import random
import statistics
import sys
from pathlib import Path

from byte_lsp.api import load_tokenizer
from byte_lsp.errors import ByteLspError
from byte_lsp.infill.window import prefix_window, unify_line_ends
from byte_lsp.tokens.contexts import finder
from byte_lsp.tokens.tokenizer import Tokenizer


def extra_tokens(tokenizer: Tokenizer, prefix: bytes) -> int:
    """Nodes of the cover tree: distinct beginnings of contexts beyond what all contexts share."""
    frontier = finder(tokenizer).frontier(prefix)
    sequences = [tail.tokens for tail, _ in frontier.ends]
    beginnings = {tokens[:length] for tokens in sequences for length in range(1, len(tokens) + 1)}
    shared = sum(all(tokens[: len(b)] == b for tokens in sequences) for b in beginnings)
    return len(beginnings) - shared


def random_prefixes(folder: Path, pattern: str, count: int, seed: int) -> list[bytes]:
    """Windows before random bytes of random files, ends inside characters included."""
    files = sorted(path for path in folder.rglob(pattern) if path.is_file() and path.stat().st_size > 0)
    if not files:
        raise ByteLspError(f"{folder}: no file there matches {pattern!r}")
    rng = random.Random(seed)
    prefixes = []
    for _ in range(count):
        text = unify_line_ends(rng.choice(files).read_bytes())
        prefixes.append(prefix_window(text, rng.randrange(len(text)), 3072))
    return prefixes


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cursors", type=int, default=200)
    parser.add_argument("--pattern", default="*.py")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="smollm2-135m")
    args = parser.parse_args()
    try:
        tokenizer = load_tokenizer(args.model)
        prefixes = random_prefixes(args.folder, args.pattern, args.cursors, args.seed)
    except (ByteLspError, OSError) as error:
        print(f"byte-lsp: {error}", file=sys.stderr)
        return 1
    extras = [extra_tokens(tokenizer, prefix) for prefix in prefixes]
    mean, most = statistics.mean(extras), max(extras)
    print(f"{len(extras)} cursors: extra token evaluations mean {mean:.2f}, most {most}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
