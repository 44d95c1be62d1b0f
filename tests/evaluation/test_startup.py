"""The server answers ``initialize`` without a model."""

from byte_lsp.evaluation.startup import time_initialize, time_interpreter


async def test_initialize_is_answered_with_no_model_there() -> None:
    assert await time_initialize() > time_interpreter()
