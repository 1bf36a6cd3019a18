"""An owner's past over real HTTP: sold, assigned the morning after, called away, dividends, a stranger's shares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.store.chain import verify
from bot.store.queries import open_for_questions
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.builders import D
from bot.tests.commands.typed import typed


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path / "desk") as opened:
        yield opened


def series(desk: AlpacaDesk, right: str, strike_above: float) -> str:
    """Pick a listed XLF series that lasts some weeks, at or above a strike."""
    listed = sorted(
        (one.expiry, one.strike, one.symbol)
        for one in desk.world.contracts.values()
        if one.symbol.startswith("XLF") and one.right == right and one.strike >= D(str(strike_above))
        and (one.expiry - desk.world.today()).days > 20
    )  # fmt: skip
    return listed[0][2]


def say(desk: AlpacaDesk, *words: str) -> str:
    done = typed(desk.folder, *words, now=desk.world.at, **desk.variables)
    assert done.code == 0, done.err
    return done.out


def told(desk: AlpacaDesk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(say(desk, "import-history", "--json"))
    return found


def to_morning(desk: AlpacaDesk) -> None:
    """Let the world pass to 11:00 New York of the next day."""
    day = desk.world.at + timedelta(days=1)
    desk.world.pass_to(datetime(day.year, day.month, day.day, 16, 0, tzinfo=UTC))
    desk.renew()


def a_life(desk: AlpacaDesk) -> tuple[str, str]:
    """Sell a put, be assigned, take a dividend, sell a call beside a stranger's 300 shares. Gives both series."""
    world = desk.world
    put = series(desk, "put", 36)
    world.trade(put, "-1", "1.20")
    to_morning(desk)
    world.assign(put)
    to_morning(desk)
    world.pay_dividend("XLF", "0.25")
    call = series(desk, "call", 40)
    world.trade(call, "-1", "0.60")
    world.hold("EWZ", "300", "27")
    desk.pass_by()
    return put, call


def test_the_past_of_an_alpaca_account_is_rebuilt_in_five_requests_and_nothing_is_sent(desk: AlpacaDesk) -> None:
    put, call = a_life(desk)
    before = len(desk.world.seen)
    found = told(desk)
    assert [(one.method, one.path.rsplit("/", 1)[-1]) for one in desk.world.seen[before:]] == [
        ("GET", "account"), ("GET", "positions"), ("GET", "activities"), ("GET", "account"), ("GET", "positions"),
    ]  # fmt: skip
    assert desk.posts() == 0
    strike = D(put[-8:]) / 1000
    (row,) = found["shares"]
    assert (row["symbol"], row["qty"], D(row["basis"])) == ("XLF", "100", strike)
    assert D(row["basis_tax"]) == strike - D("1.20")
    assert D(row["basis_wheel"]) == strike - D("1.45")
    assert [(one["symbol"], one["credit"]) for one in found["options"]] == [(call, "0.6")]
    assert found["cash_explained"] == found["cash_broker"]
    assert [gap["symbol"] for gap in found["gaps"]] == ["EWZ", ""]
    assert "bot adopt EWZ --qty 300 --basis" in found["gaps"][0]["do"]


def test_what_was_adopted_at_alpaca_is_managed_by_the_next_tick(desk: AlpacaDesk) -> None:
    _, call = a_life(desk)
    say(desk, "import-history")
    out = say(desk, "adopt", "--all")
    assert "the cycle open since" in out
    assert "EWZ: still foreign" in out
    say(desk, "adopt", "EWZ", "--qty", "200", "--basis", "27", "--put-premium", "0.40")
    desk.pass_by()
    result = desk.tick()
    assert result.settlement.drift == ()
    owners = {held.position.symbol: held.owner for held in result.settlement.held}
    assert owners == {"XLF": "adopted", call: "adopted", "EWZ": "mixed"}
    assert any(one.intent.underlying == "EWZ" and one.intent.purpose == "covered_call" for one in result.verdicts)
    with open_for_questions(desk.home) as ledger:
        assert [lot.basis_tax for lot in ledger.open_lots() if lot.symbol == "EWZ"] == [D("26.6")]
        assert list(verify(ledger.connection, desk.home)) == []


def test_an_assignment_after_the_import_is_booked_by_the_tick_into_the_cycle_that_came_along(desk: AlpacaDesk) -> None:
    put = series(desk, "put", 36)
    desk.world.trade(put, "-1", "1.20")
    desk.pass_by()
    say(desk, "import-history")
    say(desk, "adopt", put)
    to_morning(desk)
    desk.world.assign(put)
    to_morning(desk)
    result = desk.tick(dry=True)
    assert result.settlement.drift == ()
    (lot,) = result.settlement.books.lots
    assert (lot.basis_strike, lot.basis_tax) == (D(put[-8:]) / 1000, D(put[-8:]) / 1000 - D("1.20"))
    (cycle,) = result.settlement.books.cycles
    assert (cycle.id, cycle.assignments, cycle.option_cash) == (lot.cycle, 1, D("120.00"))


def test_an_account_that_cannot_be_read_keeps_nothing(desk: AlpacaDesk) -> None:
    a_life(desk)
    desk.world.spoil("/account/activities", status=500, times=20)
    done = typed(desk.folder, "import-history", now=desk.world.at, **desk.variables)
    assert done.code == 1
    assert "Traceback" not in done.err
    desk.world.faults.clear()
    assert "import 1:" in say(desk, "import-history")
