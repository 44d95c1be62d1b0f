"""What the editor says of items is counted once, and what it says of others is not."""

from collections import Counter

from byte_lsp.server.offers import DID_ACCEPT, KEPT, Offers


def offered(offers: Offers, typed: str, text: str) -> str:
    command = offers.offer(typed, text)
    assert command.command == DID_ACCEPT
    (number,) = command.arguments or ()
    assert isinstance(number, str)
    return number


def test_bytes_are_those_that_were_not_there_before() -> None:
    counters: Counter[str] = Counter()
    offers = Offers(counters)
    offers.accepted(offered(offers, "ite", "ms = 'é'"))
    assert counters == {"taken": 1, "accepted": 1, "accepted_bytes": len("ms = 'é'".encode())}


def test_parts_are_counted_from_the_beginning_in_utf_16_units() -> None:
    counters: Counter[str] = Counter()
    offers = Offers(counters)
    number = offered(offers, "x", "😀é = 1")
    offers.partly_accepted(number, 1)
    assert counters == {}, "what was typed is nothing new"
    offers.partly_accepted(number, len("x😀é") + 1)
    assert counters == {"taken": 1, "partly_accepted": 1, "accepted_bytes": 6}
    offers.partly_accepted(number, 2)
    assert counters["partly_accepted"] == 1, "less than before"
    offers.partly_accepted(number, 10**9)
    accepted = {"taken": 1, "partly_accepted": 1, "accepted": 1, "accepted_bytes": len("😀é = 1".encode())}
    assert counters == accepted, "an item that was taken in parts, to its end"
    offers.accepted(number)
    assert counters == accepted


def test_nothing_is_counted_twice() -> None:
    counters: Counter[str] = Counter()
    offers = Offers(counters)
    number = offered(offers, "", "abc")
    for _ in range(2):
        offers.shown(number)
        offers.accepted(number)
        offers.partly_accepted(number, 2)
    assert counters == {"shown": 1, "taken": 1, "accepted": 1, "accepted_bytes": 3}


def test_an_item_whose_last_part_is_accepted_is_accepted() -> None:
    counters: Counter[str] = Counter()
    offers = Offers(counters)
    offers.partly_accepted(offered(offers, "", "abc"), 3)
    assert counters == {"taken": 1, "accepted": 1, "accepted_bytes": 3}


def test_what_nobody_offered_is_ignored() -> None:
    counters: Counter[str] = Counter()
    offers = Offers(counters)
    first = offered(offers, "", "abc")
    for _ in range(KEPT):
        offered(offers, "", "abc")
    for number in (first, "", "0", None, 1, [], {"a": 1}):
        offers.shown(number)
        offers.accepted(number)
        offers.partly_accepted(number, 3)
    assert counters == {}
