"""What a stranger tried with follow-ups: outliving the deadline, running in another slot, starting what is new."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter

from bot.commands.ticking import follow_up_ticks
from bot.config.secret import Secrets
from bot.config.settings import Settings
from bot.engine.follow import Span, follow_ups
from bot.engine.ports import TickResult
from bot.markets.alpaca import AlpacaMarket
from bot.tests.builders import NOON, an_order
from bot.tests.engine.test_engine_follow import DESK, ended
from bot.tests.engine.test_engine_tick import PUT
from bot.wiring import House, make_market


def a_result() -> TickResult:
    return ended(an_order(PUT, client_order_id="e1", slot=NOON - timedelta(minutes=15)))


def test_a_pause_that_took_too_long_is_followed_by_nothing() -> None:
    """A machine that was asleep or starved: the time to come was counted before the pause, the pause took longer."""
    passed = [1.0]

    def pause(seconds: float) -> None:
        passed[0] += 225.0

    def again(number: int, seconds: float) -> TickResult:
        raise AssertionError(f"follow-up {number} was begun with {seconds} seconds left")

    assert list(follow_ups(a_result(), DESK, again, pause=pause, elapsed=lambda: passed[0], span=Span(240.0))) == []


def test_a_follow_up_never_runs_in_another_slot_than_its_tick(tmp_path: Path) -> None:
    """A suspended machine stops the meter and not the clock: hours later it would have counted as that slot's tick."""
    house = House(Settings(home=tmp_path / "desk", env_file=None, mode="live"), DESK, "", "", "")

    def hours_later() -> datetime:
        return NOON + timedelta(hours=3)

    (one,) = follow_up_ticks(house, a_result(), "bot tick", lambda: 1.0, clock=hours_later, pause=lambda seconds: None)
    assert one.result is None
    assert "the slot it belongs to is over" in one.failure
    assert not (tmp_path / "desk").exists()


def test_the_requests_of_a_follow_up_end_with_the_deadline_of_its_tick(tmp_path: Path) -> None:
    """Design 16: with 30 seconds left no read may be repeated for another 240."""
    secrets = Secrets({"ALPACA_API_KEY": "PKTEST", "ALPACA_SECRET_KEY": "secret"})
    settings = Settings(home=tmp_path, env_file=None, mode="live", broker="alpaca", market="alpaca", secrets=secrets)
    market = make_market(House(settings, DESK, "", "", ""), lambda: NOON, seconds=30.0)
    assert isinstance(market, AlpacaMarket)
    deadline = market.client.bounds.deadline
    assert deadline is not None
    assert deadline - perf_counter() <= 30.0
