"""First in, first out: the day, the basis, the premium and the split of every lot, and not a cent lost (B069)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.instruments import option_symbol
from bot.domain.taxlots import Disposal, Move, MoveKind, TaxLots, fifo, term_of

D = Decimal
ZERO = D(0)
FIRST = date(2025, 1, 6)
PUT = option_symbol("AAPL", date(2025, 3, 21), "put", D(100))
CALL = option_symbol("AAPL", date(2025, 3, 21), "call", D(110))


def move(
    kind: MoveKind, qty: int | str, cash: int | str = 0, *, on: int = 0, symbol: str = "AAPL", **more: Any
) -> Move:
    """Build a move `on` days after the first."""
    day = FIRST + timedelta(days=on)
    return Move(
        id=f"{kind}-{on}-{symbol}", at=datetime.combine(day, time(15), UTC), day=day, kind=kind, symbol=symbol,
        qty=D(qty), cash=D(cash), **more,
    )  # fmt: skip


def rows(things: Iterable[Any], *names: str) -> list[Any]:
    """Give some of each thing's numbers."""
    return [tuple(getattr(one, name) for name in names) for one in things]


def only(lots: TaxLots) -> Disposal:
    """Give the one disposal there is."""
    (one,) = lots.disposals
    return one


def shown(one: Disposal) -> tuple[Any, ...]:
    """Give what a tax form asks for."""
    return one.acquired, one.sold, one.proceeds, one.basis, one.gain, one.adjustment, one.term, one.how


def test_the_oldest_shares_leave_first_and_a_part_of_a_lot_takes_its_part_of_the_cost() -> None:
    lots = fifo([move("trade", 100, -1000), move("trade", 100, -2000, on=1), move("trade", -150, 3000, on=2)])
    assert rows(lots.disposals, "qty", "proceeds", "basis", "lot") == [
        (100, 2000, 1000, "trade-0-AAPL"), (50, 1000, 1000, "trade-1-AAPL"),
    ]  # fmt: skip
    assert rows(lots.open_lots, "qty", "cash", "acquired") == [(50, -1000, FIRST + timedelta(days=1))]
    assert rows([lots], "cash", "troubles") == [(0, ())]


@pytest.mark.parametrize(
    ("acquired", "sold", "term"),
    [
        (date(2025, 3, 1), date(2026, 3, 1), "short"),
        (date(2025, 3, 1), date(2026, 3, 2), "long"),
        (date(2024, 2, 29), date(2025, 2, 28), "short"),
        (date(2024, 2, 29), date(2025, 3, 1), "long"),
        (None, date(2025, 3, 1), "unknown"),
    ],
)
def test_long_is_more_than_a_year(acquired: date | None, sold: date, term: str) -> None:
    assert term_of(acquired, sold) == term


def test_an_assigned_put_lowers_the_basis_by_its_premium_and_is_no_disposal() -> None:
    lots = fifo([
        move("trade", -1, 250, symbol=PUT),
        move("ended", 1, symbol=PUT, on=74, group="g"),
        move("delivery", 100, -10_000, on=74, group="g"),
    ])  # fmt: skip
    assert lots.disposals == ()
    (lot,) = lots.open_lots
    assert rows([lot], "qty", "cash", "adjustment", "acquired") == [(100, -9750, 250, FIRST + timedelta(days=74))]


def test_an_assigned_call_raises_the_proceeds_by_its_premium_whichever_line_comes_first() -> None:
    lines = [
        move("trade", 100, -9000), move("trade", -1, 120, symbol=CALL, on=1),
        move("delivery", -100, 11_000, on=74, group="g"), move("ended", 1, symbol=CALL, on=74, group="g"),
    ]  # fmt: skip
    for order in (lines, [*lines[:2], lines[3], lines[2]]):
        one = only(fifo(order))
        assert shown(one) == (FIRST, FIRST + timedelta(days=74), 11_120, 9000, 2120, 120, "short", "called away")


