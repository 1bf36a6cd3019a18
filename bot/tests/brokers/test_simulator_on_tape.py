"""The simulated account over a tape: bars from disk, the rules of fills, and hours that never end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.brokers.simulator import SimulatorBroker
from bot.domain.fills import FillRules
from bot.domain.holdings import Activity
from bot.domain.sessions import always_open
from bot.tests.brokers.tape import an_order_request
from bot.tests.builders import simulator_numbers
from bot.tests.tapes.taped import OPEN, a_bar, a_tape, steps

D = Decimal
FREE = FillRules(spread_fraction=D(0), volume_share=None)
HOUR = timedelta(hours=1)
SATURDAY = datetime(2026, 11, 21, 22, tzinfo=UTC)


def test_without_a_spread_a_tape_trades_at_its_own_prices(tmp_path: Path) -> None:
    """Five places, as currencies have them: the next open, to the last place."""
    at = steps(4, 3600, SATURDAY)
    prices = [("1.06543", "1.06601", "1.06500", "1.06590"), ("1.06577", "1.06700", "1.06411", "1.06432")] * 2
    bars = [a_bar(moment, *four) for moment, four in zip(at, prices, strict=True)]
    with always_open():
        tape = a_tape(tmp_path, {"EURUSD": bars}, step_seconds=3600, places=5, always_open=True)
        clock = [at[0] + HOUR]
        broker = SimulatorBroker(None, tape.market(FREE, {}), simulator_numbers(), lambda: clock[0], rules=FREE)
        broker.submit(an_order_request("EURUSD", "buy_to_open", "1000", order_type="market", id="in"))
        clock[0] += HOUR
        broker.submit(an_order_request("EURUSD", "sell_to_close", "1000", order_type="market", id="out"))
        clock[0] += HOUR
        found = [broker.find_order(name) for name in ("in", "out")]
    assert [one.filled_avg_price for one in found if one is not None] == [D("1.06577"), D("1.06543")]
    assert broker.read_account().cash == simulator_numbers().equity + 1000 * (D("1.06543") - D("1.06577"))


@pytest.mark.parametrize("minutes", [1, 7, 15, 40, 400])
def test_however_often_it_is_asked_an_account_over_a_tape_is_the_same(tmp_path: Path, minutes: int) -> None:
    rules = FillRules(volume_share=D("0.05"), fee_per_share=D("0.005"))
    wave = [(50, 52, 49, 51), (51, 51, 47, 48), (46, 49, 45, 48), (48, 53, 48, 52), (52, 52, 50, 50), (50, 54, 44, 45)]
    bars = [
        a_bar(moment, *map(str, four), volume=1500)
        for moment, four in zip(steps(24), wave * 4, strict=True)
    ]  # fmt: skip
    tape = a_tape(tmp_path, {"XLF": bars})

    def lines(step: timedelta) -> tuple[Activity, ...]:
        start = OPEN + timedelta(minutes=15)
        clock = [start]
        broker = SimulatorBroker(None, tape.market(rules, {}), simulator_numbers(), lambda: clock[0], rules=rules)
        for name, limit in (("a", "47"), ("b", "46"), ("c", "50")):
            broker.submit(an_order_request("XLF", "buy_to_open", "90", limit_price=limit, id=name))
        clock[0] = start + timedelta(hours=1)
        broker.submit(
            an_order_request(
                "XLF", "sell_to_close", "100", order_type="trailing_stop", trail_percent="6", id="d",
                time_in_force="gtc",
            )
        )  # fmt: skip
        while clock[0] < bars[-1].at + HOUR:
            clock[0] += step
            broker.read_account()
        return broker.read_activities(date(2026, 11, 1))

    told = lines(timedelta(minutes=minutes))
    assert told == lines(timedelta(minutes=3))
    assert {line.kind for line in told} == {"CSD", "FILL", "FEE"}
    assert len(told) > 8
