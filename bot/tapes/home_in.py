"""A tape of the ticks of a home, from the Snapshots it stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date

from bot.domain.errors import MarketError
from bot.domain.sessions import new_york_day
from bot.domain.snapshot import Snapshot
from bot.tapes.facts import EventEntry, TapeFacts
from bot.tapes.importing import Imported, Order
from bot.tapes.keeping import drafting, keep
from bot.tapes.reading import Findings
from bot.tapes.ticks import TickReads, add_ticks, reads_of


def import_ticks(order: Order, snapshots: Iterable[Snapshot], findings: Findings, *, origin: str) -> Imported:
    """Make a tape of Snapshots, oldest first. A market that is no real one labels the tape as modelled."""
    markets: set[str] = set()
    events: dict[tuple[str, str, date], EventEntry] = {}

    def reads() -> Iterator[TickReads]:
        for one in snapshots:
            markets.add(one.market)
            for entry in _told(one):
                events.setdefault((entry.symbol, entry.kind, entry.day), entry)
            if one.quotes or one.chains or one.bars:
                yield reads_of(one)
            else:
                findings.add("tick without prices", words="it read nothing of its market")

    with drafting(order.folder, order.name, replace=order.replace) as draft:
        count = add_ticks(draft, reads())
        problems = findings.problems()
        if any(one.refuses for one in problems):
            return Imported(None, problems, count)
        if not draft.series:
            raise MarketError(f"{origin}: none of its stored ticks has prices: nothing to make a tape of")
        facts = TapeFacts(
            name=order.name, kinds=("ticks",), note=order.note, imported_at=order.now, problems=problems,
            modelled="prices of the embedded synthetic market" if "synthetic" in markets else "",
            events=tuple(sorted(events.values(), key=lambda one: (one.symbol, one.day, one.kind))), events_given=True,
            options={"home": origin, "markets": ", ".join(sorted(markets))},
        )  # fmt: skip
        return Imported(keep(draft, order.folder, facts), problems, count)


def _told(snapshot: Snapshot) -> Iterator[EventEntry]:
    """Give the dividends and splits a tick knew of, as declared on its day; expected ones are no facts."""
    today = new_york_day(snapshot.at)
    for one in snapshot.events:
        for paid in one.dividends:
            if not paid.expected:
                yield EventEntry(
                    symbol=one.symbol, kind="dividend", day=paid.ex_date, amount=paid.amount, declared=today
                )
        for split in one.splits:
            yield EventEntry(symbol=one.symbol, kind="split", day=split.day, amount=split.ratio, declared=today)