def test_an_assignment_whose_shares_are_booked_a_day_later_is_one_event() -> None:
    lots = fifo([
        move("trade", -1, 250, symbol=PUT), move("ended", 1, symbol=PUT, on=74, group="g"),
        move("trade", 10, -990, on=75), move("delivery", 100, -10_000, on=76, group="g"),
    ])  # fmt: skip
    assert rows(lots.open_lots, "qty", "cash") == [(100, -9750), (10, -990)]
    waiting = fifo([move("trade", -1, 250, symbol=PUT), move("ended", 1, symbol=PUT, on=74, group="g")])
    assert rows([waiting], "waiting", "cash") == [(250, 250)]
    assert len(waiting.troubles) == 1


def test_lines_without_a_group_meet_by_share_and_day() -> None:
    lots = fifo([move("trade", -1, 250, symbol=PUT), move("ended", 1, symbol=PUT, on=74),
                 move("delivery", 100, -10_000, on=74)])  # fmt: skip
    assert rows(lots.open_lots, "cash") == [(-9750,)]


@pytest.mark.parametrize("group", ["", "g"])
def test_each_series_premium_goes_to_its_own_shares_where_several_are_delivered_together(group: str) -> None:
    lower = option_symbol("AAPL", date(2025, 3, 21), "put", D(90))
    same = option_symbol("AAPL", date(2025, 3, 21), "call", D(100))
    lots = fifo([
        move("trade", 100, -9500), move("trade", -2, 500, symbol=PUT), move("trade", -1, 80, symbol=lower),
        move("trade", -1, 300, symbol=same), move("ended", 2, symbol=PUT, on=74, group=group),
        move("ended", 1, symbol=lower, on=74, group=group), move("ended", 1, symbol=same, on=74, group=group),
        move("delivery", -100, 10_000, on=74, group=group), move("delivery", 100, -9000, on=74, group=group),
        move("delivery", 100, -10_000, on=74, group=group), move("delivery", 100, -10_000, on=74, group=group),
    ])  # fmt: skip
    assert rows([only(lots)], "proceeds", "basis", "adjustment") == [(10_300, 9500, 300)]
    assert rows(lots.open_lots, "qty", "cash", "adjustment") == [
        (100, -8920, 80), (100, -9750, 250), (100, -9750, 250),
    ]  # fmt: skip
    assert rows([lots], "waiting", "troubles") == [(0, ())]


def test_a_put_of_ours_that_is_exercised_lowers_the_proceeds() -> None:
    one = only(fifo([
        move("trade", 100, -9000), move("trade", 1, -80, symbol=PUT),
        move("ended", -1, symbol=PUT, on=74, group="g"), move("delivery", -100, 10_000, on=74, group="g"),
    ]))  # fmt: skip
    assert rows([one], "proceeds", "basis", "adjustment", "how") == [(9920, 9000, -80, "put delivered")]


def test_a_written_option_that_expires_is_a_short_term_gain_of_the_year_it_ended() -> None:
    one = only(fifo([move("trade", -2, 300, symbol=PUT), move("expiry", 2, symbol=PUT, on=74)]))
    assert shown(one) == (FIRST + timedelta(days=74), FIRST, 300, 0, 300, 0, "short", "expired")
    assert rows([one], "written", "closed") == [(True, FIRST + timedelta(days=74))]


def test_what_expires_does_so_after_its_days_trades_however_the_broker_dates_it() -> None:
    lots = fifo([
        move("expiry", 1, symbol=PUT, on=74), move("trade", -2, 300, symbol=PUT),
        move("trade", 1, -10, symbol=PUT, on=74),
    ])  # fmt: skip
    assert [one.how for one in lots.disposals] == ["bought back", "expired"]
    assert lots.troubles == ()


def test_a_split_multiplies_the_shares_and_keeps_day_and_cost() -> None:
    lots = fifo([
        move("trade", 3, -300), move("trade", 2, -250, on=1), move("split", 15, on=2, ratio=D(4)),
        move("trade", -16, 500, on=500),
    ])  # fmt: skip
    assert rows(lots.disposals, "qty", "basis", "term") == [(12, 300, "long"), (4, 125, "long")]
    assert rows(lots.open_lots, "qty", "cash") == [(4, -125)]


