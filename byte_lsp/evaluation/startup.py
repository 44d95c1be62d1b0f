"""How long an editor waits for the server: from starting the process to the answer to ``initialize``.

    python -m byte_lsp.evaluation.startup [--runs 9]

No model is loaded: the server answers before it looks for one. Beside it, in the same run, the bare
interpreter, because these machines are shared.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time

from byte_lsp.client import Client


async def time_initialize() -> float:
    """Seconds from starting the server process to its answer to ``initialize``."""
    started = time.perf_counter()
    async with await Client.start() as client:
        await client.initialize(options={"suggest": {"enabled": False}, "model": "none.gguf"})
        return time.perf_counter() - started


def time_interpreter() -> float:
    """Seconds that the same interpreter takes to start and do nothing."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    server = [asyncio.run(time_initialize()) for _ in range(runs)]
    bare = [time_interpreter() for _ in range(runs)]
    for name, times in (("initialize answered", server), ("bare interpreter", bare)):
        print(f"{name}: median {statistics.median(times):.2f} s, most {max(times):.2f} s, {runs} runs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
