"""Fuzz a door: ``python -m tests.fuzz.run lsp --minutes 30``. See README.md beside this file.

libFuzzer stops at the first input that something does not hold for. It is kept and fuzzing goes on, until
the time is over or ``--most`` inputs were found. The exit code is 1 if there was one.
"""

import argparse
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.doors import DOORS, Door, corpus_of, found_of
from tests.fuzz.seeds import write_seeds

MOST_INPUT_BYTES = 4096
INPUT_SECONDS = 30
MEMORY_MB = 4096
KEPT_BYTES = 120_000
_FEATURES = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)")
_EXECUTED = re.compile(r"stat::number_of_executed_units: +(\d+)|^#(\d+)\t")


@dataclass
class Result:
    """What came out. ``crashes`` are where the inputs lie that something did not hold for."""

    executions: int = 0
    coverage: int = 0
    features: int = 0
    seconds: float = 0.0
    crashes: list[Path] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__.partition("\n")[0])
    parser.add_argument("door", choices=DOORS)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--work", type=Path, help="a folder for the growing corpus (default: a new one)")
    parser.add_argument("--vocabularies", type=Path, help="a folder of .gguf files to cut seeds from")
    parser.add_argument("--most", type=int, default=20, metavar="N", help="end after N bad inputs")
    parser.add_argument(
        "--keep", action="store_true", help="put the smallest corpus that reaches as much here"
    )
    args = parser.parse_args()
    work = args.work or Path(tempfile.mkdtemp(prefix="byte-lsp-fuzz-"))
    grown = work / args.door
    grown.mkdir(parents=True, exist_ok=True)
    write_seeds(args.door, grown, args.vocabularies)
    result = fuzz(args.door, grown, args.minutes * 60, args.most)
    report(args.door, grown, result)
    if args.keep:
        keep_smallest(args.door, grown)
    return 1 if result.crashes else 0


def fuzz(door: Door, grown: Path, seconds: float, most: int) -> Result:
    """Fuzz for so long; ``grown`` takes the new inputs of the corpus."""
    result = Result()
    started = time.monotonic()
    while (left := seconds - (time.monotonic() - started)) >= 1 and len(result.crashes) < most:
        if not _fuzz_once(door, grown, int(left), result):
            break
    result.seconds = time.monotonic() - started
    return result


def report(door: Door, grown: Path, result: Result) -> None:
    rate = result.executions / result.seconds if result.seconds else 0.0
    print(
        f"{door}: {result.executions} executions in {result.seconds:.0f} s ({rate:.1f}/s), "
        f"coverage {result.coverage} edges, {result.features} features, "
        f"{sum(1 for _ in grown.iterdir())} inputs in {grown}, {len(result.crashes)} bad"
    )
    for crash in result.crashes:
        print(f"  {crash}")


def keep_smallest(door: Door, grown: Path) -> None:
    """Replace the kept corpus by the smallest that reaches as much, up to ``KEPT_BYTES``."""
    with tempfile.TemporaryDirectory() as folder:
        smallest = Path(folder) / "smallest"
        smallest.mkdir()
        sources = [str(grown), str(corpus_of(door)), str(found_of(door))]
        launcher = _write_launcher(Path(folder), door)
        subprocess.run(
            [launcher, "-merge=1", str(smallest), *sources],
            env=os.environ | {"BYTE_LSP_FUZZ_LAUNCHER": str(launcher)},
            check=True,
            capture_output=True,
        )
        kept = [
            path.read_bytes() for path in sorted(smallest.iterdir(), key=lambda path: path.stat().st_size)
        ]
    assert kept, "the merge has kept nothing"
    shutil.rmtree(corpus_of(door))
    corpus_of(door).mkdir()
    left = KEPT_BYTES
    for content in kept:
        left -= len(content)
        if left >= 0 and not _is_of_others(content):
            (corpus_of(door) / hashlib.sha256(content).hexdigest()[:12]).write_bytes(content)


def _write_launcher(folder: Path, door: Door) -> Path:
    """A command that fuzzes a door, as one word."""
    launcher = folder / "launcher"
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(_command(door))} "$@"\n')
    launcher.chmod(0o700)
    return launcher


def _is_of_others(content: bytes) -> bool:
    """Whether an input may hold a piece of somebody's vocabulary, as files that were cut from one do."""
    return content.startswith(b"GGUF") and len(content) > 512


def _fuzz_once(door: Door, grown: Path, seconds: int, result: Result) -> bool:
    """Fuzz until a bad input is found, or the time is over; whether it makes sense to go on."""
    crashes = grown.parent / f"{door}-bad"
    crashes.mkdir(exist_ok=True)
    before = set(crashes.iterdir())
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={crashes}/",
        f"-max_len={MOST_INPUT_BYTES}",
        f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-report_slow_units={INPUT_SECONDS}",
        "-print_final_stats=1",
    ]
    folders = [str(grown), str(corpus_of(door)), str(found_of(door))]
    with subprocess.Popen(
        [*_command(door), *options, *folders], stderr=subprocess.STDOUT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = _read(process.stdout, result)
    new = sorted(set(crashes.iterdir()) - before)
    result.crashes += new
    if process.returncode:
        print("".join(said[-40:]))
    for crash in new:
        _forget(crash.read_bytes(), grown)
    return bool(new)


def _forget(content: bytes, grown: Path) -> None:
    """Take a bad input out of the corpus, or nothing else would be tried."""
    for path in grown.iterdir():
        if path.read_bytes() == content:
            path.unlink()


def _read(lines: "subprocess.IO[str]", result: Result) -> list[str]:  # type: ignore[name-defined]
    """Follow libFuzzer's words; returns the last of them."""
    said: list[str] = []
    executed = 0
    for line in lines:
        said = [*said[-60:], line]
        if found := _FEATURES.search(line):
            result.coverage = max(result.coverage, int(found[1]))
            result.features = max(result.features, int(found[2]))
        if found := _EXECUTED.search(line):
            executed = max(executed, int(found[1] or found[2]))
    result.executions += executed
    return said


def _command(door: Door) -> list[str]:
    return [sys.executable, "-m", "tests.fuzz.target", door]


if __name__ == "__main__":
    sys.exit(main())
