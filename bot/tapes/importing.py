"""A tape out of files: read, checked, and kept only where nothing was found that refuses it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import MarketError
from bot.tapes.bar_checks import check, ordered
from bot.tapes.barbook import seconds_of
from bot.tapes.bars_in import BarOptions, Row, read_bars
from bot.tapes.cells import places_of
from bot.tapes.facts import EventEntry, Problem, TapeFacts
from bot.tapes.keeping import check_name, drafting, file_facts, keep
from bot.tapes.reading import Findings
from bot.tapes.stamps import zone_of
from bot.tapes.tape import BarColumns

_MOST = 2**63 - 1


class Imported(NamedTuple):
    """What became of an import: the catalogue, or None where it was refused, and what was found."""

    facts: TapeFacts | None
    problems: tuple[Problem, ...]
    rows: int


class Order(NamedTuple):
    """What is asked for: the tape's name and folder, its sources, and the moment of asking."""

    folder: Path
    name: str
    sources: tuple[Path, ...]
    now: datetime
    note: str = ""
    replace: bool = False


def import_bars(
    order: Order, options: BarOptions, events: Iterable[EventEntry], findings: Findings, *, events_given: bool,
    also_read: Sequence[Path] = (),
) -> Imported:  # fmt: skip
    """Make a tape of bars. `also_read` are the files the events came from."""
    check_name(order.folder, order.name, replace=order.replace)
    by_symbol, step = read_bars(order.sources, options, findings, zone_of(options.zone))
    told = tuple(events)
    now = seconds_of(order.now)
    kept: dict[str, list[Row]] = {}
    for symbol, rows in sorted(by_symbol.items()):
        kept[symbol] = ordered(symbol, rows, options, findings)
        days = frozenset(one.day for one in told if one.symbol == symbol and one.kind == "split")
        check(symbol, kept[symbol], options, step, now, days, findings)
    for name in sorted({one.symbol for one in told} - kept.keys()):
        findings.add("events of a name without bars", symbol=name)
    problems, count = findings.problems(), sum(len(rows) for rows in by_symbol.values())
    if not kept:
        raise MarketError(f"no usable bar in {', '.join(path.name for path in order.sources)}: {_first(problems)}")
    if any(one.refuses for one in problems):
        return Imported(None, problems, count)
    with drafting(order.folder, order.name, replace=order.replace) as draft:
        for symbol, rows in kept.items():
            draft.add_bars(symbol, columns_of(rows), volume=any(row.volume for row in rows))
        facts = TapeFacts(
            name=order.name, kinds=("bars",), step_seconds=step, zone=options.zone, always_open=options.always_open,
            note=order.note, imported_at=order.now, options=spoken(options),
            sources=tuple(file_facts(path) for path in (*order.sources, *also_read)),
            events=tuple(sorted((one for one in told if one.symbol in kept), key=_event_order)),
            events_given=events_given, problems=problems,
        )  # fmt: skip
        return Imported(keep(draft, order.folder, facts), problems, count)


def columns_of(rows: Sequence[Row]) -> BarColumns:
    """Put rows into columns, prices as whole numbers of the places that all of them need."""
    import numpy as np

    places = max(places_of(price) for row in rows for price in row.prices)
    factor = Decimal(10) ** places
    highest = max(row.prices[1] for row in rows)
    if highest * factor > _MOST:
        raise MarketError(f"a price of {highest} with {places} places does not fit: round the source")
    prices = [np.array([int(row.prices[part] * factor) for row in rows], np.int64) for part in range(4)]
    return BarColumns(
        starts=np.array([row.start for row in rows], np.int64),
        ends=np.array([row.end for row in rows], np.int64),
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=np.array([row.volume for row in rows], np.float64),
        places=places,
    )


def spoken(options: BarOptions) -> dict[str, str]:
    """Give what differs from the usual options, for the catalogue."""
    found = {"columns": ",".join(f"{ours}={theirs}" for ours, theirs in sorted(options.columns.items()))}
    found |= {"symbol": options.symbol, "zone": options.zone, "stamp": options.stamp, "keep": options.keep}
    found |= {"step": f"{options.step_seconds} s" if options.step_seconds else ""}
    found |= {"bad rows": "left out" if options.drop_bad else "", "accept": ",".join(options.accept)}
    return {name: text for name, text in found.items() if text}


def _event_order(one: EventEntry) -> tuple[str, str, str]:
    return one.symbol, one.day.isoformat(), one.kind


def _first(problems: Sequence[Problem]) -> str:
    return problems[0].text if problems else "no rows"
