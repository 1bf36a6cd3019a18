"""What the board shows of one tick, as rows: facts of its Snapshot put into words and numbers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from bot.domain.desk import Desk
from bot.domain.facts import Fact
from bot.domain.halting import HALT_FILE, lifted_by_resume
from bot.domain.instruments import is_option, is_share, parse_option, underlying_of
from bot.domain.invariants import UNPROTECTED
from bot.domain.ledger import Cycle, Halt, Lot
from bot.domain.market import Chain, Offer
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.snapshot import Snapshot
from bot.report.feeds import account_name
from bot.report.holdings import OptionLine, ShareLine, held_in, option_lines, share_lines, spot_in
from bot.report.week import WeekReport
from bot.report.week_ahead import CalendarLine
from bot.report.week_shorts import odds_of
from bot.report.words import six

COMMAND = re.compile(r"`(bot [^`]+)`")
"""A command as words about a halt name it."""


class DeskRow(Fact, frozen=True, kw_only=True):
    """How the desk stands after a tick; columns of `board_desk`."""

    tick_id: int
    desk: str
    account: str
    money: str
    benchmark: str
    equity: Decimal
    cash: Decimal
    buying_power: Decimal
    cash_idle: Decimal | None
    cash_idle_fraction: Decimal | None
    collateral: Decimal
    collateral_fraction: Decimal | None
    day_pnl: Decimal | None = None
    day_fraction: Decimal | None = None
    nav: Decimal = ONE
    nav_peak: Decimal = ONE
    drawdown_fraction: Decimal = ZERO
    drawdown_limit: Decimal | None
    drawdown_level: str
    daily_loss_limit: Decimal | None
    session_day: str
    session_opens_at: datetime
    session_closes_at: datetime
    session_open: int
    next_slot: datetime


class PositionRow(Fact, frozen=True, kw_only=True):
    """One position as people read it; columns of `board_positions`."""

    symbol: str
    kind: str
    strategy: str = ""
    cycle: str = ""
    right: str | None = None
    strike: Decimal | None = None
    expiry: str | None = None
    dte: int | None = None
    moneyness_fraction: float | None = None
    delta: float | None = None
    credit: Decimal | None = None
    profit_fraction: float | None = None
    unrealized: Decimal | None = None
    collateral: Decimal | None = None
    protection: str
    protection_ok: int
    quote_age_seconds: float | None = None
    underlying_price: Decimal | None = None
    basis_strike: Decimal | None = None
    basis_tax: Decimal | None = None
    basis_wheel: Decimal | None = None


class AheadRow(Fact, frozen=True, kw_only=True):
    """One thing to come; columns of `board_ahead`."""

    position: int
    day: str
    kind: str
    symbol: str
    what: str
    amount: Decimal | None
    severity: str


class HaltRow(Fact, frozen=True, kw_only=True):
    """The halt in force; columns of `board_halt`."""

    level: str
    author: str
    at: datetime | None
    reason: str
    clears: str
    command: str
    panic: str = ""
    restore: str = ""


class Place(NamedTuple):
    """What of a desk row no Snapshot says: whose money, what is idle, when the next tick comes."""

    tick_id: int
    money: str
    cash_idle: Decimal | None
    next_slot: datetime


def desk_row(snapshot: Snapshot, desk: Desk, place: Place) -> DeskRow:
    """Put together how the desk stands."""
    limits, session = desk.limits, snapshot.session
    collateral = sum((_secured(one.position.symbol, one.position.qty) for one in snapshot.positions), ZERO)
    first = limits.drawdown_no_new_risk
    return DeskRow(
        tick_id=place.tick_id, desk=snapshot.desk,
        account=account_name(snapshot.account.id, simulated=snapshot.simulated), money=place.money,
        benchmark=desk.benchmark, equity=snapshot.equity, cash=snapshot.account.cash,
        buying_power=snapshot.account.buying_power, cash_idle=place.cash_idle,
        cash_idle_fraction=_share(place.cash_idle, snapshot.equity), collateral=collateral,
        collateral_fraction=_share(collateral, snapshot.equity),
        drawdown_limit=limits.drawdown_reduce_only if first is None else first,
        drawdown_level="reduce_only" if first is None else "no_new_risk", daily_loss_limit=limits.daily_loss_share,
        session_day=session.day.isoformat(), session_opens_at=session.open_at, session_closes_at=session.close_at,
        session_open=int(session.is_open), next_slot=place.next_slot,
    )  # fmt: skip


def _share(part: Decimal | None, whole: Decimal) -> Decimal | None:
    return None if part is None or whole <= 0 else six(part / whole)


def _secured(symbol: str, qty: Decimal) -> Decimal:
    """Give what a short put ties up, its strike in cash; nothing for anything else."""
    if qty >= 0 or not is_option(symbol):
        return ZERO
    contract = parse_option(symbol)
    return contract.strike * -qty * SHARES_PER_CONTRACT if contract.right == "put" else ZERO


def halt_row(halt: Halt, home: str, panic: str = "", restore: str = "") -> HaltRow:
    """Say which halt is in force, and what the owner types to change it; nothing where only time clears it."""
    command = ""
    if halt.author == HALT_FILE:
        from shlex import quote

        command = f"rm {quote(f'{home}/HALT')}"
    elif halt.level != "run":
        told = COMMAND.search(halt.clears)
        command = told.group(1) if told else "bot resume" if lifted_by_resume(halt) else ""
    return HaltRow(
        level=halt.level, author=halt.author, at=halt.since, reason=halt.reason, clears=halt.clears, command=command,
        panic=panic, restore=restore,
    )  # fmt: skip


def position_rows(snapshot: Snapshot, week: WeekReport) -> list[PositionRow]:
    """Give a row for everything held."""
    held, books = held_in(snapshot), snapshot.books
    options = {
        line.symbol: line for line in option_lines(held, books.legs, snapshot.quote_of, week.today, books.instructions)
    }
    shares = {line.symbol: line for line in share_lines(held, books.lots)}
    protection = {one.symbol: one.protection for one in week.shares}
    bare = {symbol for one in snapshot.invariants if one.name == UNPROTECTED for symbol in one.symbols}
    found = []
    for one in held:
        if one.symbol in options:
            found.append(_option_row(snapshot, options[one.symbol]))
        elif one.symbol in shares:
            found.append(_share_row(snapshot, shares[one.symbol], protection.get(one.symbol, ""), bare))
        else:
            found.append(
                PositionRow(symbol=one.symbol, kind="other", protection="none: it cannot be read", protection_ok=0)
            )
    return found


def _option_row(snapshot: Snapshot, line: OptionLine) -> PositionRow:
    leg = next((one for one in snapshot.books.legs if one.symbol == line.symbol), None)
    odds = odds_of(snapshot, parse_option(line.symbol), line.spot)
    words, ok = _cover(snapshot, line)
    return PositionRow(
        symbol=line.symbol, kind="option", strategy="" if leg is None else leg.strategy,
        cycle="" if leg is None else leg.cycle, right=line.right, strike=line.strike, expiry=line.expiry.isoformat(),
        dte=line.dte, moneyness_fraction=None if line.distance_fraction is None else float(line.distance_fraction),
        delta=None if odds.delta is None else float(odds.delta), credit=line.credit,
        profit_fraction=None if line.profit_share is None else float(line.profit_share), unrealized=line.unrealised,
        collateral=_secured(line.symbol, line.qty) if line.qty < 0 else None, protection=words, protection_ok=int(ok),
        quote_age_seconds=_age(snapshot, line.symbol), underlying_price=line.spot,
    )  # fmt: skip


def _cover(snapshot: Snapshot, line: OptionLine) -> tuple[str, bool]:
    """Say what stands behind an option: its cash, its shares, or that it was paid for."""
    if line.qty > 0:
        return "paid for", True
    if line.right == "put":
        return "secured by cash", True
    short = sum((-position.qty for position in snapshot.short_options(line.underlying, "call")), ZERO)
    covered = snapshot.shares_held(line.underlying) >= short * SHARES_PER_CONTRACT
    return ("covered by shares", True) if covered else ("not covered by shares", False)


def _share_row(snapshot: Snapshot, line: ShareLine, protection: str, bare: set[str]) -> PositionRow:
    lots = [lot for lot in snapshot.lots_of.get(line.symbol, ()) if lot.owner != "foreign"]
    first = lots[0] if lots else None
    return PositionRow(
        symbol=line.symbol, kind="share", strategy="" if first is None else first.strategy,
        cycle="" if first is None else first.cycle, unrealized=line.unrealised,
        protection=protection or "none: not ours", protection_ok=int(line.symbol not in bare),
        quote_age_seconds=_age(snapshot, line.symbol),
        underlying_price=snapshot.spot(line.symbol), basis_strike=mean_basis(lots, "basis_strike"),
        basis_tax=mean_basis(lots, "basis_tax"), basis_wheel=mean_basis(lots, "basis_wheel"),
    )  # fmt: skip


def mean_basis(lots: list[Lot], name: str) -> Decimal | None:
    """Give the mean of a basis over lots by their shares; unknown where one lot's is."""
    known = [(lot.qty, value) for lot in lots if (value := getattr(lot, name)) is not None]
    total = sum((qty for qty, _ in known), ZERO)
    if total == 0 or len(known) < len(lots):
        return None
    return six(sum((qty * value for qty, value in known), ZERO) / total)


