"""genlm-bytes: found or not, driven where it is there, and how it is summed up."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from byte_lsp.errors import EvaluationError
from byte_lsp.evaluation import genlm_cost
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
    summary = genlm_cost.summarize(rounds, {"genlm-bytes": "0.2.0"}, seed=0)
    speedup = summary.speedups[0]
    assert (speedup.ours, speedup.peer) == ("byte-lsp", PEER)
    assert speedup.prefix.estimate == pytest.approx((8 + 10) / 2)
    assert speedup.generated.estimate == pytest.approx((8 + 4) / 2)
    peer = next(each for each in summary.medians if each.contender == PEER)
    assert peer.prefix_ms_per_byte == pytest.approx(450)


@needs_genlm
def test_both_continue_a_word_alike(local_model: "LocalModel") -> None:
    with Peer(PYTHON, local_model.path) as peer:
        assert peer.loaded["versions"]["genlm-bytes"].startswith("0.2")
        summary = genlm_cost.measure(
            peer, {"byte-lsp": local_model}, [b"import os\nimport sys\nimp"], 3, 0, lambda _: None
        )
    texts = {timing.contender: timing.text[:3] for timing in summary.rounds[0]}
    assert set(texts.values()) == {b"ort"}
    assert len(texts) == 4


@needs_genlm
def test_a_peer_that_cannot_load_says_how_to_see_why(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"ended with exit code \d+; to see why, run: "):
        Peer(PYTHON, tmp_path / "none.gguf")
