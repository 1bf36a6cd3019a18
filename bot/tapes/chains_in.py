"""Chains out of files: a row per contract and moment, every row checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from bot.domain.errors import BadNumber, MarketError, UsageError
from bot.domain.instruments import is_equity
from bot.domain.market import NOTHING
from bot.domain.money import ZERO
from bot.tapes.barbook import seconds_of
from bot.tapes.bars_in import DAY_SECONDS, BarOptions
from bot.tapes.cells import BIGGEST, PLACES_MOST, empty, number_of, on_grid, places_of
from bot.tapes.facts import TapeFacts
from bot.tapes.hours import bounds_of, day_of
from bot.tapes.importing import Imported, Order, spoken
from bot.tapes.keeping import Draft, check_name, drafting, file_facts, keep
from bot.tapes.reading import Findings, found_columns, read_source, unused
from bot.tapes.stamps import BadStamp, read_day, read_stamp, zone_of
from bot.tapes.tape import Tape

ALIASES: dict[str, tuple[str, ...]] = {
    "at": ("at", "time", "timestamp", "datetime", "quote_datetime"),
    "symbol": ("underlying", "underlying_symbol", "root", "symbol"),
    "expiry": ("expiry", "expiration", "expiry_datetime"),
    "right": ("right", "type", "option_type"),
    "strike": ("strike",),
    "bid": ("bid", "bid_price"),
    "ask": ("ask", "ask_price"),
    "last": ("last", "last_price"),
    "open_interest": ("open_interest", "oi"),
    "delta": ("delta",),
    "iv": ("iv", "implied_volatility", "volatility"),
    "spot": ("spot", "underlying_price", "index_price"),
    "quoted": ("quoted", "quoted_at"),
    "standard": ("standard",),
}
NEEDED = ("at", "expiry", "right", "strike", "bid", "ask")
RIGHTS = {"put": 0, "p": 0, "call": 1, "c": 1}


class ChainRow(NamedTuple):
    """One contract at one moment; moments in seconds UTC, prices as they came, None where there is none."""

    at: int
    right: int
    expiry: int
    strike: int
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    open_interest: int
    standard: bool
    spot: Decimal | None
    quoted: int
    delta: float
    iv: float
    label: str


def import_chains(order: Order, options: BarOptions, findings: Findings, spot: Tape | None = None) -> Imported:
    """Make a tape of chains; `spot` is a tape of bars whose series come along, as the prices of the underlyings."""
    check_name(order.folder, order.name, replace=order.replace)
    by_symbol = _read(order.sources, options, findings, zone_of(options.zone))
    count = sum(len(rows) for rows in by_symbol.values())
    if not count:
        problems = findings.problems()
        raise MarketError(f"no usable row in the sources: {problems[0].text if problems else 'no rows'}")
    kept = {symbol: _checked(symbol, rows, options, order, findings) for symbol, rows in sorted(by_symbol.items())}
    priced = set() if spot is None else {one.symbol for one in spot.facts.series if one.kind == "bars"}
    for symbol, rows in kept.items():
        if symbol not in priced and all(row.spot is None for row in rows):
            words = "no column of the underlying's price and no --spot TAPE with its bars: moneyness would be unknown"
            findings.add("no price of the underlying", symbol=symbol, words=words, refuses=True)
    problems = findings.problems()
    if any(one.refuses for one in problems):
        return Imported(None, problems, count)
    with drafting(order.folder, order.name, replace=order.replace) as draft:
        for symbol, rows in kept.items():
            _add(draft, symbol, rows)
        if spot is not None:
            for one in spot.facts.series:
                if one.kind == "bars":
                    draft.add_bars(one.symbol, spot.bars(one.symbol), volume=one.volume)
        facts = TapeFacts(
            name=order.name, kinds=("chains",) if spot is None else ("bars", "chains"),
            step_seconds=0 if spot is None else spot.step_seconds, zone=options.zone, always_open=options.always_open,
            note=order.note, imported_at=order.now, sources=tuple(file_facts(path) for path in order.sources),
            options=spoken(options) | ({} if spot is None else {"spot": f"{spot.name} {spot.hash[:12]}"}),
            events=() if spot is None else spot.facts.events,
            events_given=spot is not None and spot.facts.events_given, problems=problems,
        )  # fmt: skip
        return Imported(keep(draft, order.folder, facts), problems, count)


def _read(paths: Sequence[Path], options: BarOptions, findings: Findings, zone: ZoneInfo) -> dict[str, list[ChainRow]]:
    found: dict[str, list[ChainRow]] = {}
    for path in paths:
        source = read_source(path)
        columns = found_columns(source, ALIASES, NEEDED, options.columns)
        if options.symbol:
            columns.pop("symbol", None)
        elif "symbol" not in columns:
            raise UsageError(f"{path.name}: has no column that names the underlying: add --symbol SYMBOL")
        findings.unread(unused(source, columns), path.name)
        prefix = f"{path.name}:" if len(paths) > 1 else ""
        for index, number in enumerate(source.rows):
            cells = {ours: source.columns[name][index] for ours, name in columns.items()}
            symbol, label = options.symbol or str(cells["symbol"]).strip(), f"{prefix}{number}"
            if not is_equity(symbol):
                findings.add("bad symbol", label, f"{symbol[:20]!r} is no share or fund", refuses=True)
                continue
            try:
                row = _row(cells, options, zone, label)
            except (BadStamp, BadNumber) as error:
                what = error.what if isinstance(error, BadStamp) else "bad number"
                drop = options.drop_bad
                what = f"{what}, left out" if drop else what
                findings.add(what, label, str(error), symbol=symbol, refuses=not drop)
                continue
            found.setdefault(symbol, []).append(row)
    return found


def _row(cells: dict[str, Any], options: BarOptions, zone: ZoneInfo, label: str) -> ChainRow:
    right = RIGHTS.get(str(cells["right"]).strip().lower())
    if right is None:
        raise BadNumber(f"right: expected put or call, got {str(cells['right'])[:20]!r}")
    strike = number_of(cells["strike"], "strike") * 1000
    if strike != int(strike) or not 0 < strike < 100_000_000:
        raise BadNumber(f"strike: expected steps of 0.001 below 100000, got {strike / 1000}")
    at = _moment(cells["at"], options, zone)
    expiry = read_day(cells["expiry"], zone)
    if expiry < day_of(at):
        raise BadStamp("expired contract", f"it expired on {expiry}, before its row's day {day_of(at)}")
    interest = _maybe(cells, "open_interest")
    standard = str(cells.get("standard", "")).strip().lower()
    return ChainRow(
        at=at, right=right, expiry=expiry.toordinal(), strike=int(strike), bid=_maybe(cells, "bid"),
        ask=_maybe(cells, "ask"), last=_maybe(cells, "last"),
        open_interest=NOTHING if interest is None else int(interest), standard=standard not in ("false", "0"),
        spot=_maybe(cells, "spot"),
        quoted=at if empty(cells.get("quoted")) else seconds_of(read_stamp(cells["quoted"], zone)),
        delta=_size(cells, "delta"), iv=_size(cells, "iv"), label=label,
    )  # fmt: skip


def _moment(cell: Any, options: BarOptions, zone: ZoneInfo) -> int:
    """Give a row's moment; that of a day's reading is the last second of its session, where orders can meet it."""
    if options.step_seconds < DAY_SECONDS:
        if isinstance(cell, date) or (isinstance(cell, str) and len(cell.strip()) <= 10 and not cell.isdigit()):
            read_day(cell, zone)
            raise BadStamp("day without a time", f"{cell} names no moment: say --step 1day for that day's close")
        return seconds_of(read_stamp(cell, zone))
    day = read_day(cell, zone)
    bounds = bounds_of(day, options.always_open)
    if bounds is None:
        raise BadStamp("no session", f"{day} is no session of the New York market")
    return bounds[1] - 1


def _maybe(cells: dict[str, Any], name: str) -> Decimal | None:
    cell = cells.get(name)
    if empty(cell):
        return None
    value = number_of(cell, name)
    if not ZERO <= value < BIGGEST:
        raise BadNumber(f"{name}: expected zero or more, got {value}")
    return on_grid(value) if places_of(value) > PLACES_MOST else value


def _size(cells: dict[str, Any], name: str) -> float:
    cell = cells.get(name)
    return float("nan") if empty(cell) or cell != cell else abs(float(number_of(cell, name)))


def _checked(
    symbol: str, rows: list[ChainRow], options: BarOptions, order: Order, findings: Findings
) -> list[ChainRow]:
    now, kept = seconds_of(order.now), dict[tuple[int, int, int, int], ChainRow]()
    for row in rows:
        if row.quoted > row.at or row.at > now:
            words = "its quote is newer than its row" if row.quoted > row.at else "its moment has not come yet"
            findings.add("look-ahead stamp", row.label, words, symbol=symbol, refuses=True)
        if not row.bid or not row.ask:
            findings.add("one-sided", row.label, "no bid or no ask", symbol=symbol)
        elif row.bid > row.ask:
            findings.add("crossed", row.label, f"bid {row.bid} above ask {row.ask}", symbol=symbol)
        if row.delta != row.delta or row.iv != row.iv:
            findings.add("no greeks", row.label, "no delta or no volatility", symbol=symbol)
        key = row[:4]
        if key in kept:
            words = f"the same contract and moment as row {kept[key].label}"
            findings.add("duplicate", row.label, words, symbol=symbol, refuses=not options.keep)
        if key not in kept or options.keep == "last":
            kept[key] = row
    return [kept[key] for key in sorted(kept)]


def _add(draft: Draft, symbol: str, rows: Sequence[ChainRow]) -> None:
    import numpy as np

    prices = [price for row in rows for price in (row.bid, row.ask, row.last, row.spot) if price is not None]
    places = max((places_of(price) for price in prices), default=2)

    def units(price: Decimal | None) -> int:
        return NOTHING if price is None else int(price.scaleb(places))

    cells = [
        (row.at, row.right, row.expiry, row.strike, units(row.bid), units(row.ask), units(row.last), row.open_interest,
         int(row.standard), units(row.spot), row.quoted) for row in rows
    ]  # fmt: skip
    file = f"chains-{len(draft.series):04d}"
    draft.add_array(f"{file}.npy", np.ascontiguousarray(np.array(cells, np.int64).T))
    draft.add_array(f"{file}-greeks.npy", np.array([[row.delta for row in rows], [row.iv for row in rows]], np.float64))
    draft.add_series("chains", symbol, file, len(rows), rows[0].at, rows[-1].at, places=places)
