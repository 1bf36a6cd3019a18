"""`bot backtest`: the live tick over the past or an imagined market, in memory.

Nothing here decides, fills or settles: `engine.tick.tick` does, through `research.running.run`, with the desk's own
strategies and gates and a simulated account. What is kept is one row in the home's ledger, written when all is over.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from time import perf_counter
from typing import NamedTuple

from msgspec.structs import replace

from bot import __version__
from bot.brokers.simulator import SimulatorBroker
from bot.domain.errors import BrokerError, MarketError
from bot.domain.fills import FillRules
from bot.domain.market import Split
from bot.domain.sessions import always_open
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import Book, TickResult, World
from bot.research.facts import RunFacts
from bot.research.running import Gathered, Span, days_of, run
from bot.wiring import Embedded, House, make_book

ACCOUNT = "SIM-MEMORY"
DAY_SECONDS = 86_400
_ALONE = threading.Lock()


class Planned(NamedTuple):
    """One run, ready to go: the desk, the market, the span, and what to call its data."""

    house: House
    market: Embedded
    span: Span
    data_hash: str
    rules: FillRules | None = None
    modelled: str = ""
    seed: int | None = None
    always_open: bool = False
    name: str = ""
    note: str = ""


def memory_world(
    house: House, market: Embedded, now: Callable[[], datetime], rules: FillRules | None = None
) -> tuple[World, MemoryJournal]:
    """Build a world without a file: a fresh simulated account over any market, and a ledger that forgets.

    `rules` say how orders fill on bars; None is the simulator's own way with quotes a minute apart.
    """
    journal = MemoryJournal()
    broker = SimulatorBroker(None, market, house.desk.simulator, now, account_id=ACCOUNT, rules=rules)
    return World(broker=broker, market=market, journal=journal, now=now, meter=perf_counter), journal


def memory_book(house: House, step_seconds: int) -> Book:
    """Give the desk's book for a run in memory: nobody is there to answer, so entries that wait count as approved."""
    desk = replace(house.desk, approvals=())
    return make_book(house, dry=False)._replace(desk=desk, decide_on_decoded=False, slot_seconds=step_seconds)


def splits_of(planned: Planned) -> list[Split]:
    """Give the splits of the desk's names within a run: what is set beside it is counted in shares of its first day."""
    first, last = days_of(planned.span)
    names = {planned.house.desk.benchmark, *planned.house.desk.universe}
    events = [one for name in sorted(names) for one in planned.market.events_between(name, first, last)]
    return [one for one in events if isinstance(one, Split)]


@contextmanager
def hours_of(planned: Planned) -> Iterator[None]:
    """Keep the hours of a run's data: around the clock holds for the whole process, so such runs go one by one."""
    if not planned.always_open:
        yield
        return
    with _ALONE, always_open():
        yield


def backtest(planned: Planned, shown: Callable[[TickResult], None] | None = None) -> RunFacts:
    """Run every moment of the span through the tick and give what came of it; `shown` is told once a session."""
    house, span = planned.house, planned.span
    step_seconds = int(span.step.total_seconds())
    gathered = Gathered(house.desk.benchmark, house.desk.universe, splits_of(planned))
    with hours_of(planned):
        clock = [next(span.moments())]
        world, journal = memory_world(house, planned.market, lambda: clock[0], planned.rules)
        collect = gc.isenabled()
        gc.disable()  # nothing a tick makes is in a ring: looking for rings would only cost
        started = perf_counter()
        try:
            run(world, memory_book(house, step_seconds), clock, span.moments(), gathered, shown)
        except (BrokerError, MarketError) as error:
            raise MarketError(
                f"{planned.market.name} at {clock[0]:%Y-%m-%d %H:%M} UTC: {error}; the run ended there and nothing "
                "of it is kept"
            ) from error
        finally:
            world.broker.close()
            if collect:
                gc.enable()
        seconds = perf_counter() - started
    return gathered.facts(
        name=planned.name, desk_name=house.desk.name, desk_text=house.desk_text, desk_hash=house.desk_hash,
        code_version=__version__, market=planned.market.name, modelled=planned.modelled, note=planned.note,
        data_hash=planned.data_hash, seed=planned.seed, rules=planned.rules, step_seconds=step_seconds,
        digest=journal.digest, seconds=seconds,
    )  # fmt: skip