def _age(snapshot: Snapshot, symbol: str) -> float | None:
    quote = snapshot.quote_of.get(symbol)
    return None if quote is None else max(0.0, (snapshot.at - quote.at).total_seconds())


def ahead_rows(week: WeekReport) -> list[AheadRow]:
    """List what the days ahead bring, by day: the calendar, likely assignments, the cash after them."""
    rows: list[tuple[str, str, str, str, Decimal | None, str]] = []
    for line in week.calendar:
        about = underlying_of(line.symbol) if line.symbol else ""
        severity = "warn" if line.at_risk or line.kind == "earnings" else "plain"
        amount = None if line.kind == "ex_date" else line.amount
        rows.append((line.day.isoformat(), line.kind, about, _what(line), amount, severity))
    for short in week.options:
        if short.in_window and short.distance is not None and short.distance < 0:
            sign = -1 if short.right == "put" else 1
            cash = sign * short.strike * -short.qty * SHARES_PER_CONTRACT
            what = f"{plain(-short.qty)} x {short.underlying} {plain(short.strike)} {short.right}"
            words = f"{what} would be assigned at this price"
            rows.append((short.expiry.isoformat(), "assignment", short.underlying, words, cash, "warn"))
    for case in week.scenarios:
        if case.name in ("in_the_money", "window") and case.options:
            what = "what is in the money is assigned" if case.name == "in_the_money" else "all that expires is assigned"
            words = f"cash after {what}: {case.cash_after:,.2f}"
            severity = "bad" if case.cash_negative else "plain"
            rows.append((week.until.isoformat(), "cash", "", words, case.cash_after - case.cash_before, severity))
    return [
        AheadRow(position=place, day=day, kind=kind, symbol=symbol, what=what, amount=amount, severity=severity)
        for place, (day, kind, symbol, what, amount, severity) in enumerate(sorted(rows, key=lambda row: row[:4]))
    ]