@pytest.mark.parametrize("apart", [False, True])
def test_a_fraction_that_a_split_leaves_is_sold_for_what_was_paid(apart: bool) -> None:
    paid = [move("split", -8, 0 if apart else 12, on=2, ratio=D("0.3"))]
    if apart:
        paid.append(move("fraction", 0, 12, on=5))
    lots = fifo([move("trade", 11, -440), *paid])
    one = only(lots)
    assert rows([one], "qty", "proceeds", "basis", "how") == [(D("0.3"), 12, 40, "cash in lieu")]
    assert rows(lots.open_lots, "qty", "cash") == [(3, -400)]
    assert lots.cash == -428


@pytest.mark.parametrize("first", ["old", "new"])
def test_an_option_follows_its_share_through_a_split(first: str) -> None:
    after = option_symbol("AAPL", date(2025, 3, 21), "put", D(50))
    pair = [move("split", 2, symbol=PUT, on=9, ratio=D(2), group="s"),
            move("split", -4, symbol=after, on=9, ratio=D(2), group="s")]  # fmt: skip
    lots = fifo([move("trade", -2, 300, symbol=PUT), *(pair if first == "old" else pair[::-1]),
                 move("trade", 3, -30, symbol=after, on=20)])  # fmt: skip
    assert rows(lots.disposals, "symbol", "qty", "sold", "gain") == [(after, 3, FIRST, 195)]
    assert rows(lots.open_lots, "symbol", "qty", "cash", "acquired") == [(after, -1, 75, FIRST)]
    assert lots.troubles == ()


def test_what_was_there_before_the_record_has_no_known_cost_and_leaves_first() -> None:
    lots = fifo([move("trade", 10, -100), move("trade", -15, 300, on=1)], [("AAPL", D(10))])
    assert rows(lots.disposals, "qty", "acquired", "gain", "term") == [
        (10, None, None, "unknown"), (5, FIRST, 50, "short"),
    ]  # fmt: skip
    assert rows([lots], "unmatched", "cash") == [(200, 200)]


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        ([move("trade", -5, 50)], "whose purchase is not in this record"),
        ([move("expiry", 1, symbol=PUT)], "expired that this record never saw"),
        ([move("ended", 1, symbol=PUT, group="g"), move("delivery", 100, -10_000, group="g")], "never saw opened"),
        ([move("split", 5, ratio=D(2))], "a split without"),
        ([move("fraction", 0, 5)], "a fraction of a share"),
        ([move("split", -2, symbol=PUT, ratio=D(2), group="s")], "no other line took away"),
        ([move("trade", -1, 9, symbol=PUT), move("split", 1, symbol=PUT, on=1, group="s")], "gave none back"),
    ],
)
def test_what_the_record_cannot_explain_is_named_and_its_cash_is_not_lost(moves: list[Move], words: str) -> None:
    lots = fifo(moves)
    assert any(words in one for one in lots.troubles)
    assert lots.cash == sum(one.cash for one in moves)
    assert all(one.gain is None for one in lots.disposals)


def test_shares_moved_in_have_no_known_cost_and_shares_moved_out_are_no_sale() -> None:
    lots = fifo([move("transfer", 10), move("trade", 10, -100, on=1), move("transfer", -15, on=2)])
    assert rows([lots], "disposals", "left", "cash") == [((), -50, -100)]
    assert rows(lots.open_lots, "qty", "cash") == [(5, -50)]


