"""Signals out of files: a value of a name for a symbol, what moment it is about and when it was known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.errors import BadNumber, MarketError, UsageError
from bot.tapes.barbook import EPOCH
from bot.tapes.bars_in import SYMBOL, BarOptions
from bot.tapes.cells import empty, number_of
from bot.tapes.facts import TapeFacts
from bot.tapes.importing import Imported, Order, spoken
from bot.tapes.keeping import check_name, drafting, file_facts, keep
from bot.tapes.reading import Findings, found_columns, read_source, unused
from bot.tapes.stamps import BadStamp, read_stamp, zone_of

ALIASES: dict[str, tuple[str, ...]] = {
    "at": ("at", "time", "timestamp", "datetime", "date"),
    "symbol": ("symbol", "ticker", "pair"),
    "name": ("name", "signal"),
    "value": ("value", "score"),
    "known": ("known", "known_at", "published"),
}
MICROSECOND = timedelta(microseconds=1)


class Signal(NamedTuple):
    """One row: when it was known and what moment it is about, in microseconds UTC, and its value."""

    known: int
    about: int
    value: float
    label: str


def import_signals(order: Order, options: BarOptions, findings: Findings) -> Imported:
    """Make a tape of signals. Without a column `known` a signal was known at the moment it is about."""
    check_name(order.folder, order.name, replace=order.replace)
    found = _read(order, options, findings)
    kept: dict[tuple[str, str], list[Signal]] = {}
    for (symbol, name), rows in sorted(found.items()):
        by_moment: dict[tuple[int, int], Signal] = {}
        for one in rows:
            key = (one.known, one.about)
            if key in by_moment:
                words = f"the same moments as row {by_moment[key].label}"
                findings.add("duplicate", one.label, words, symbol=symbol, refuses=not options.keep)
            if key not in by_moment or options.keep == "last":
                by_moment[key] = one
        kept[symbol, name] = [by_moment[key] for key in sorted(by_moment)]
    problems, count = findings.problems(), sum(len(rows) for rows in found.values())
    if any(one.refuses for one in problems):
        return Imported(None, problems, count)
    if not kept:
        raise MarketError(f"no signal in {', '.join(path.name for path in order.sources)}")
    with drafting(order.folder, order.name, replace=order.replace) as draft:
        import numpy as np

        for (symbol, name), rows in kept.items():
            file = f"signals-{len(draft.series):04d}"
            moments = np.array([[one.about for one in rows], [one.known for one in rows]], np.int64)
            draft.add_array(f"{file}.npy", moments)
            draft.add_array(f"{file}-values.npy", np.array([one.value for one in rows], np.float64))
            first, last = rows[0].known / 1e6, rows[-1].known / 1e6
            draft.add_series("signals", symbol, file, len(rows), first, last, name=name)
        facts = TapeFacts(
            name=order.name, kinds=("signals",), zone=options.zone, always_open=options.always_open, note=order.note,
            imported_at=order.now, sources=tuple(file_facts(path) for path in order.sources), options=spoken(options),
            problems=problems,
        )  # fmt: skip
        return Imported(keep(draft, order.folder, facts), problems, count)


def _read(order: Order, options: BarOptions, findings: Findings) -> dict[tuple[str, str], list[Signal]]:
    zone, now = zone_of(options.zone), _micros(order.now)
    found: dict[tuple[str, str], list[Signal]] = {}
    for path in order.sources:
        source = read_source(path)
        columns = found_columns(source, ALIASES, ("at", "name", "value"), options.columns)
        if not options.symbol and "symbol" not in columns:
            raise UsageError(f"{path.name}: has no column symbol: add --symbol SYMBOL")
        findings.unread(unused(source, columns), path.name)
        prefix = f"{path.name}:" if len(order.sources) > 1 else ""
        for index, number in enumerate(source.rows):
            cells = {ours: source.columns[name][index] for ours, name in columns.items()}
            symbol, label = options.symbol or str(cells["symbol"]).strip(), f"{prefix}{number}"
            name = str(cells["name"]).strip()
            if not SYMBOL.fullmatch(symbol) or not SYMBOL.fullmatch(name):
                findings.add("bad symbol", label, f"symbol {symbol[:20]!r}, name {name[:20]!r}", refuses=True)
                continue
            try:
                about = _micros(read_stamp(cells["at"], zone))
                known = about if empty(cells.get("known")) else _micros(read_stamp(cells["known"], zone))
                value = float(number_of(cells["value"], "value"))
            except (BadStamp, BadNumber) as error:
                what = error.what if isinstance(error, BadStamp) else "bad number"
                what = f"{what}, left out" if options.drop_bad else what
                findings.add(what, label, str(error), symbol=symbol, refuses=not options.drop_bad)
                continue
            if known < about or known > now:
                words = "known before what it is about" if known < about else "its moment has not come yet"
                findings.add("look-ahead stamp", label, words, symbol=symbol, refuses=True)
            found.setdefault((symbol, name), []).append(Signal(known, about, value, label))
    return found


def _micros(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND
