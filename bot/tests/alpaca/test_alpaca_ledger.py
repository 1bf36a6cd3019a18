"""The books over a pretended Alpaca, whole ticks: what the broker and its corporate actions do, to the cent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain import invariants as names
from bot.domain.instruments import option_symbol, parse_option
from bot.domain.ledger import Instruction
from bot.engine.ports import TickResult
from bot.store.chain import verify
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.facts import Holding
from bot.tests.alpaca.test_alpaca_ticks import one_put

D = Decimal


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as desk:
        yield desk


def agree(result: TickResult) -> None:
    """Hold the books of a tick against the account it saw."""
    books = result.snapshot.books
    assert sum(one.cash for one in books.strategies) == books.cash
    (gap,) = [one for one in result.snapshot.invariants if one.name == names.STRATEGIES_GAP]
    assert (gap.value, gap.ok) == (D(0), True)


def kinds(result: TickResult) -> dict[str, str]:
    return {one.symbol: one.kind for one in result.settlement.drift}


def renamed(desk: AlpacaDesk, old: str, new: str, times: int = 1) -> None:
    """Show a held series under another name, as a corporate action leaves it."""
    held = desk.world.holdings.pop(old)
    desk.world.holdings[new] = Holding(held.qty * times, held.average / times)


def test_an_assignment_is_pending_with_its_date_and_then_booked_in_the_wheels_book(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    desk.world.assign(put)
    desk.pass_by()
    pending = desk.tick()
    assert set(kinds(pending).values()) == {"pending"}
    assert all(one.expected_until is not None for one in pending.settlement.drift)
    agree(pending)
    desk.pass_by(timedelta(days=1))
    result = desk.tick()
    assert result.settlement.drift == ()
    agree(result)
    (wheel,) = [one for one in result.snapshot.books.strategies if one.strategy == "wheel"]
    strike = parse_option(put).strike
    assert (wheel.premium, wheel.shares, wheel.carried) == (D(60), -strike * 100, strike * 100)


def test_an_option_bought_back_by_hand_leaves_the_wheels_book_at_what_was_paid(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    desk.world.trade(put, "1", "0.25")
    desk.pass_by()
    result = desk.tick()
    (end,) = result.settlement.leg_ends
    assert (end.how, end.income) == ("closed_by_broker", D(35))
    assert result.settlement.drift == ()
    agree(result)


def test_shares_moved_in_are_foreign_and_no_profit(desk: AlpacaDesk) -> None:
    before = desk.tick(dry=True).snapshot
    quote = before.quote_of["XLF"]
    assert quote.last is not None
    desk.world.hold("XLF", "100", "20")
    desk.world.write("ACATS", symbol="XLF", qty=D(100), price=D(0), net_amount=D(0), description="transfer in")
    desk.pass_by()
    result = desk.tick(dry=True)
    assert result.settlement.flow > D(1000)
    assert abs(result.snapshot.books.nav - 1) < D("0.01"), "shares that were moved in are no result"
    assert any("bot adopt XLF --basis" in note for note in result.settlement.notes)
    agree(result)


def test_a_put_adjusted_to_another_root_is_frozen_and_never_ordered(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    contract = parse_option(put)
    adjusted = option_symbol(f"{contract.root}1", contract.expiry, contract.right, contract.strike)
    renamed(desk, put, adjusted)
    desk.world.list_option(adjusted, "0.05", "0.06")
    desk.pass_by()
    sent = desk.posts()
    result = desk.tick()
    assert [one.symbol for one in result.snapshot.books.legs] == [adjusted]
    assert result.settlement.drift == ()
    assert any("frozen" in note for note in result.settlement.notes)
    for _ in range(2):  # at a fifth of its credit any standard put would be bought back
        desk.pass_by()
        result = desk.tick()
    assert [one.body for one in desk.world.requests("POST")[sent:] if contract.root in str(one.body)] == []
    agree(result)
    desk.world.trade(adjusted, "1", "0.06")
    desk.pass_by()
    result = desk.tick()
    assert [end.income for end in result.settlement.leg_ends] == [D(54)]
    assert result.settlement.drift == ()
    agree(result)


def test_the_owner_closes_an_adjusted_contract_and_nobody_else(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    contract = parse_option(put)
    adjusted = option_symbol(f"{contract.root}1", contract.expiry, contract.right, contract.strike)
    renamed(desk, put, adjusted)
    desk.world.list_option(adjusted, "0.05", "0.06")
    desk.pass_by()
    desk.tick()
    with closing(LedgerJournal(desk.home, "main")) as journal:
        journal.add_instruction(Instruction(contract=adjusted, word="close", at=desk.world.at, author="owner"))
    sent = desk.posts()
    desk.pass_by()
    result = desk.tick()
    (order,) = [one.body for one in desk.world.requests("POST")[sent:] if one.body["symbol"] == adjusted]
    assert (order["position_intent"], order["qty"]) == ("buy_to_close", "1")
    assert [v.intent.purpose for v in result.verdicts if v.intent.symbol == adjusted] == ["owner_close"]


def test_an_even_split_is_followed_to_the_series_of_half_the_strike(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    contract = parse_option(put)
    half = option_symbol(contract.root, contract.expiry, contract.right, contract.strike / 2)
    for qty in ("-100", "200"):  # the account holds none of them: the line stands for the split alone
        desk.world.write("SPLIT", symbol=contract.root, qty=D(qty), price=D(20), group_id="split", net_amount=D(0))
    renamed(desk, put, half, times=2)
    desk.world.list_option(half, "0.28", "0.32")
    desk.pass_by()
    result = desk.tick(dry=True)
    (leg,) = result.snapshot.books.legs
    assert (leg.symbol, leg.qty, leg.strike, leg.credit) == (half, D(-2), contract.strike / 2, D("0.3"))
    assert result.settlement.drift == ()
    agree(result)


def test_the_record_of_such_days_holds(desk: AlpacaDesk) -> None:
    put = one_put(desk)
    desk.world.deposit("250")
    desk.world.trade("XLF", "10", "40")
    desk.pass_by()
    desk.tick()
    desk.world.assign(put)
    desk.pass_by(timedelta(days=1))
    agree(desk.tick())
    with open_for_questions(desk.home) as ledger:
        rows = {row.book.strategy: row for row in ledger.strategy_books()}
        newest = ledger.latest_tick()
        assert list(verify(ledger.connection, desk.home)) == []
    assert newest is not None
    assert sum(row.book.cash + row.worth.value for row in rows.values()) == newest.equity
    assert rows["foreign"].book.shares == D(-400)
