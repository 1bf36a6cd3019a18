"""What bad input gets from a whole tick: a clear refusal with what to do, no order, and a healthy tick after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable, ConfigError, ForeignStore
from bot.engine.ports import TickResult
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.world import ACCOUNT

LARGE = b'{"x": "' + b"x" * 20_000_000 + b'"}'
NAN, HTML = b'{"cash": NaN}', b"<html></html>"
DEEP = b"[" * 5000 + b"]" * 5000
READS = ("/v2/account$", "/v2/clock$", "/v2/positions$", "/v2/orders$", "/v2/account/activities$")
DATA = ("/v2/stocks/snapshots$", "/v2/options/contracts$", "/v1beta1/options/snapshots/")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as desk:
        yield desk


def heals(desk: AlpacaDesk) -> None:
    """Say that the next tick of a mended world does its work."""
    desk.world.faults.clear()
    desk.pass_by()
    result = desk.tick()
    assert [one for one in result.settlement.drift if one.kind == "unexplained"] == []
    assert result.snapshot.halt.level == "run"
    assert desk.posts() > 0


def refused(result: TickResult) -> set[str]:
    return {check.gate for verdict in result.verdicts for check in verdict.checks if not check.ok}


# Keys and accounts


@pytest.mark.parametrize("missing", ["ALPACA_API_KEY", "ALPACA_SECRET_KEY"])
def test_no_keys_name_the_variable_and_ask_nothing(desk: AlpacaDesk, missing: str) -> None:
    done = desk.command("tick", **{missing: ""})
    assert done.returncode == 78
    assert f"{missing} is not set" in done.stderr
    assert desk.world.seen == []
    heals(desk)


def test_wrong_keys_are_told_after_one_request(desk: AlpacaDesk) -> None:
    with pytest.raises(ConfigError, match="ALPACA_SECRET_KEY") as refusal:
        desk.tick(ALPACA_SECRET_KEY="not-the-right-secret")
    assert refusal.value.exit_code == 78
    assert "not-the-right-secret" not in str(refusal.value)
    assert len(desk.world.seen) == 1
    heals(desk)


def test_paper_keys_on_the_live_host_are_refused_before_anything_is_asked(desk: AlpacaDesk) -> None:
    done = desk.command("tick", ALPACA_ENV="live", ALPACA_API_KEY="PK-OF-PAPER")
    assert done.returncode == 78
    assert "paper" in done.stderr
    assert desk.world.seen == []


@pytest.mark.parametrize("url", ["http://192.0.2.1", "https://example.org", "http://paper-api.alpaca.markets"])
def test_an_address_that_is_neither_alpacas_nor_loopback_is_refused(desk: AlpacaDesk, url: str) -> None:
    for name in ("ALPACA_TRADING_URL", "ALPACA_DATA_URL"):
        with pytest.raises(ConfigError, match=name):
            desk.tick(dry=True, follow_up=0, **{name: url})


def test_another_account_than_the_pinned_one_is_refused_after_one_read(desk: AlpacaDesk) -> None:
    desk.world.account_number = "PA9OTHER"
    with pytest.raises(ConfigError, match=r"another account \(\.\.\.THER\)"):
        desk.tick()
    assert len(desk.world.seen) == 1
    desk.world.account_number = ACCOUNT
    heals(desk)


def test_an_account_other_than_the_homes_is_refused_without_a_pin_too(desk: AlpacaDesk) -> None:
    desk.tick(dry=True, ALPACA_ACCOUNT="")
    desk.world.account_number = "PA9OTHER"
    desk.pass_by()
    with pytest.raises((ConfigError, ForeignStore)) as refusal:
        desk.tick(ALPACA_ACCOUNT="")
    assert refusal.value.exit_code == 78
    assert desk.posts() == 0
    desk.world.account_number = ACCOUNT
    heals(desk)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_account_that_vanishes_between_two_reads_is_not_read_as_empty(desk: AlpacaDesk, status: int) -> None:
    for path in ("clock", "positions", "orders", "activities"):
        desk.world.spoil(f"/{path}$", status=status, times=9)
    with pytest.raises(BrokerUnreachable, match=str(status)):
        desk.tick()
    assert desk.posts() == 0
    heals(desk)


def _set(**facts: Any) -> Callable[[AlpacaDesk], None]:
    def apply(desk: AlpacaDesk) -> None:
        for name, value in facts.items():
            setattr(desk.world, name, value)

    return apply


@pytest.mark.parametrize(
    ("broken", "mended", "gate"),
    [
        (_set(trading_blocked=True), _set(trading_blocked=False), "account_is_active"),
        (_set(account_blocked=True), _set(account_blocked=False), "account_is_active"),
        (_set(status="ACCOUNT_CLOSED"), _set(status="ACTIVE"), "account_is_active"),
        (_set(options_level=0), _set(options_level=3), "options_level_allows"),
    ],
)
def test_an_account_that_may_not_trade_sends_nothing(
    desk: AlpacaDesk, broken: Callable[[AlpacaDesk], None], mended: Callable[[AlpacaDesk], None], gate: str
) -> None:
    broken(desk)
    result = desk.tick()
    assert result.verdicts
    assert gate in refused(result)
    assert desk.posts() == 0
    mended(desk)
    heals(desk)


# Positions


@pytest.mark.parametrize("symbol", ["W#RD!", "BTC/USD", "XLF261399P00039000", "912797GZ3"])
def test_a_position_nobody_can_read_is_named_and_stops_new_risk_until_it_is_gone(desk: AlpacaDesk, symbol: str) -> None:
    desk.world.hold("SPY", "1", "700")
    desk.world.hold(symbol, "1", "5")
    result = desk.tick()
    assert symbol in " ".join(result.errors)
    assert {held.position.symbol: held.owner for held in result.snapshot.positions}[symbol] == "foreign"
    assert "holdings_are_understood" in refused(result)
    assert desk.posts() == 0
    assert not [one for one in desk.world.seen if symbol in one.query.get("symbols", "")]
    desk.world.trade(symbol, "-1", "5")  # the owner closes it at the broker, as told
    heals(desk)


@pytest.mark.parametrize("qty", ["-100", "12.5", "150.75"])
def test_shares_that_carry_no_whole_contract_get_no_order(desk: AlpacaDesk, qty: str) -> None:
    desk.world.hold("XLF", qty, "37.00")
    result = desk.tick()
    assert "XLF" in " ".join(result.settlement.notes)
    assert not [one for one in desk.world.requests("POST") if one.body["symbol"].startswith("XLF")]
    assert not [one for one in result.verdicts if one.approved and one.intent.underlying == "XLF"]
    if qty.startswith("-"):
        assert "holdings_are_understood" in refused(result)
        assert desk.posts() == 0
        desk.world.trade("XLF", "100", "37.00")
    heals(desk)


# Answers


@pytest.mark.parametrize("path", READS)
def test_an_answer_that_is_none_ends_the_tick_with_its_reason(desk: AlpacaDesk, path: str) -> None:
    for body, says in ((LARGE, "larger"), (DEEP, "deep"), (NAN, "JSON"), (HTML, "HTML"), (b"", "JSON|empty")):
        desk.world.spoil(path, body=body)
        with pytest.raises(BrokerUnreachable, match=says):
            desk.tick()
        desk.world.pass_to(desk.world.at + timedelta(seconds=1))
    assert desk.posts() == 0
    heals(desk)


@pytest.mark.parametrize("path", DATA)
def test_a_price_that_does_not_come_is_named_and_nothing_is_sent(desk: AlpacaDesk, path: str) -> None:
    for body in (LARGE, DEEP, NAN, HTML):
        desk.world.spoil(path, times=2, body=body)
        result = desk.tick()
        assert result.errors
        desk.world.faults.clear()
        desk.world.pass_to(desk.world.at + timedelta(seconds=1))
    assert desk.posts() == 0
    heals(desk)


def test_an_account_whose_money_cannot_be_read_sends_nothing(desk: AlpacaDesk) -> None:
    nonsense: tuple[Any, ...] = ("NaN", "Infinity", True, {}, [1])
    cases = [(field, value) for field in ("cash", "equity", "buying_power") for value in nonsense]
    cases += [(field, value) for field in ("cash", "account_number") for value in ("", None)]
    for field, value in cases:
        desk.world.spoil("/v2/account$", change=partial(changed, field, value))
        with pytest.raises(BrokerUnreachable, match=field):
            desk.tick()
    assert desk.posts() == 0
    assert len(desk.world.seen) == len(cases)
    heals(desk)


def test_a_position_that_cannot_be_counted_is_not_read_as_nothing(desk: AlpacaDesk) -> None:
    desk.world.hold("SPY", "1", "700")
    cases: list[tuple[str, Any]] = [("qty", "NaN"), ("qty", None), ("qty", []), ("symbol", None), ("symbol", [])]
    for field, value in cases:
        desk.world.spoil("/v2/positions$", change=partial(every, field, value))
        with pytest.raises(BrokerUnreachable, match="positions"):
            desk.tick()
    assert desk.posts() == 0
    heals(desk)


def test_a_strangers_order_that_says_little_does_no_harm(desk: AlpacaDesk) -> None:
    desk.world.trade("SPY", "3", "700.00")
    for field in ("type", "side", "submitted_at", "legs", "time_in_force", "position_intent", "status", "symbol"):
        desk.world.spoil("/v2/orders$", times=2, change=partial(every, field, None))
        result = desk.tick(dry=True)
        assert [held.owner for held in result.snapshot.positions] == ["foreign"]
        desk.world.faults.clear()
    heals(desk)


def changed(field: str, value: Any, row: dict[str, Any]) -> dict[str, Any]:
    return {**row, field: value}


def every(field: str, value: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [changed(field, value, row) for row in rows]


def test_a_field_more_and_a_word_more_do_no_harm(desk: AlpacaDesk) -> None:
    desk.world.spoil("/v2/account$", change=lambda account: {**account, "new_field": [1], "crypto_status": "NEW"})
    desk.world.spoil("/v2/clock$", change=lambda clock: {**clock, "phase": "new"})
    assert desk.tick().errors == ()
    assert desk.posts() == 1


def test_a_failed_process_is_followed_by_a_healthy_one(desk: AlpacaDesk) -> None:
    desk.world.pass_to(datetime.now(UTC))
    desk.world.spoil("/v2/account$", body=DEEP)
    failed = desk.command("tick")
    assert (failed.returncode, desk.posts()) == (1, 0)
    assert "account" in failed.stderr
    healthy = desk.command("tick", "--dry")
    assert healthy.returncode == 0, healthy.stderr
