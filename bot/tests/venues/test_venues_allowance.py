"""Requests are counted against the venue's limit, those under way included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.venues.allowance import Allowance, RateLimit, limits_of, retry_after

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
EPOCH = int(START.timestamp())


class Hand:
    """An allowance with time in the test's hand."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.allowance = Allowance(lambda: START + timedelta(seconds=self.seconds), lambda: self.seconds)

    def said(self, remaining: int, reset: int | None, status: int = 200, **headers: str) -> None:
        all_headers = {"X-RateLimit-Remaining": str(remaining), **headers}
        if reset is not None:
            all_headers["X-RateLimit-Reset"] = str(EPOCH + reset)
        self.allowance.settle(status, all_headers)


@pytest.fixture
def hand() -> Hand:
    return Hand()


def test_without_word_from_the_venue_nothing_waits(hand: Hand) -> None:
    assert [hand.allowance.take() for _ in range(500)] == [0.0] * 500


def test_what_is_left_is_counted_down_without_waiting_for_answers(hand: Hand) -> None:
    assert hand.allowance.take() == 0
    hand.said(2, 30)
    assert [hand.allowance.take() for _ in range(3)] == [0.0, 0.0, 30.0]


def test_requests_under_way_count_against_a_new_minute(hand: Hand) -> None:
    for _ in range(3):
        hand.allowance.take()
    hand.said(2, 30)  # two more are under way: they may not be in the count yet
    assert hand.allowance.take() == 30.0


def test_the_minute_ends_by_itself(hand: Hand) -> None:
    hand.allowance.take()
    hand.said(0, 30)
    hand.seconds = 29.0
    assert hand.allowance.take() == 1.0
    hand.seconds = 30.0
    assert hand.allowance.take() == 0.0


def test_an_answer_of_an_earlier_minute_that_comes_late_changes_nothing(hand: Hand) -> None:
    hand.allowance.take()
    hand.allowance.take()
    hand.said(199, 90)
    hand.said(0, 30)
    assert hand.allowance.take() == 0.0
    assert hand.allowance.limits.reset == EPOCH + 90


def test_an_answer_out_of_order_does_not_give_requests_back(hand: Hand) -> None:
    hand.allowance.take()
    hand.said(2, 30)
    hand.allowance.take()
    hand.allowance.take()
    hand.said(0, 30)
    hand.said(1, 30)
    assert hand.allowance.take() == 30.0


@pytest.mark.parametrize("reset", [None, 10_000_000, -10])
def test_no_wait_is_longer_than_a_minute_however_the_clocks_differ(hand: Hand, reset: int | None) -> None:
    hand.allowance.take()
    hand.said(0, reset)
    assert 0 <= hand.allowance.take() <= 60.0


def test_too_many_requests_stops_the_others_too(hand: Hand) -> None:
    hand.allowance.take()
    hand.allowance.settle(429, {"Retry-After": "8"})
    assert hand.allowance.take() == 8.0
    hand.allowance.renew()
    assert hand.allowance.take() == 0.0


def test_an_exchange_without_answer_is_counted_out(hand: Hand) -> None:
    hand.allowance.take()
    hand.allowance.take()
    hand.allowance.settle(0, {})
    hand.said(1, 30)
    assert [hand.allowance.take(), hand.allowance.take()] == [0.0, 30.0]


def test_headers_that_make_no_sense_are_no_limits() -> None:
    assert limits_of({"X-RateLimit-Remaining": "-1", "X-RateLimit-Limit": "many"}) == RateLimit(None, None, None)
    assert limits_of({"X-RateLimit-Remaining": " 7 ", "X-RateLimit-Reset": "9" * 40}) == RateLimit(7, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("Fri, 20 Nov 2026 15:00:12 GMT", 12.0),
        ("Fri, 20 Nov 2026 14:00:00 GMT", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("", 0.0),
        ("Fri, 20 Nov 2026 15:00:12", 0.0),
        ("9" * 40, 0.0),
    ],
)
def test_retry_after_is_read_in_both_spellings(text: str, seconds: float) -> None:
    assert retry_after({"Retry-After": text}, START) == seconds
