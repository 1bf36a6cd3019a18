"""What becomes of options at a close: exercise by a cent, pin, early assignment (wheel 1.9, 1.17)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from bot.brokers.simulator_expiry import assigned_early, pinned, taken_at_expiry
from bot.domain.instruments import parse_option
from bot.tests.builders import call, put

D = Decimal
FRIDAY = date(2026, 12, 18)
PUT, CALL = parse_option(put("XLF", FRIDAY, "40")), parse_option(call("XLF", FRIDAY, "40"))


def test_a_short_option_away_from_its_strike_follows_the_money() -> None:
    assert taken_at_expiry(PUT, D(-3), D("39.00"), "SIM") == D(3)
    assert taken_at_expiry(PUT, D(-3), D("41.00"), "SIM") == D(0)
    assert taken_at_expiry(CALL, D(-3), D("41.00"), "SIM") == D(3)
    assert taken_at_expiry(CALL, D(-3), D("39.00"), "SIM") == D(0)


@pytest.mark.parametrize(("spot", "taken"), [("39.99", D(2)), ("39.995", D(0)), ("40.00", D(0))])
def test_a_long_option_is_exercised_from_one_cent(spot: str, taken: Decimal) -> None:
    assert taken_at_expiry(PUT, D(2), D(spot), "SIM") == taken


def test_within_one_percent_of_the_strike_is_pin() -> None:
    assert [pinned(PUT, D(spot)) for spot in ("39.59", "39.60", "40.40", "40.41")] == [False, True, True, False]


@pytest.mark.parametrize("spot", ["39.80", "40.20"])
def test_a_pinned_short_goes_either_way_on_either_side(spot: str) -> None:
    taken = {taken_at_expiry(PUT, D(-1), D(spot), f"SIM-{number}") for number in range(30)}
    assert taken == {D(0), D(1)}
    assert 0 < taken_at_expiry(PUT, D(-40), D(spot), "SIM") < 40


def test_a_pin_replays() -> None:
    assert taken_at_expiry(PUT, D(-9), D(40), "SIM") == taken_at_expiry(PUT, D(-9), D(40), "SIM")


def test_a_call_with_less_extrinsic_than_the_dividend_is_mostly_assigned() -> None:
    taken = assigned_early(CALL, D(-200), D(42), D("2.10"), D("0.25"), FRIDAY, "SIM")
    assert 140 <= taken <= 180


@pytest.mark.parametrize(
    ("spot", "mid", "dividend"), [("42", "2.30", "0.25"), ("42", "2.10", "0"), ("39.9", "0.05", "0.25")]
)
def test_a_call_worth_keeping_is_not_assigned_early(spot: str, mid: str, dividend: str) -> None:
    assert assigned_early(CALL, D(-200), D(spot), D(mid), D(dividend), FRIDAY, "SIM") == 0


def test_a_put_without_extrinsic_value_is_assigned_now_and_then() -> None:
    assert 1 <= assigned_early(PUT, D(-200), D(30), D("10.01"), D(0), FRIDAY, "SIM") <= 25
    assert assigned_early(PUT, D(-200), D(39), D("1.20"), D(0), FRIDAY, "SIM") == 0


def test_a_long_option_is_never_assigned() -> None:
    assert assigned_early(CALL, D(5), D(90), None, D(3), FRIDAY, "SIM") == 0
