"""Reading settings from an editor."""

from dataclasses import replace
from typing import Any

import pytest

from byte_lsp.errors import SettingsError
from byte_lsp.settings import (
    EngineSettings,
    LogSettings,
    Member,
    Settings,
    SuggestSettings,
    describe,
    merge,
    needs_new_worker,
    read_members,
    read_settings,
)


def test_nothing_given_is_the_defaults() -> None:
    assert read_settings({}) == (Settings(), ())


def test_what_is_given_applies() -> None:
    given = {
        "model": "m",
        "suggest": {"temperature": 1, "completion_items": "never"},
        "engine": {"threads": 4},
    }
    suggest = SuggestSettings(temperature=1.0, completion_items="never")
    expected = Settings(model="m", suggest=suggest, engine=EngineSettings(threads=4))
    settings, problems = read_settings(given)
    assert settings == expected
    assert isinstance(settings.suggest.temperature, float)
    assert problems == ()


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"colour": 1}, "colour: no such setting"),
        ({"suggest": {"max_byte": 1}}, "suggest.max_byte: no such setting"),
        ({"model": 3}, 'model: 3 is not a string; using "smollm2-135m-fim"'),
        ({"model": ""}, 'model: "" is not a string'),
        ({"suggest": {"enabled": "yes"}}, 'suggest.enabled: "yes" is not a boolean; using true'),
        ({"suggest": {"enabled": 1}}, "suggest.enabled: 1 is not a boolean"),
        (
            {"suggest": {"max_bytes": True}},
            "suggest.max_bytes: true is not an integer from 1 to 4096; using 512",
        ),
        ({"suggest": {"max_bytes": 0}}, "suggest.max_bytes: 0 is not an integer from 1 to 4096"),
        ({"suggest": {"max_bytes": 2.5}}, "suggest.max_bytes: 2.5 is not an integer"),
        ({"suggest": {"max_bytes": 10**400}}, "suggest.max_bytes: 1000"),
        (
            {"suggest": {"temperature": float("nan")}},
            "suggest.temperature: NaN is not a number from 0.0 to 2.0",
        ),
        ({"log": {"level": "loud"}}, 'log.level: "loud" is not one of "error", "warning", "info", "debug"'),
        ({"engine": 5}, "engine: 5 is not a group of settings; using the defaults"),
        ({"engine": ["threads"]}, 'engine: ["threads"] is not a group of settings'),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_applies(given: dict[str, Any], problem: str) -> None:
    settings, problems = read_settings(
        merge(given, {"log": {"level": "debug"}} if "log" not in given else {})
    )
    assert [each for each in problems if each.startswith(problem)], problems
    assert len(problems) == 1
    rest = LogSettings() if "log" in given else LogSettings(level="debug")
    assert settings == Settings(log=rest)


def test_every_fault_is_named() -> None:
    _, problems = read_settings(
        {"a": 1, "suggest": {"b": 2, "top_p": 0}, "engine": None, "context": {"c": 3}}
    )
    assert [problem.split(":")[0] for problem in problems] == [
        "suggest.top_p",
        "suggest.b",
        "context.c",
        "engine",
        "a",
    ]


def test_a_whole_float_is_an_integer() -> None:
    assert read_settings({"suggest": {"alternatives": 2.0}})[0].suggest.alternatives == 2


def test_layers_are_merged_key_by_key_and_null_is_not_set() -> None:
    below = {"model": "m", "suggest": {"max_bytes": 1, "top_p": 0.5}}
    above = {"model": None, "suggest": {"max_bytes": 2}, "engine": {"threads": None}}
    expected = {"model": "m", "suggest": {"max_bytes": 2, "top_p": 0.5}, "engine": {}}
    assert merge(below, above) == expected


def test_only_the_model_and_its_engine_need_a_new_worker() -> None:
    old = Settings()
    assert not needs_new_worker(old, replace(old, suggest=SuggestSettings(enabled=False)))
    assert needs_new_worker(old, replace(old, model="other"))
    assert needs_new_worker(old, replace(old, engine=EngineSettings(threads=2)))


def test_every_setting_is_described_and_its_default_and_limits_are_accepted() -> None:
    docs = describe()
    assert {doc.key.split(".")[0] for doc in docs} == {
        "model",
        "suggest",
        "context",
        "engine",
        "ensemble",
        "log",
        "privacy",
    }
    for doc in docs:
        assert doc.description.endswith(".")
        values = [doc.default, *doc.choices, *(v for v in (doc.minimum, doc.maximum) if v is not None)]
        for value in values:
            tree: dict[str, Any] = {doc.key.split(".")[-1]: value}
            for group in reversed(doc.key.split(".")[:-1]):
                tree = {group: tree}
            assert read_settings(tree)[1] == ()


def members_of(members: str, rule: str = "mixture") -> list[tuple[str, float]]:
    settings, problems = read_settings({"ensemble": {"members": members, "rule": rule}})
    assert problems == ()
    return [(member.model, member.weight) for member in read_members(settings)]


def test_without_an_ensemble_the_model_is_the_only_member() -> None:
    assert read_members(read_settings({"model": "x.gguf"})[0]) == (Member("x.gguf", 1.0),)
    assert members_of("  ") == [("smollm2-135m-fim", 1.0)]


def test_members_have_names_or_paths_and_weights() -> None:
    assert members_of("smollm2-135m=0.6, gemma3-270m=.4") == [("smollm2-135m", 0.6), ("gemma3-270m", 0.4)]
    assert members_of("a, /m/b=c.gguf=2") == [("a", 1.0), ("/m/b=c.gguf", 2.0)]
    assert members_of("big=1, big-base=-0.5,", rule="product") == [("big", 1.0), ("big-base", -0.5)]


@pytest.mark.parametrize(
    ("members", "rule", "about"),
    [
        ("a=1, =2", "mixture", "'=2' is not MODEL=WEIGHT"),
        ("a=much", "mixture", "'a=much' is not MODEL=WEIGHT"),
        ("a=inf", "mixture", "MODEL=WEIGHT"),
        ("a=1, b=-1", "mixture", "product"),
        ("a=0", "mixture", "not all 0"),
        ("a=-1", "product", "positive weight"),
        (",", "mixture", "at least one member"),
        (" , ", "product", "at least one member"),
        ("a=101, b=1", "product", "from -100 to 100"),
    ],
)
def test_an_ensemble_that_makes_no_sense_is_refused(members: str, rule: str, about: str) -> None:
    with pytest.raises(SettingsError, match=about):
        members_of(members, rule)
