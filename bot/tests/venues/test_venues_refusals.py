"""Alpaca's refusals by status, code and fields; its words are never looked at."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import RefusalCode
from bot.venues.refusals import cancel_refusal_code, refusal_code

SHARED = (403, 40310000)


@pytest.mark.parametrize(
    ("status", "code", "fields", "meaning"),
    [
        (422, 40010001, ["code", "message"], RefusalCode.DUPLICATE_ID),
        (422, 42210000, [], RefusalCode.MALFORMED),
        (422, 0, [], RefusalCode.MALFORMED),
        (404, 40410000, [], RefusalCode.NOT_FOUND),
        (404, 0, [], RefusalCode.NOT_FOUND),
        (429, 42910000, [], RefusalCode.RATE_LIMITED),
        (400, 40010000, [], RefusalCode.MALFORMED),
        (400, 40010001, [], RefusalCode.MALFORMED),
        (401, 40110000, [], RefusalCode.NOT_PERMITTED),
        (403, 40310001, [], RefusalCode.NOT_PERMITTED),
        (418, 0, [], RefusalCode.OTHER),
        (*SHARED, ["code", "message"], RefusalCode.NOT_PERMITTED),
        (*SHARED, ["code", "message", "buying_power", "cost_basis"], RefusalCode.INSUFFICIENT_FUNDS),
        (*SHARED, ["code", "message", "options_buying_power"], RefusalCode.INSUFFICIENT_FUNDS),
        (*SHARED, ["available", "existing_qty", "held_for_orders", "symbol"], RefusalCode.INSUFFICIENT_QUANTITY),
        (*SHARED, ["existing_order_id", "reject_reason"], RefusalCode.WASH_TRADE),
        (403, 40310001, ["buying_power"], RefusalCode.NOT_PERMITTED),
    ],
)
def test_a_refusal_means_what_its_status_code_and_fields_say(
    status: int, code: int, fields: list[str], meaning: RefusalCode
) -> None:
    assert refusal_code(status, code, fields) is meaning


def test_a_duplicate_id_is_concluded_from_its_own_code_only() -> None:
    """It means look up and adopt: a mistake here would adopt an order that is not ours."""
    others = [refusal_code(status, 40010001) for status in (400, 401, 403, 404, 409, 429)]
    assert RefusalCode.DUPLICATE_ID not in others
    assert refusal_code(422, 40010002) is not RefusalCode.DUPLICATE_ID


def test_a_cancellation_refused_with_422_is_too_late_whatever_its_code() -> None:
    assert cancel_refusal_code(422, 42210000) is RefusalCode.NOT_CANCELABLE
    assert cancel_refusal_code(422, 40010001) is RefusalCode.NOT_CANCELABLE
    assert cancel_refusal_code(404, 40410000) is RefusalCode.NOT_FOUND
    assert cancel_refusal_code(403, 40310000) is RefusalCode.NOT_PERMITTED


@given(st.integers(), st.integers(), st.lists(st.text()))
def test_any_refusal_has_a_meaning(status: int, code: int, fields: list[str]) -> None:
    assert isinstance(refusal_code(status, code, fields), RefusalCode)
