"""Expected ex-dates from past payments: the period told by their gaps, never before what is declared (wheel 1.9)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.markets.dividends import GIVE, Payment, Period, expected_dividends, period_of, regular_days

D = Decimal
TODAY = date(2026, 11, 18)


def paid(*days: str, amount: str = "0.20", special: bool = False) -> list[Payment]:
    return [Payment(date.fromisoformat(day), D(amount), special) for day in days]


QUARTERS = paid("2025-12-22", "2026-03-23", "2026-06-22", "2026-09-21")


def expected(payments: list[Payment], today: date = TODAY) -> list[str]:
    return [str(one.ex_date) for one in expected_dividends("XLF", payments, today)]


def test_a_quarterly_payer_is_expected_every_three_months() -> None:
    assert expected(QUARTERS) == ["2026-12-21", "2027-03-21"]


def test_what_is_expected_is_marked_so_and_pays_what_the_last_one_paid() -> None:
    (first, _) = expected_dividends("XLF", [*QUARTERS[:3], *paid("2026-09-21", amount="0.25")], TODAY)
    assert (first.symbol, first.amount, first.expected, first.pay_date) == ("XLF", D("0.25"), True, None)


def test_two_regular_payments_of_one_day_are_one_amount() -> None:
    (first, _) = expected_dividends("XLF", [*QUARTERS, *paid("2026-09-21", amount="0.05")], TODAY)
    assert first.amount == D("0.25")


@pytest.mark.parametrize(
    ("days", "period", "ahead"),
    [
        (("2026-08-03", "2026-09-01", "2026-10-01", "2026-11-02"), Period(months=1), ["2026-12-02", "2027-01-02"]),
        (("2025-12-16", "2026-06-15"), Period(months=6), ["2026-12-15", "2027-06-15"]),
        (("2025-11-28", "2026-11-16"), Period(months=12), ["2027-11-16", "2028-11-16"]),
        (("2026-11-02", "2026-11-09", "2026-11-16"), Period(days=7), ["2026-11-23", "2026-11-30"]),
        (("2026-07-05", "2026-08-19", "2026-10-03"), Period(days=45), ["2026-11-17", "2027-01-01"]),
    ],
)
def test_the_gaps_tell_the_period(days: tuple[str, ...], period: Period, ahead: list[str]) -> None:
    payments = paid(*days)
    assert period_of(regular_days(payments), TODAY) == period
    assert expected(payments) == ahead


def test_the_last_day_of_a_month_stays_within_shorter_months() -> None:
    assert expected(paid("2026-08-31", "2026-09-30", "2026-10-31")) == ["2026-11-30", "2026-12-31"]


def test_a_special_payment_changes_neither_period_nor_amount() -> None:
    special = paid("2026-10-05", amount="2.00", special=True)
    assert expected([*QUARTERS, *special]) == expected(QUARTERS)
    (first, _) = expected_dividends("XLF", [*QUARTERS, *special], TODAY)
    assert first.amount == D("0.20")


def test_special_payments_alone_promise_nothing() -> None:
    assert expected(paid("2026-03-01", "2026-06-01", "2026-09-01", special=True)) == []


def test_a_second_payment_in_december_is_no_new_beginning() -> None:
    bonds = paid("2025-10-01", "2025-11-03", "2025-12-01", "2025-12-18", "2026-02-02", "2026-03-02")
    assert date(2025, 12, 18) not in regular_days(bonds)
    assert expected(bonds, date(2026, 3, 10)) == ["2026-04-02", "2026-05-02"]


def test_nothing_is_expected_before_what_is_declared() -> None:
    declared = paid("2026-12-18")
    assert expected([*QUARTERS, *declared]) == ["2027-03-18", "2027-06-18"]


def test_an_overdue_payment_stays_expected_for_five_days() -> None:
    day = date(2026, 12, 21)
    assert expected(QUARTERS, day + GIVE)[0] == str(day)
    assert expected(QUARTERS, day + GIVE + timedelta(days=1))[0] == "2027-03-21"


def test_a_payer_that_fell_silent_is_expected_still() -> None:
    assert expected(QUARTERS[:2]) == ["2026-12-23", "2027-03-23"]


def test_a_single_payment_tells_no_period_until_only_the_year_is_left() -> None:
    alone = paid("2026-03-01")
    assert expected(alone, date(2026, 10, 8)) == []
    assert expected(alone, date(2026, 10, 9)) == ["2027-03-01", "2028-03-01"]


def test_no_payment_promises_nothing() -> None:
    assert expected([]) == []


@given(
    gaps=st.lists(st.integers(min_value=1, max_value=400), min_size=1, max_size=15),
    after=st.integers(min_value=0, max_value=500),
    specials=st.sets(st.integers(min_value=0, max_value=15)),
)
def test_whatever_was_paid_two_dates_ahead_are_expected_or_none(
    gaps: list[int], after: int, specials: set[int]
) -> None:
    day, payments = date(2025, 1, 2), list[Payment]()
    for place, gap in enumerate(gaps):
        day += timedelta(days=gap)
        payments.append(Payment(day, D(1), place in specials))
    today = day + timedelta(days=after)
    found = expected_dividends("XLF", payments, today)
    assert len(found) in (0, 2)
    days = [one.ex_date for one in found]
    assert days == sorted(set(days))
    regular = [one.ex_date for one in payments if not one.special]
    assert all(one >= today - GIVE and one > max(regular) for one in days)
