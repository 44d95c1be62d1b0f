"""The wait before the model is asked follows the typing and the model."""

from byte_lsp.server.debounce import LONGEST_MS, Debounce


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def typing(between_ms: float, answer_ms: float | None, keys: int = 20) -> Debounce:
    clock = Clock()
    debounce = Debounce(clock)
    for _ in range(keys):
        debounce.typed()
        clock.now += between_ms / 1e3
    if answer_ms is not None:
        debounce.answered(answer_ms)
    return debounce


def test_a_model_that_keeps_up_is_asked_at_once() -> None:
    assert typing(200, 150).wait_ms(-1) == 0
    assert typing(200, None).wait_ms(-1) == 0
    assert Debounce().wait_ms(-1) == 0


def test_a_slower_one_is_asked_in_the_first_pause() -> None:
    assert 100 < typing(100, 400).wait_ms(-1) < LONGEST_MS
    assert typing(100, 110).wait_ms(-1) == 110, "a longer wait than the answer takes is no gain"
    assert typing(900, 2000).wait_ms(-1) == LONGEST_MS


def test_pauses_are_no_typing() -> None:
    assert typing(5000, 400).wait_ms(-1) == 0


def test_the_setting_has_the_last_word() -> None:
    assert typing(100, 400).wait_ms(0) == 0
    assert typing(200, 150).wait_ms(75) == 75
