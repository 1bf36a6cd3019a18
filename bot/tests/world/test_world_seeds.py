"""Ten worlds of a quarter each: they do not all profit, and in every one the books agree with the account."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.domain.instruments import is_option
from bot.engine.ports import TickResult
from bot.store.chain import verify
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from

SEEDS = tuple(range(1, 11))
EQUITY = 25_000
FIRST_DAY, SESSIONS = date(2026, 3, 2), 60


class Ended(NamedTuple):
    """What a run came to: its last tick, everything odd on the way, and figures read from its ledger."""

    last: TickResult
    odd: tuple[str, ...]
    fills: int
    lines_sum: Decimal
    held_by_fills: dict[str, Decimal]
    faults: int


def run_seed(home: Path, seed: int) -> Ended:
    """Run a quarter and look at the books after every tick."""
    odd: list[str] = []
    fills = 0

    def seen(result: TickResult) -> None:
        nonlocal fills
        at, books = result.snapshot.at, result.snapshot.books
        fills += len(result.settlement.fills)
        odd.extend(f"{at}: {error}" for error in result.errors)
        odd.extend(f"{at}: {one.symbol} {one.what}" for one in books.drift if one.kind == "unexplained")
        if books.cash != result.snapshot.account.cash:
            odd.append(f"{at}: our cash {books.cash}, the account's {result.snapshot.account.cash}")
        for verdict in result.verdicts:
            odd.extend(f"{at}: {check.reason}" for check in verdict.checks if "the gate failed" in check.reason)

    with run_in(make_house(home, choice_of("balanced", EQUITY), seed)) as run:
        last = run_through(run, moments_in(sessions_from(FIRST_DAY, SESSIONS)), seen)
        ledger = run.journal.database.connection
        lines = ledger.execute("SELECT symbol, qty, net_amount FROM activities").fetchall()
        held: dict[str, Decimal] = {}
        for symbol, qty, _ in lines:
            held[symbol] = held.get(symbol, Decimal(0)) + Decimal(qty)
        faults = len(list(verify(ledger, home, snapshots=False)))
    moved = {symbol: qty for symbol, qty in held.items() if symbol and qty != 0}
    return Ended(last, tuple(odd), fills, sum((Decimal(net) for *_, net in lines), Decimal(0)), moved, faults)


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Ended]:
    folder = tmp_path_factory.mktemp("seeds")
    return {seed: run_seed(folder / str(seed), seed) for seed in SEEDS}


def test_ten_worlds_do_not_all_profit(ended: dict[int, Ended]) -> None:
    profits = {seed: one.last.snapshot.equity - EQUITY for seed, one in ended.items()}
    assert min(profits.values()) < 0 < max(profits.values()), profits
    assert all(abs(profit) < EQUITY / 2 for profit in profits.values()), profits


@pytest.mark.parametrize("seed", SEEDS)
def test_a_quarter_leaves_nothing_unexplained(ended: dict[int, Ended], seed: int) -> None:
    one = ended[seed]
    assert one.odd == ()
    assert one.fills >= 10
    assert one.faults == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_cash_is_the_sum_of_the_brokers_lines_to_the_cent(ended: dict[int, Ended], seed: int) -> None:
    one = ended[seed]
    assert one.lines_sum == one.last.snapshot.account.cash == one.last.snapshot.books.cash


@pytest.mark.parametrize("seed", SEEDS)
def test_positions_are_the_sum_of_the_lines_and_of_our_lots_and_legs(ended: dict[int, Ended], seed: int) -> None:
    one = ended[seed]
    snapshot = one.last.snapshot
    broker = {held.position.symbol: held.position.qty for held in snapshot.positions}
    assert broker == one.held_by_fills
    ours: dict[str, Decimal] = {}
    for lot in snapshot.books.lots:
        ours[lot.symbol] = ours.get(lot.symbol, Decimal(0)) + lot.qty
    for leg in snapshot.books.legs:
        ours[leg.symbol] = ours.get(leg.symbol, Decimal(0)) + leg.qty
    assert broker == ours
    marks = snapshot.mark_of
    value = sum(
        (qty * marks[symbol].price * (100 if is_option(symbol) else 1) for symbol, qty in ours.items()), Decimal(0)
    )
    assert snapshot.equity == snapshot.account.cash + value