def _what(line: CalendarLine) -> str:
    """Say what a day brings; of calls an ex-date puts at risk only that, for what will be done was not asked."""
    if line.kind != "ex_date" or not line.at_risk:
        return line.what
    calls = ", ".join(f"{plain(parse_option(symbol).strike)} call" for symbol in line.at_risk)
    return f"{line.what.partition('; ')[0]}; an exercise for it may take the shares: {calls}"


def seen_of(snapshot: Snapshot) -> dict[str, Any]:
    """Say in short what a tick saw: prices with their ages, chains, inputs, counts."""
    return {
        "quotes": [
            {
                "symbol": quote.symbol, "bid": None if quote.bid is None else str(quote.bid),
                "ask": None if quote.ask is None else str(quote.ask), "source": quote.source,
                "age": round(max(0.0, (snapshot.at - quote.at).total_seconds()), 1),
            }
            for quote in snapshot.quotes
        ],
        "chains": [{"underlying": one.underlying, "right": one.right, "rows": one.size} for one in snapshot.chains],
        "inputs": [
            {"name": one.name, "source": one.source, "age": round(one.age_seconds, 1)} for one in snapshot.inputs
        ],
        "positions": len(snapshot.positions), "orders": len(snapshot.own_orders) + len(snapshot.foreign_orders),
    }  # fmt: skip


def share_prices(snapshot: Snapshot) -> dict[str, Decimal]:
    """Give the price of every share the Snapshot has one of."""
    found = {}
    for symbol in snapshot.quote_of:
        spot = spot_in(snapshot.quote_of, symbol) if is_share(symbol) else None
        if spot is not None:
            found[symbol] = spot
    return found


def phase_of_cycle(cycle: Cycle, snapshot: Snapshot) -> str:
    """Say where in its turn an open cycle is: selling puts, holding shares, or under calls."""
    legs = [leg for leg in snapshot.books.legs if leg.cycle == cycle.id and leg.qty < 0]
    if any(leg.right == "call" for leg in legs):
        return "covered_call"
    if any(lot.cycle == cycle.id for lot in snapshot.books.lots):
        return "shares"
    return "short_put"


def quotes_of_orders(snapshot: Snapshot, symbols: set[str]) -> Iterator[tuple[str, Decimal | None, Decimal | None]]:
    """Give bid and ask of each of these symbols that the Snapshot saw, from its quotes, else from its chains."""
    left = set(symbols)
    for symbol in sorted(symbols):
        quote = snapshot.quote_of.get(symbol)
        if quote is not None:
            left.discard(symbol)
            yield symbol, quote.bid, quote.ask
    left = {symbol for symbol in left if is_option(symbol)}
    if not left:
        return
    roots = {underlying_of(symbol) for symbol in left}
    for chain in snapshot.chains:
        if chain.underlying in roots:
            for symbol in sorted(left):
                offer = _offer_in(chain, symbol)
                if offer is not None:
                    left.discard(symbol)
                    yield symbol, offer.bid, offer.ask


def _offer_in(chain: Chain, symbol: str) -> Offer | None:
    contract = parse_option(symbol)
    if (contract.root, contract.right) != (chain.underlying, chain.right):
        return None
    for slab in chain.slabs:
        if slab.expiry == contract.expiry:
            strike = int(contract.strike * 1000)
            return chain.offer(slab, slab.strikes.index(strike)) if strike in slab.strikes else None
    return None
