"""Bad input from broker and market, through the real tick: real planners, gates and ledger (issue 2).

In every case: a clear refusal or error, nothing lost, nothing sent that should not be, and the next clean tick is
healthy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.domain.errors import BrokerUnreachable, StoreError
from bot.domain.holdings import Activity
from bot.domain.ledger import Instruction
from bot.domain.market import MarketReads
from bot.engine.ports import TickResult
from bot.store.chain import verify
from bot.store.queries import open_for_questions
from bot.tests.builders import NOON
from bot.tests.commands.bent_world import SLOT, BentDesk, bend_chains, bend_quotes, refusals


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[BentDesk]:
    made = BentDesk(tmp_path / "home")
    yield made
    made.close()


def all_minus_one(column: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(-1 for _ in column)


def all_zero(column: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(0 for _ in column)


def crossed_chains(reads: MarketReads) -> MarketReads:
    chains = tuple(
        replace(chain, slabs=tuple(replace(slab, bids=slab.asks, asks=slab.bids) for slab in chain.slabs))
        for chain in reads.chains
    )
    return replace(reads, chains=chains)


def an_hour_old(reads: MarketReads) -> MarketReads:
    hour = timedelta(hours=1)
    return replace(
        reads,
        quotes=tuple(replace(quote, at=quote.at - hour) for quote in reads.quotes),
        chains=tuple(replace(chain, at=chain.at - hour) for chain in reads.chains),
    )


def healthy(desk: BentDesk) -> TickResult:
    """Tick once more in a world that is mended: it must be sealed without an error, and trade again."""
    before = desk.sent
    result = desk.tick()
    assert result.errors == ()
    assert result.settlement.drift == ()
    assert desk.sent > before
    with open_for_questions(desk.home) as ledger:
        newest = ledger.latest_tick()
        assert newest is not None
        assert newest.status == "done"
        assert list(verify(ledger.connection, desk.home)) == []
    return result


def own_put(desk: BentDesk) -> str:
    """Let the desk sell its first put and have it filled; gives its symbol."""
    desk.tick()
    order = desk.broker.book[desk.broker.submitted[0]]
    symbol, price = order.legs[0].symbol, order.limit_price
    assert price is not None
    filled = replace(order, status="filled", filled_qty=Decimal(1), filled_avg_price=price)
    desk.broker.book[order.client_order_id] = filled
    desk.broker.activities = (
        Activity(
            id="fill-1", kind="FILL", symbol=symbol, at=desk.at + timedelta(minutes=1), qty=Decimal(-1), price=price,
            net_amount=price * 100, order_id=order.broker_order_id,
        ),
    )  # fmt: skip
    desk.broker.change(cash=Decimal(25000) + price * 100)
    desk.broker.hold((symbol, "-1", str(price)))
    return symbol


def test_the_desk_of_these_tests_sells_a_put_when_all_is_well(desk: BentDesk) -> None:
    assert healthy(desk).orders[0].purpose == "cash_secured_put"


@pytest.mark.parametrize(
    ("bend", "says"),
    [
        pytest.param(crossed_chains, "without a two-sided quote", id="crossed series"),
        pytest.param(bend_chains(bids=all_zero), "without a two-sided quote", id="zero bids"),
        pytest.param(bend_chains(bids=all_minus_one, asks=all_minus_one), "without a two-sided quote", id="no quotes"),
        pytest.param(bend_quotes(lambda quote: None), "the share has no price", id="no share price"),
        pytest.param(lambda reads: MarketReads(errors=("the feed is down",)), "the share has no price", id="nothing"),
    ],
)
def test_a_market_without_usable_prices_is_passed_over_in_words(
    desk: BentDesk, bend: Callable[[MarketReads], MarketReads], says: str
) -> None:
    desk.market.bend = bend
    result = desk.tick()
    assert desk.sent == 0
    assert {note.symbol for note in result.notes} == {"EWZ", "XLF"}
    assert all(says in note.reason for note in result.notes)
    desk.market.bend = None
    healthy(desk)


def test_a_crossed_share_quote_refuses_entries(desk: BentDesk) -> None:
    desk.market.bend = bend_quotes(lambda quote: replace(quote, bid=quote.ask, ask=quote.bid))
    result = desk.tick()
    assert desk.sent == 0
    assert "underlying_spread_is_narrow" in refusals(result)
    desk.market.bend = None
    healthy(desk)


def test_stale_quotes_refuse_entries_with_their_age(desk: BentDesk) -> None:
    desk.market.bend = an_hour_old
    result = desk.tick()
    assert desk.sent == 0
    stale = next(check for check in result.verdicts[0].checks if check.gate == "quote_is_fresh")
    assert stale.value is not None
    assert stale.limit is not None
    assert stale.value >= 3600 > stale.limit
    desk.market.bend = None
    healthy(desk)


def test_missing_greeks_are_worked_out_and_say_so(desk: BentDesk) -> None:
    desk.market.bend = bend_chains(deltas=all_minus_one, volatilities=all_minus_one)
    result = desk.tick()
    assert [dict(verdict.intent.numbers)["delta_source"] for verdict in result.verdicts] == ["model", "model"]
    assert desk.sent == 1
    desk.market.bend = None
    healthy(desk)


def test_missing_greeks_and_prices_sell_nothing(desk: BentDesk) -> None:
    desk.market.bend = bend_chains(
        deltas=all_minus_one, volatilities=all_minus_one, bids=all_minus_one, asks=all_minus_one
    )
    result = desk.tick()
    assert desk.sent == 0
    assert len(result.notes) == 2
    desk.market.bend = None
    healthy(desk)


def test_negative_cash_opens_nothing_and_a_deposit_heals_it(desk: BentDesk) -> None:
    desk.broker.change(cash=Decimal(-500), equity=Decimal(-500))
    result = desk.tick()
    assert desk.sent == 0
    assert result.notes
    assert all(not verdict.approved for verdict in result.verdicts)
    deposit = Activity(id="d1", kind="CSD", at=desk.at + timedelta(minutes=1), net_amount=Decimal(25500))
    desk.broker.activities = (deposit,)
    desk.broker.change(cash=Decimal(25000), equity=Decimal(25000))
    healthy(desk)


def test_money_that_no_line_explains_holds_every_entry_until_a_line_does(desk: BentDesk) -> None:
    desk.tick(dry=True)
    desk.broker.change(cash=Decimal(25400), equity=Decimal(25400))
    result = desk.tick()
    assert desk.sent == 0
    assert [drift.symbol for drift in result.settlement.drift] == ["CASH"]
    assert refusals(result) == {"no_drift"}
    desk.broker.activities = (Activity(id="i1", kind="INT", at=desk.at, net_amount=Decimal(400)),)
    healthy(desk)


@pytest.mark.parametrize(
    "symbol",
    ["XLF261399P00050000", "XLF261224P00000000", "TOOLONG261224P00050000", "xlf261224P00050000", "$$$", "XLF1"],
)
def test_a_position_nobody_can_read_is_foreign_and_named_and_no_new_risk_goes_out_beside_it(
    desk: BentDesk, symbol: str
) -> None:
    """Nobody knows what it can lose; an exit goes out all the same (the next test)."""
    desk.broker.hold((symbol, "-1", "0.50"))
    result = desk.tick()
    assert desk.sent == 0
    refusing = {check.gate for verdict in result.verdicts for check in verdict.checks if not check.ok}
    assert "holdings_are_understood" in refusing
    assert [held.owner for held in result.snapshot.positions] == ["foreign"]
    assert [error for error in result.errors if repr(symbol) in error and "look at it at the broker" in error]
    assert all(symbol not in getattr(request, "symbols", ()) for request in result.snapshot.requests)


def test_an_exit_goes_out_beside_a_position_nobody_can_read(desk: BentDesk) -> None:
    mine = own_put(desk)
    desk.tick()
    desk.broker.positions = (*desk.broker.positions, replace(desk.broker.positions[0], symbol="XLF261399P00050000"))
    desk.journal.add_instruction(Instruction(contract=mine, word="close", at=desk.at, author="a test"))
    result = desk.tick()
    assert any("XLF261399P00050000" in error for error in result.errors)
    closes = [order for order in result.orders if order.purpose == "owner_close"]
    assert [order.legs[0].symbol for order in closes] == [mine]


def test_a_fractional_position_is_foreign_and_carries_no_call(desk: BentDesk) -> None:
    desk.broker.hold(("XLF", "133.5", "40"))
    result = desk.tick()
    assert [held.owner for held in result.snapshot.positions] == ["foreign"]
    assert [order.underlying for order in result.orders] == ["EWZ"]
    assert all(verdict.intent.purpose != "covered_call" for verdict in result.verdicts)
    assert result.snapshot.equity > Decimal(25000)


def test_an_adjusted_position_counts_on_its_underlying_and_is_never_traded(desk: BentDesk) -> None:
    desk.broker.hold(("XLF1261224P00050000", "-1", "0.50"))
    result = desk.tick()
    assert [held.owner for held in result.snapshot.positions] == ["foreign"]
    assert [order.underlying for order in result.orders] == ["EWZ"]
    on_xlf = next(verdict for verdict in result.verdicts if verdict.intent.underlying == "XLF")
    assert "symbol_share_within" in {check.gate for check in on_xlf.checks if not check.ok}


def test_an_empty_list_after_a_full_one_is_not_read_as_flat(desk: BentDesk) -> None:
    mine = own_put(desk)
    desk.tick()
    sent, positions = desk.sent, desk.broker.positions
    desk.broker.positions = ()
    result = desk.tick()
    assert desk.sent == sent
    assert [leg.symbol for leg in result.settlement.books.legs] == [mine]
    assert [(drift.symbol, drift.kind) for drift in result.settlement.drift] == [(mine, "unexplained")]
    assert not any(verdict.approved for verdict in result.verdicts)
    desk.broker.positions = positions
    again = desk.tick()
    assert again.settlement.drift == ()
    assert [leg.symbol for leg in again.settlement.books.legs] == [mine]


def test_an_order_with_an_unknown_status_counts_as_alive_and_is_named(desk: BentDesk) -> None:
    desk.tick()
    first = desk.broker.submitted[0]
    desk.broker.book[first] = replace(desk.broker.book[first], status="hovering")
    result = desk.tick(NOON + timedelta(minutes=5))
    assert any(first in error and "'hovering'" in error for error in result.errors)
    assert [order.client_order_id for order in result.snapshot.own_orders] == [first]
    assert desk.broker.submitted.count(first) == 1
    assert all(order.underlying != "EWZ" for order in result.orders)
    desk.broker.book[first] = replace(desk.broker.book[first], status="canceled")
    desk.at = NOON
    healthy(desk)


def test_a_closed_market_sends_nothing_and_says_when_it_opens(desk: BentDesk) -> None:
    result = desk.tick(NOON + timedelta(hours=8))
    assert desk.sent == 0
    assert not result.snapshot.session.is_open
    assert all("session_is_open" in refused for refused in [refusals(result)] if result.verdicts)
    with open_for_questions(desk.home) as ledger:
        newest = ledger.latest_tick()
        assert newest is not None
        assert newest.note.startswith("market closed")
    healthy_day = desk.tick(NOON + timedelta(days=1))
    assert healthy_day.errors == ()
    assert desk.sent == 1


def test_a_tick_older_than_the_newest_is_refused_naming_both_moments(desk: BentDesk) -> None:
    desk.tick(dry=True)
    with pytest.raises(Exception, match=r"2026-11-18T16:00.*older than the newest.*2026-11-18T17:00.*later moment"):
        desk.tick(NOON - timedelta(hours=1))
    assert desk.sent == 0
    desk.at = NOON
    healthy(desk)


def test_a_broker_without_an_answer_fails_the_tick_and_the_next_one_is_healthy(desk: BentDesk) -> None:
    def down() -> None:
        raise BrokerUnreachable("no answer in 10 s")

    desk.broker.on_read = down
    with pytest.raises(BrokerUnreachable):
        desk.tick()
    desk.broker.on_read = None
    with open_for_questions(desk.home) as ledger:
        newest = ledger.latest_tick()
        assert newest is not None
        assert (newest.status, newest.note) == ("failed", "no answer in 10 s")
    healthy(desk)


def test_a_disk_that_turns_read_only_stops_the_tick_before_anything_is_sent(desk: BentDesk) -> None:
    desk.tick(dry=True)
    desk.journal.database.connection.execute("PRAGMA query_only=ON")
    with pytest.raises(StoreError, match=r"ledger\.sqlite.*readonly.*make the file and its folder writable"):
        desk.tick()
    assert desk.sent == 0
    desk.journal.database.connection.execute("PRAGMA query_only=OFF")
    healthy(desk)


def test_a_snapshot_that_cannot_be_written_stops_the_tick_before_anything_is_sent(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "snapshots").write_text("a file where a folder belongs")
    desk = BentDesk(home)
    with pytest.raises(StoreError, match=r"cannot write .*snapshots.*make the folder writable"):
        desk.tick()
    assert desk.sent == 0
    (home / "snapshots").unlink()
    healthy(desk)
    desk.close()


def test_slots_follow_utc_through_a_change_of_daylight_saving(desk: BentDesk) -> None:
    # Friday 2027-03-12 is winter time in New York (open 14:30 UTC), Monday the 15th summer time (13:30 UTC).
    friday = NOON.replace(year=2027, month=3, day=12, hour=14, minute=30)
    monday = friday.replace(day=15, hour=13)
    for opening in (friday, monday):
        assert not desk.tick(opening - SLOT).snapshot.session.is_open
        result = desk.tick(opening)
        assert result.snapshot.session.is_open
        assert result.snapshot.session.open_at == opening
        assert result.snapshot.slot == opening
