"""The loss is given the bytes of the cursor's token that stand before the cursor."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import get_peft_model_state_dict

from byte_lsp.errors import TrainingError
from byte_lsp.infill.problem import InfillProblem
from byte_lsp.tokens.tokenizer import Tokenizer
from byte_lsp.training.examples import ExampleMaker
from byte_lsp.training.holes import Hole, Text, as_example
from byte_lsp.training.network import Beginnings, Lora, Network, Optimizer
from byte_lsp.training.packs import fill_rows

PIECES = [b"", b"wi", b"a", b"width", b"wid", b"wide", b"x", b"wie", b"\xff"]


def test_tokens_that_start_otherwise_are_ruled_out() -> None:
    logits = torch.arange(27.0).reshape(3, 9).requires_grad_()
    ruled = logits * 1.0
    Beginnings(PIECES).rule_out_others(ruled, torch.tensor([4, 7, 12]), {12: b"\xff", 7: b"wid"})
    kept = ruled > float("-inf")
    assert kept[0].all()
    assert kept[1].nonzero()[:, 0].tolist() == [3, 4, 5]
    assert kept[2].nonzero()[:, 0].tolist() == [8]
    assert torch.equal(ruled[kept], logits[kept])
    torch.nn.functional.cross_entropy(ruled, torch.tensor([0, 4, 8])).backward()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert not logits.grad[1, [0, 1, 2, 6, 7, 8]].any(), "what was never possible teaches nothing"
    assert logits.grad[1, 4] < 0 < logits.grad[1, 3]


@pytest.fixture(scope="module")
def network(smollm2_path: Path) -> Network:
    return Network(smollm2_path, Lora(rank=2, first_layer=29), seed=0, compiled=False)


def test_the_token_that_the_cursor_stands_in_costs_what_its_rest_does(
    network: Network, maker: ExampleMaker, tokenizer: Tokenizer
) -> None:
    problem = InfillProblem(
        b"def area(self):\n    return self.c", b" * self.width\n", "python", suffix_goes_on=True
    )
    known, bare = (maker.of(each, b"onfig", "inside") for each in (problem, problem.onward))
    pack = fill_rows([known, bare], 64)
    losses = network.token_losses(pack)
    with torch.no_grad():
        hidden = network.peft.base_model.model.model(input_ids=torch.from_numpy(pack.inputs))[0]
        logits = network.peft.base_model.model.lm_head(hidden).float().numpy()
    starts = [token for token, piece in enumerate(tokenizer.vocabulary.pieces) if piece.startswith(b"c")]
    for row, example in enumerate((known, bare)):
        at = example.middle_at - 1
        first = example.tokens[example.middle_at]
        assert first in starts
        expected = np.logaddexp.reduce(logits[row, at, starts]) - logits[row, at, first]
        whole = np.logaddexp.reduce(logits[row, at]) - logits[row, at, first]
        assert 0.5 < expected < whole - 0.5
        # Logits are bfloat16: at 16 they come in steps of an eighth.
        assert losses[row][0] == pytest.approx(expected, abs=0.25)
    end = np.logaddexp.reduce(logits[0, known.middle_at]) - logits[0, known.middle_at, known.tokens[-1]]
    assert losses[0][1] == pytest.approx(end, abs=0.25), "what follows is not ruled out"


def test_more_layers_go_on_from_an_adapter_of_fewer(smollm2_path: Path, maker: ExampleMaker) -> None:
    problem = InfillProblem(b"def area(self):\n    return ", b"\n", "python", file_is_whole=True)
    pack = fill_rows([maker.of(problem, b"self.width * self.height", "rest")], 64)
    fewer = Network(smollm2_path, Lora(rank=2, first_layer=29), seed=0, compiled=False)
    untaught = fewer.token_losses(pack)[0]
    rng = np.random.default_rng(3)
    state = {
        name: rng.normal(size=tuple(value.shape)).astype(np.float32) * 0.05
        for name, value in get_peft_model_state_dict(fewer.peft, save_embedding_layers=False).items()
    }
    fewer.start_from(state)
    more = Network(smollm2_path, Lora(rank=2, first_layer=28), seed=1, compiled=False)
    more.start_from(state)
    taught = more.token_losses(pack)[0]
    assert taught == fewer.token_losses(pack)[0]
    assert taught != pytest.approx(untaught, abs=0.1)
    assert more.size > fewer.size

    wider = get_peft_model_state_dict(more.peft, save_embedding_layers=False)
    with pytest.raises(TrainingError, match="--first-layer that is not above its own"):
        fewer.start_from({name: value.float().numpy() for name, value in wider.items()})


def test_pairs_are_learnt_from_by_how_much_the_better_text_gains(
    smollm2_path: Path, maker: ExampleMaker
) -> None:
    network = Network(smollm2_path, Lora(rank=2, first_layer=28), seed=0, compiled=False)
    problem = InfillProblem(b"def area(self):\n    return ", b"\n", "python", file_is_whole=True)
    hole = Hole(problem, b"self.width * self.height", "rest")
    texts = Text(hole.truth, None, True), Text(b"0", None, False)
    examples = [as_example(maker, hole, text) for text in texts]
    pack = fill_rows(examples, 64)
    with torch.no_grad():
        references = network.text_losses(pack).tolist()
    assert references == pytest.approx([sum(each) for each in network.token_losses(pack)], rel=1e-5)

    loss, margin = network.preference_loss(pack, references, beta=0.2, truth_weight=0.5)
    tokens = sum(weight > 0 for weight in examples[0].weights)
    assert margin == pytest.approx(0, abs=1e-3)
    assert float(loss.detach()) == pytest.approx(math.log(2) + 0.5 * references[0] / tokens, rel=1e-4)
    far = [references[0] + 5, references[1]]
    loss, margin = network.preference_loss(pack, far, beta=0.2, truth_weight=0.0)
    assert margin == pytest.approx(5, abs=1e-3)
    assert float(loss.detach()) == pytest.approx(math.log1p(math.exp(-0.2 * 5)), rel=1e-3)

    better, worse = references
    pairs = fill_rows([examples[0], examples[0], examples[1], examples[1]], 64)
    loss, margin = network.preference_loss(pairs, [better + 5, better + 1, worse, worse + 3], 0.2, 0.0)
    assert margin == pytest.approx(5 - 2, abs=0.2)
    both = math.log1p(math.exp(-0.2 * 5)) + math.log1p(math.exp(0.2 * 2))
    assert float(loss.detach()) == pytest.approx(both, rel=0.03)

    optimizer = Optimizer(network)
    for _ in range(3):
        gradient = network.empty_gradient()
        loss, _ = network.preference_loss(pack, references, beta=0.2, truth_weight=0.0)
        loss.backward()
        network.move_gradients(gradient)
        optimizer.step(gradient, 2e-3)
    with torch.no_grad():
        better, worse = network.text_losses(pack).tolist()
    assert (references[0] - better) - (references[1] - worse) > 0.5


def test_the_shape_is_that_of_the_matrices() -> None:
    def matrices(*layers: int, rank: int = 4) -> dict[str, np.ndarray]:
        return {
            f"base_model.model.model.layers.{layer}.mlp.up_proj.lora_{side}.weight": np.zeros(shape, "f4")
            for layer in layers
            for side, shape in (("A", (rank, 6)), ("B", (6, rank)))
        }

    assert Lora.of(matrices(10, 11), 64) == Lora(4, 64, 10)
    with pytest.raises(TrainingError, match=r"ranks \[2, 4\]"):
        Lora.of(matrices(10) | matrices(11, rank=2), 64)