class Account:
    """A random account that can do what a wheel does, and remembers only its cash and its holdings."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw
        self.moves: list[Move] = []
        self.held: dict[str, Decimal] = {}
        self.ratio = D(1)

    def book(self, kind: MoveKind, symbol: str, qty: Decimal, cash: Decimal = ZERO, **more: Any) -> None:
        """Keep one line."""
        self.held[symbol] = self.held.get(symbol, D(0)) + qty
        self.moves.append(move(kind, str(qty), str(cash), on=len(self.moves) * 9, symbol=symbol, **more))

    def cents(self, low: int, high: int) -> Decimal:
        """Draw dollars."""
        return D(self.draw(st.integers(low, high))) / 100

    def step(self) -> None:
        """Do one thing of those that can be done."""
        shares = self.held.get("AAPL", D(0))
        written = [(name, qty) for name, qty in sorted(self.held.items()) if name != "AAPL" and qty < 0]
        able = ["buy", "put"] + ["sell", "split"] * (shares > 0) + ["back", "expire", "assign"] * bool(written)
        what = self.draw(st.sampled_from(able + ["call"] * (shares >= 100)))
        if what == "buy":
            qty = D(self.draw(st.integers(1, 300)))
            self.book("trade", "AAPL", qty, -self.cents(1, 5_000_000))
        elif what == "sell":
            qty = min(shares, D(self.draw(st.integers(1, 300))))
            self.book("trade", "AAPL", -qty, self.cents(1, 5_000_000))
        elif what in ("put", "call"):
            strike = D(self.draw(st.sampled_from([90, 100, 110])))
            name = option_symbol("AAPL", date(2030, 1, 18), "put" if what == "put" else "call", strike)
            self.book("trade", name, -D(self.draw(st.integers(1, 3))), self.cents(1, 90_000))
        elif what == "split":
            ratio = self.draw(st.sampled_from([D(2), D(3), D(10)]))
            self.book("split", "AAPL", shares * (ratio - 1), ratio=ratio)
        else:
            self._end(what, *self.draw(st.sampled_from(written)))

    def _end(self, what: str, name: str, held: Decimal) -> None:
        qty = D(self.draw(st.integers(1, int(-held))))
        if what == "back":
            self.book("trade", name, qty, -self.cents(0, 90_000))
        elif what == "expire":
            self.book("expiry", name, qty)
        else:
            call = name[10] == "C"
            qty = min(qty, self.held.get("AAPL", D(0)) // 100) if call else qty
            if qty:
                group = f"g{len(self.moves)}"
                self.book("ended", name, qty, group=group)
                self.book("delivery", "AAPL", -100 * qty if call else 100 * qty,
                          (100 if call else -100) * qty * 100, group=group)  # fmt: skip


@given(st.data(), st.integers(1, 40))
def test_gains_and_what_is_open_are_the_cash_of_any_history_to_the_cent(data: Any, steps: int) -> None:
    account = Account(data.draw)
    for _ in range(steps):
        account.step()
    lots = fifo(account.moves)
    assert lots.troubles == ()
    assert rows([lots], "waiting", "unmatched", "left") == [(0, 0, 0)]
    assert lots.cash == sum(one.cash for one in account.moves)
    held: dict[str, Decimal] = {}
    for lot in lots.open_lots:
        held[lot.symbol] = held.get(lot.symbol, D(0)) + lot.qty
    assert held == {name: qty for name, qty in account.held.items() if qty}
    assert all(one.gain is not None and one.qty > 0 for one in lots.disposals)
    assert [one.closed for one in lots.disposals] == sorted(one.closed for one in lots.disposals)


@given(st.lists(st.tuples(st.integers(-30, 30).filter(bool), st.integers(1, 9_999)), min_size=1, max_size=25))
def test_the_gain_is_that_of_a_queue_of_single_shares(trades: list[tuple[int, int]]) -> None:
    """A second reckoning that knows no lots: each share stands in the queue with its own cost."""
    queue: deque[Fraction] = deque()
    gain, moves = Fraction(0), []
    for number, (wanted, cents) in enumerate(trades):
        qty = max(wanted, -len(queue))
        if not qty:
            continue
        moves.append(move("trade", qty, str(-qty * D(cents) / 100), on=number))
        for _ in range(abs(qty)):
            if qty > 0:
                queue.append(Fraction(cents, 100))
            else:
                gain += Fraction(cents, 100) - queue.popleft()
    lots = fifo(moves)
    got = sum((one.gain for one in lots.disposals if one.gain is not None), D(0))
    assert Fraction(got) == gain
    assert Fraction(-sum((lot.cash for lot in lots.open_lots if lot.cash is not None), D(0))) == sum(queue, Fraction(0))
