"""The account, positions, clock and calendar of Alpaca: what is known is read, what is not is named."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BrokerUnreachable, ConfigError
from bot.domain.sessions import session_on
from bot.tests.brokers.canned import Bench, a_position_answer, an_account_answer, in_turn, real_cache, refused

D = Decimal


def test_the_account_is_known_by_its_number_and_read_in_exact_dollars() -> None:
    account = Bench().broker.read_account()
    assert (account.id, account.status, account.currency, account.blocked) == ("PALPACA_123", "ACTIVE", "USD", False)
    assert (account.cash, account.equity, account.buying_power) == (D("122086.5"), D("123346.11"), D("245432.61"))
    assert account.options_buying_power == D("122716.305")
    assert account.non_marginable_buying_power == D("122086.5")
    assert (account.accrued_fees, account.pending_transfers_out) == (D("0.52"), D(100))
    assert account.multiplier == 2


def test_the_level_is_the_effective_one_not_the_approved_one() -> None:
    account = Bench().broker.read_account()
    assert (account.options_level, account.options_level_approved) == (2, 3)


@pytest.mark.parametrize("said", [None, "", "three", 2.5, 10**15, -1, {}])
def test_an_approved_level_that_makes_no_sense_is_not_said_and_costs_nothing(said: Any) -> None:
    """It is for show: what is in effect decides."""
    account = Bench(account=an_account_answer(options_approved_level=said)).broker.read_account()
    assert (account.options_level, account.options_level_approved) == (2, None)


def test_an_account_without_the_fields_of_this_year_is_read_all_the_same() -> None:
    answer = {"account_number": "PA1", "status": "ACTIVE", "cash": "10", "portfolio_value": "12", "multiplier": ""}
    account = Bench(account=answer).broker.read_account()
    assert (account.equity, account.buying_power, account.options_level, account.multiplier) == (D(12), D(0), 0, 1)
    assert account.options_buying_power is None
    assert account.accrued_fees is None


@pytest.mark.parametrize("name", ["account_blocked", "trading_blocked", "trade_suspended_by_user"])
def test_each_way_of_being_blocked_blocks(name: str) -> None:
    assert Bench(account=an_account_answer(**{name: True})).broker.read_account().blocked
    assert Bench(account=an_account_answer(**{name: "true"})).broker.read_account().blocked


def test_blocked_transfers_do_not_block_trading() -> None:
    assert not Bench(account=an_account_answer(transfers_blocked=True)).broker.read_account().blocked


def test_a_status_nobody_has_seen_passes_through_to_the_gates() -> None:
    assert Bench(account=an_account_answer(status="hibernating")).broker.read_account().status == "HIBERNATING"
    assert Bench(account=an_account_answer(status=None)).broker.read_account().status == "UNKNOWN"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cash", "NaN"), ("cash", None), ("equity", "Infinity"), ("buying_power", "lots"), ("accrued_fees", {}),
        ("options_buying_power", True), ("pending_transfer_out", "1e999"), ("multiplier", "2.5"),
        ("options_trading_level", "two"), ("options_trading_level", 10**15), ("account_blocked", "perhaps"),
    ],
)  # fmt: skip
def test_nonsense_in_the_account_is_named_by_its_field(name: str, value: Any) -> None:
    gone = {"portfolio_value": None} if name == "equity" else {}
    with pytest.raises(BrokerUnreachable, match=name):
        Bench(account=an_account_answer(**{name: value}, **gone)).broker.read_account()


@pytest.mark.parametrize("answer", [[], None, "account", {"cash": "1"}, an_account_answer(account_number=7)])
def test_an_answer_that_is_no_account_is_no_account(answer: Any) -> None:
    with pytest.raises(BrokerUnreachable, match="the account"):
        Bench(account=answer).broker.read_account()


def test_the_account_is_checked_before_anything_else_and_not_read_twice() -> None:
    bench = Bench()
    bench.broker.read_clock()
    bench.broker.read_account()
    bench.broker.read_positions()
    assert bench.client.paths == ["/account", "/clock", "/positions"]


def test_a_later_tick_reads_the_account_anew() -> None:
    bench = Bench(account=in_turn(an_account_answer(), an_account_answer(cash="7")))
    assert bench.broker.read_account().cash == D("122086.5")
    assert bench.broker.read_account().cash == 7


def test_an_account_read_a_minute_ago_is_not_handed_out() -> None:
    bench = Bench(account=in_turn(an_account_answer(), an_account_answer(cash="7")))
    bench.broker.read_clock()
    bench.later(60)
    assert bench.broker.read_account().cash == 7


def test_any_account_but_the_pinned_one_is_refused_before_anything_is_read_or_sent() -> None:
    bench = Bench(pinned="PA999")
    for call in (bench.broker.read_positions, bench.broker.read_account, lambda: bench.broker.cancel("b-1")):
        with pytest.raises(ConfigError, match=r"another account .*_123.*A999") as refusal:
            call()
        assert refusal.value.exit_code == 78
    assert bench.client.paths == ["/account"]
    assert bench.client.removed == []


def test_the_pinned_account_passes_however_it_is_written() -> None:
    assert Bench(pinned=" palpaca_123 ").broker.read_account().id == "PALPACA_123"


def test_a_paper_account_is_refused_where_live_is_meant() -> None:
    with pytest.raises(ConfigError, match="paper account"):
        Bench(environment="live", pinned="PALPACA_123").broker.read_positions()
    live = Bench(environment="live", pinned="523", account=an_account_answer(account_number="523"))
    assert live.broker.read_account().id == "523"


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_keys_are_a_matter_of_configuration(status: int) -> None:
    with pytest.raises(ConfigError, match="keys do not open"):
        Bench(account=refused(status)).broker.read_clock()


def test_an_account_that_changes_between_two_reads_is_not_believed() -> None:
    bench = Bench(account=in_turn(an_account_answer(), an_account_answer(account_number="PA2"), an_account_answer()))
    bench.broker.read_account()
    with pytest.raises(BrokerUnreachable, match=r"PALPACA_123.*PA2"):
        bench.broker.read_account()
    assert bench.broker.read_account().id == "PALPACA_123"


def test_an_account_that_vanishes_is_unreachable_and_the_next_read_is_healthy() -> None:
    bench = Bench(account=in_turn(an_account_answer(), refused(404), an_account_answer()))
    bench.broker.read_account()
    with pytest.raises(BrokerUnreachable, match="status 404"):
        bench.broker.read_account()
    assert bench.broker.read_account().id == "PALPACA_123"


# Positions


def test_positions_are_read_by_symbol_with_shorts_negative() -> None:
    rows = [
        a_position_answer("XLF"),
        a_position_answer("SPY261224P00412500", "-2", avg_entry_price="1.20", current_price="0.80"),
        a_position_answer("GLD", "-5"),
    ]
    found = Bench(positions=rows).broker.read_positions()
    assert [(one.symbol, one.qty) for one in found] == [
        ("GLD", D(-5)), ("SPY261224P00412500", D(-2)), ("XLF", D(100)),
    ]  # fmt: skip
    assert (found[1].avg_entry_price, found[1].price, found[2].qty_available) == (D("1.20"), D("0.80"), D(100))


def test_a_short_told_without_its_sign_is_negative_too() -> None:
    (found,) = Bench(positions=[a_position_answer("GLD", "5", side="short")]).broker.read_positions()
    assert (found.qty, found.qty_available) == (D(-5), D(-5))


@pytest.mark.parametrize(("symbol", "qty"), [("BTCUSD", "0.3141"), ("XLF", "12.5"), ("¿what?", "1"), ("XLF1", "3")])
def test_fractions_crypto_and_unknown_symbols_are_kept_as_they_stand(symbol: str, qty: str) -> None:
    (found,) = Bench(positions=[a_position_answer(symbol, qty)]).broker.read_positions()
    assert (found.symbol, found.qty) == (symbol, D(qty))


def test_a_position_needs_no_more_than_symbol_and_quantity() -> None:
    (found,) = Bench(positions=[{"symbol": "XLF", "qty": 100, "current_price": "NaN"}]).broker.read_positions()
    assert (found.qty, found.price, found.avg_entry_price, found.qty_available) == (D(100), None, None, None)


@pytest.mark.parametrize(
    "answer",
    [
        None, {}, "[]", [None], [[]], [{"symbol": "XLF"}], [a_position_answer(qty="NaN")], [a_position_answer("")],
        [a_position_answer(symbol=7)], [a_position_answer(), a_position_answer()],
    ],
)  # fmt: skip
def test_positions_that_cannot_be_read_are_never_read_as_flat(answer: Any) -> None:
    with pytest.raises(BrokerUnreachable, match="positions"):
        Bench(positions=answer).broker.read_positions()


# Clock and calendar


def test_the_clock_is_read_to_the_microsecond_in_utc() -> None:
    clock = Bench().broker.read_clock()
    assert clock.at == datetime(2026, 11, 18, 17, 0, 0, 123456, tzinfo=UTC)
    assert clock.is_open


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"timestamp": "2026-11-18T12:00:00", "is_open": True}, {"timestamp": "2026-11-18T12:00:00Z"},
     {"timestamp": "0001-01-01T00:00:00Z", "is_open": False}, {"timestamp": 5, "is_open": "yes"}],
)  # fmt: skip
def test_a_clock_that_does_not_tell_is_an_error(answer: Any) -> None:
    with pytest.raises(BrokerUnreachable, match="clock"):
        Bench(clock=answer).broker.read_clock()


CALENDAR = [
    {"date": "2026-11-27", "open": "09:30", "close": "13:00", "session_open": "0400", "session_close": "2000"},
    {"date": "2026-11-25", "open": "09:30", "close": "16:00", "settlement_date": "2026-11-27"},
    {"date": "2026-11-30", "open": "0930", "close": "1600"},
]


def test_the_calendar_agrees_with_the_shipped_one_and_is_asked_for_once_a_day(tmp_path: Path) -> None:
    bench = Bench(calendar=CALENDAR)
    broker: Any = bench.broker
    broker._cache = real_cache(tmp_path, lambda: bench.at)
    first, last = date(2026, 11, 25), date(2026, 11, 29)
    for _ in range(2):
        assert broker.read_calendar(first, last) == (session_on(first), session_on(date(2026, 11, 27)))
    assert bench.client.asked[1:] == [("/calendar", {"start": "2026-11-25", "end": "2026-11-29"})]
    bench.later(24 * 3600)
    broker.read_calendar(first, last)
    assert len(bench.client.asked) == 3


@pytest.mark.parametrize(
    "answer",
    [
        {}, [{}], [{"date": "soon", "open": "09:30", "close": "16:00"}],
        [{"date": "2026-11-25", "open": "16:00", "close": "09:30"}],
        [{"date": "2026-11-25", "open": "25:00", "close": "26:00"}],
        [{"date": "0001-01-01", "open": "09:30", "close": "16:00"}],
    ],
)  # fmt: skip
def test_a_calendar_that_cannot_be_read_is_an_error_and_is_not_kept(answer: Any) -> None:
    bench = Bench(calendar=answer)
    with pytest.raises(BrokerUnreachable, match="calendar"):
        bench.broker.read_calendar(date(2026, 11, 25), date(2026, 11, 30))
    assert bench.cache.kept == {}


def test_a_kept_calendar_that_was_damaged_is_asked_for_anew() -> None:
    bench = Bench(calendar=CALENDAR)
    first, last = date(2026, 11, 25), date(2026, 11, 30)
    good = bench.broker.read_calendar(first, last)
    bench.cache.kept = {key: [{"date": 5}] for key in bench.cache.kept}
    assert bench.broker.read_calendar(first, last) == good
    assert len(good) == 3
