"""Bodies are read strictly: exact numbers, no NaN, no depth without end."""

from __future__ import annotations

import gc
import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.venues.answers import DEEPEST, Answer, Nonsense, plain_words, read_json, refusal_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(PLAIN)
def test_what_json_holds_comes_back_equal(value: Any) -> None:
    assert read_json(json.dumps(value).encode()) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_number_with_a_fraction_comes_back_exactly(value: Decimal) -> None:
    assert read_json(f"[{value:f}]".encode()) == [value]


@pytest.mark.parametrize("body", [b"1.50", b"0.30000000000000004", b"1e-7", b"1.7976931348623157e308"])
def test_no_digit_is_lost_or_made_up(body: bytes) -> None:
    assert read_json(body) == Decimal(body.decode())
    assert isinstance(read_json(body), Decimal)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"), (b" \n", "empty"), (b"<!doctype html>", "HTML"), (b"{} {}", "not JSON"), (b"NaN", "not JSON"),
        (b"[Infinity]", "not JSON"), (b"[-Infinity]", "not JSON"), (b'{"a": nan}', "not JSON"), (b'"\xff"', "not JSON"),
        (b'{"a": 1', "not JSON"), (b"[1e999]", "beyond reason"), (b"[1e-999]", "beyond reason"),
        (b"[1e999999999999999999999]", "beyond reason"), (b"[" + b"9" * 5000 + b"]", "not JSON"),
    ],
)  # fmt: skip
def test_what_is_no_answer_says_what_it_is(body: bytes, why: str) -> None:
    with pytest.raises(Nonsense, match=why):
        read_json(body)


@pytest.mark.parametrize(("opened", "closed"), [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, 5_000, 200_000])
def test_depth_is_bounded(opened: bytes, closed: bytes, depth: int) -> None:
    with pytest.raises(Nonsense, match="deeper"):
        read_json(opened * depth + b"1" + closed * depth)


@pytest.mark.parametrize("collecting", [True, False])
def test_nothing_is_collected_at_the_bottom_of_a_body_and_all_is_as_before_after_it(collecting: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collecting else gc.disable)()
    try:
        for body in (b"[1]", b"[" * 5_000, b"no json"):
            with suppress(Nonsense):
                read_json(body)
            assert gc.isenabled() is collecting
    finally:
        (gc.enable if before else gc.disable)()


def test_the_depth_of_any_real_answer_passes() -> None:
    assert read_json(b"[" * DEEPEST + b"]" * DEEPEST)


def test_a_refusal_gives_its_code_message_and_fields() -> None:
    body = b'{"code": 40310000, "message": "insufficient\\nbuying power", "cost_basis": "1"}'
    expected = (40310000, "insufficient\nbuying power", frozenset({"code", "message", "cost_basis"}))
    assert refusal_of(body) == expected
    assert refusal_of(b'{"code": "42210000", "message": "x"}')[0] == 42210000


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"code": true, "message": 7}', b"[" * 5000, b"\xff"])
def test_a_refusal_without_sense_has_code_0_and_says_so(body: bytes) -> None:
    code, message, _ = refusal_of(body)
    assert code == 0
    assert "gives no reason" in message


def test_a_stranger_s_words_become_one_printable_line_without_secrets() -> None:
    assert plain_words("a\r\n\tb  c\x00d‮e", ()) == "a b c d e"
    assert plain_words("key=hush and hush", ("hush", "")) == "key=*** and ***"
    assert len(plain_words("x" * 10_000)) == 300


def test_an_answer_hands_itself_back_whatever_its_status() -> None:
    answer = Answer(504, {"A": "b"}, b"")
    answer.raise_for_status()
    assert answer.json() is answer
    assert answer.text != ""
