"""Fields of a venue's JSON: what is known is taken, what is not is named, nothing is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import BrokerUnreachable
from bot.venues.parsing import (
    day_of,
    decimal_of,
    flag_of,
    float_of,
    moment_of,
    number_of,
    object_of,
    rows_of,
    shown,
    whole_of,
    word_of,
)

D = Decimal
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text() | st.sampled_from(["NaN", "1e9", "-0", "١"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12.50", D("12.50")), ("-3", D(-3)), (" 7 ", D(7)), (".5", D("0.5")), ("1e3", D(1000)), (5, D(5)),
        (D("0.1"), D("0.1")), ("0", D(0)), (D("1E-30"), D("1E-30")),
    ],
)  # fmt: skip
def test_a_number_reads_exactly(value: Any, number: Decimal) -> None:
    assert number_of(value) == number
    assert str(number_of("12.50")) == "12.50"


@pytest.mark.parametrize(
    "value",
    [
        "NaN", "Infinity", "-inf", "", "abc", "1_000", "1,000", "١٢", "0x10", "1e999", "9" * 200, True, False, None, [],
        {}, 1.5, 10**30, -(10**30), D("NaN"), D("Infinity"), D("1E+30"), "12 34",
    ],
)  # fmt: skip
def test_what_is_no_number_is_none(value: Any) -> None:
    assert number_of(value) is None


@given(ANYTHING)
def test_no_value_upsets_a_reader(value: Any) -> None:
    notes: list[str] = []
    raw = {"x": value}
    number = decimal_of(raw, "x", notes)
    assert number is None or number.is_finite()
    for read in (whole_of, float_of, flag_of, word_of):
        read(raw, "x", notes)
    assert moment_of(value) is None or moment_of(value).tzinfo is UTC  # type: ignore[union-attr]
    assert day_of(value) is None or isinstance(day_of(value), date)
    assert all(len(note) < 200 and note.isprintable() for note in notes)


def test_an_absent_field_is_none_and_an_odd_one_is_named() -> None:
    notes: list[str] = []
    raw: dict[str, Any] = {"a": None, "b": "", "c": "x", "d": True, "e": "1.5", "f": 7, "g": [1]}
    assert [decimal_of(raw, key, notes) for key in ("a", "b", "absent")] == [None] * 3
    assert notes == []
    assert [decimal_of(raw, "c", notes), whole_of(raw, "e", notes), flag_of(raw, "f", notes)] == [None] * 3
    assert [word_of(raw, "d", notes), word_of(raw, "g", notes)] == ["", ""]
    assert notes == [
        "c: expected a number, got 'x'",
        "e: expected a whole number, got '1.5'",
        "f: expected true or false, got '7'",
        "d: expected text, got 'True'",
        "g: expected text, got a list",
    ]


def test_truth_values_read_as_such_and_as_text() -> None:
    raw = {"a": True, "b": "False", "c": None}
    assert [flag_of(raw, key) for key in "abc"] == [True, False, None]


def test_whole_numbers_and_scores_read_from_text_and_number() -> None:
    raw = {"a": "3.0", "b": D("0.25"), "c": 4}
    assert (whole_of(raw, "a"), float_of(raw, "b"), whole_of(raw, "c")) == (3, 0.25, 4)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-20T15:00:00Z", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T10:00:00-05:00", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T10:00:00-0500", datetime(2026, 11, 20, 15, tzinfo=UTC)),
        ("2026-11-20T15:00:00.123456789Z", datetime(2026, 11, 20, 15, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-20T15:00:00.5Z", datetime(2026, 11, 20, 15, 0, 0, 500000, tzinfo=UTC)),
    ],
)
def test_a_moment_reads_as_utc(text: str, moment: datetime) -> None:
    assert moment_of(text) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-20T15:00:00", "2026-11-20", "20261120T150000Z", "2026-13-20T15:00:00Z", "0001-01-01T00:00:00+05:00",
        "now", "", None, 7,
    ],
)  # fmt: skip
def test_a_moment_without_a_zone_or_sense_is_none(text: Any) -> None:
    assert moment_of(text) is None


def test_a_day_reads_only_as_a_day() -> None:
    assert day_of("2026-11-20") == date(2026, 11, 20)
    assert [day_of(text) for text in ("2026-02-30", "2026-11-20T00:00:00Z", "20/11/2026", "", None, 7)] == [None] * 6


def test_a_list_of_objects_is_given_and_anything_else_is_named() -> None:
    assert rows_of([], "orders") == []
    assert rows_of([{"a": 1}], "orders") == [{"a": 1}]
    for answer, why in ((None, "null"), ({}, "an object"), ([{}, 7], "entry 2 is a number"), ("x", "text")):
        with pytest.raises(BrokerUnreachable, match=f"orders: expected .*{why}"):
            rows_of(answer, "orders")


def test_an_object_is_given_and_anything_else_is_named() -> None:
    assert object_of({"a": 1}, "account") == {"a": 1}
    others: list[Any] = [None, [], "x", True]
    for answer in others:
        with pytest.raises(BrokerUnreachable, match="account: expected an object"):
            object_of(answer, "account")


def test_a_value_is_shown_on_one_short_line() -> None:
    assert shown("a\nb\x1b") == "'a?b?'"
    assert len(shown("x" * 10_000)) < 80
    assert shown({"deep": 1}) == "an object"
    assert shown(10**5000) == "a huge number"
