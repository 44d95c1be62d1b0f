"""genlm-bytes: found or not, driven where it is there, and how it is summed up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import genlm_cost
from byte_lsp.evaluation.core_bench import CoreResults
from byte_lsp.evaluation.core_tables import tabulate
from byte_lsp.evaluation.genlm_cost import HELPED, PEER, Peer, Timing, is_installed

if TYPE_CHECKING:
    from byte_lsp.evaluation.local import LocalModel

PYTHON = os.environ.get("BYTE_LSP_GENLM_PYTHON", sys.executable)
needs_genlm = pytest.mark.skipif(
    not is_installed(PYTHON), reason=f"{PYTHON} lacks genlm-bytes: pip install 'byte-lsp[genlm]'"
)


def test_an_interpreter_that_is_not_there_lacks_it() -> None:
    assert not is_installed("/no/such/python")
    with pytest.raises(EvaluationError, match=r"/no/such/python; run: pip install 'byte-lsp\[genlm\]'"):
        Peer("/no/such/python", Path("model.gguf"))


def test_ratios_are_paired() -> None:
    rounds = [
        [Timing(PEER, 10, 4.0, 10, 2.0, b""), Timing("byte-lsp", 10, 0.5, 20, 0.5, b"")],
        [Timing("byte-lsp", 10, 0.5, 20, 1.0, b""), Timing(PEER, 10, 5.0, 10, 2.0, b"")],
    ]
    for each in rounds:
        each.append(Timing(HELPED, 10, 1.0, 10, 1.0, b""))
    summary = genlm_cost.summarize(rounds, {"genlm-bytes": "0.2.0"}, {PEER: 2}, seed=0)
    speedup = summary.speedups[0]
    assert (speedup.ours, speedup.peer) == ("byte-lsp", PEER)
    assert speedup.prefix.estimate == pytest.approx((8 + 10) / 2)
    assert speedup.generated.estimate == pytest.approx((8 + 4) / 2)
    peer = next(each for each in summary.medians if each.contender == PEER)
    assert peer.prefix_ms_per_byte == pytest.approx(450)


@pytest.mark.parametrize(
    ("own", "given"),
    [({}, {}), ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"})],
)
def test_the_peer_goes_without_what_the_engine_sets(own: dict[str, str], given: dict[str, str]) -> None:
    """In a process of its own: the engine's module sets it when it is imported."""
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    script = (
        "import json, os; from byte_lsp.evaluation.genlm_cost import peer_environment;"
        f"print(json.dumps([{{name: known[name] for name in {names} if name in known}}"
        " for known in (os.environ, peer_environment())]))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in names} | own
    process = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=True)
    ours, peers = json.loads(process.stdout)
    assert set(ours) == set(names)
    assert peers == given


def test_threads_and_versions_are_told() -> None:
    timings = [Timing(name, 10, 1.0, 10, 1.0, b"") for name in (PEER, HELPED, "byte-lsp")]
    summary = genlm_cost.summarize([timings], {"torch": "2.13.0"}, {PEER: 2, "byte-lsp": 1}, seed=0)
    times, _ = tabulate(CoreResults(genlm=summary))
    assert times.notes[1:] == ["torch 2.13.0", f"threads: {PEER} 2, byte-lsp 1"]


@needs_genlm
def test_both_continue_a_word_alike(local_model: "LocalModel") -> None:
    with Peer(PYTHON, local_model.path) as peer:
        assert peer.loaded["versions"]["genlm-bytes"].startswith("0.2")
        summary = genlm_cost.measure(
            peer, {"byte-lsp": local_model}, [b"import os\nimport sys\nimp"], 3, 0, lambda _: None
        )
    assert set(summary.threads) == {PEER, "byte-lsp"}
    assert min(summary.threads.values()) >= 1
    texts = {timing.contender: timing.text[:3] for timing in summary.rounds[0]}
    assert set(texts.values()) == {b"ort"}
    assert len(texts) == 4


@needs_genlm
def test_a_peer_that_cannot_load_says_how_to_see_why(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"ended with exit code \d+; to see why, run: "):
        Peer(PYTHON, tmp_path / "none.gguf")
