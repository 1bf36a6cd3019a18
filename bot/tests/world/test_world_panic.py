"""`bot panic` in a whole world (wheel 1.7, 1.8, F9, A043): a put, stopped shares and a covered call."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from msgspec.structs import replace

from bot.brokers.simulator import SimulatorBroker
from bot.domain.errors import BrokerRefused, RefusalCode
from bot.domain.holdings import BrokerOrder
from bot.domain.instruments import is_option
from bot.domain.ledger import Halt, Panic
from bot.domain.orders import OrderRequest, OwnOrder
from bot.engine.ports import TickResult
from bot.markets.synthetic import SyntheticMarket
from bot.store.panicking import read_halt_file
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import Done, new_home, typed
from bot.tests.faults.soaking import SOAK, many, seed_of
from bot.tests.world.runs import Run, run_in
from bot.wiring import load_house

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SLOT = timedelta(minutes=15)


def live(folder: Path, at: datetime, *words: str) -> Done:
    return typed(folder, *(words or ("tick",)), "--at", at.isoformat(), "--json", now=at, BOT_MODE="live")


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with a short put on EWZ, 100 XLF under a call, and 100 GDX under a stop, at 13:00 New York."""
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    assert live(folder, NOON).code == 0
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account, account:
        account.execute("INSERT INTO holdings VALUES ('GDX', '100', '22')")
        account.execute("INSERT INTO holdings VALUES ('XLF', '100', '37')")
    for slot in (1, 2):
        assert live(folder, NOON + slot * SLOT).code == 0
    for symbol, basis in (("GDX", "22"), ("XLF", "37")):
        assert typed(folder, "adopt", symbol, "--basis", basis, now=NOON + 2 * SLOT).code == 0
    for slot in (3, 4):
        assert live(folder, NOON + slot * SLOT).code == 0
    with open_for_questions(folder / "data") as ledger:
        assert sorted(leg.symbol[:3] for leg in ledger.open_legs()) == ["EWZ", "XLF"]
        assert [order.purpose for order in ledger.open_orders()] == ["trailing_stop"]
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


NOW = NOON + 5 * SLOT


def left(done: Done) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(done.out)
    assert told["done"] == (done.code == 0), done.err
    found: dict[str, Any] = told["left"]
    return found


def ours(folder: Path) -> list[str]:
    with open_for_questions(folder / "data") as ledger:
        return sorted([one.symbol[:3] for one in ledger.open_legs()] + [one.symbol for one in ledger.open_lots()])


def test_a_flatten_closes_everything_in_order_over_some_ticks_and_is_done_when_the_list_says_so(folder: Path) -> None:
    first = live(folder, NOW, "panic", "--flatten", "--reason", "a drill")
    assert first.code == 1
    assert sorted(symbol[:3] for symbol in left(first)["held"]) == ["EWZ", "GDX", "XLF", "XLF"]
    told = json.loads(live(folder, NOW + SLOT).out)
    assert (told["tick"]["halt"], told["tick"]["panic"]) == ("reduce_only", "flatten")
    assert ours(folder) == ["XLF"], "the call is gone, and with it what kept its shares; the others are sold"
    assert live(folder, NOW + 2 * SLOT).code == 0
    last = live(folder, NOW + 3 * SLOT, "panic", "--flatten")
    assert last.code == 0, last.out
    assert (ours(folder), left(last)) == ([], {"openings": [], "closings": [], "held": {}})
    status = typed(folder, "status", now=NOW + 3 * SLOT)
    assert "flatten by" in status.out
    assert "nothing is left" in " ".join(status.out.split())


def test_nothing_is_opened_while_a_flatten_stands_and_resume_ends_it_in_words(folder: Path) -> None:
    for slot in range(3):
        live(folder, NOW + slot * SLOT, *(("panic", "--flatten") if slot == 0 else ()))
    quiet = json.loads(live(folder, NOW + 3 * SLOT).out)
    assert (quiet["orders"], quiet["tick"]["halt"]) == ([], "reduce_only")
    done = typed(folder, "resume", now=NOW + 3 * SLOT)
    assert "the flatten of" in done.out
    assert "is ended: no tick works on it any more" in done.out
    again = json.loads(live(folder, NOW + 4 * SLOT).out)
    assert (again["tick"]["halt"], again["tick"]["panic"]) == ("run", None)


def test_outside_hours_it_is_latched_shown_as_pending_and_worked_on_at_the_next_open(folder: Path) -> None:
    night = datetime(2026, 11, 19, 1, 0, tzinfo=UTC)
    done = typed(
        folder, "panic", "--flatten", "--reason", "overnight", "--at", night.isoformat(), now=night, BOT_MODE="live"
    )
    assert done.code == 1
    assert "the market is closed; it stands and is worked on from Thu 2026-11-19 09:30 New York on" in done.out
    with open_for_questions(folder / "data") as ledger:
        assert [order.purpose for order in ledger.open_orders()] == ["trailing_stop"], "its stop stays"
    status = " ".join(typed(folder, "status", now=night).out.split())
    assert "panic flatten by" in status
    assert "pending: -1 EWZ" in status
    assert "worked on at Thu 2026-11-19 09:30 New York" in status
    tick = typed(folder, "tick", "--at", night.isoformat(), now=night, BOT_MODE="live")
    assert "flatten by" in tick.out
    morning = datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
    sent = json.loads(live(folder, morning).out)["orders"]
    assert len(sent) == 3, "both shorts bought back, GDX sold; XLF waits for its call"


def test_a_plain_panic_leaves_every_holding_and_every_stop(folder: Path) -> None:
    done = live(folder, NOW, "panic")
    assert (done.code, left(done)) == (0, {"openings": [], "closings": [], "held": {}})
    with open_for_questions(folder / "data") as ledger:
        assert [order.purpose for order in ledger.open_orders()] == ["trailing_stop"]
    assert ours(folder) == ["EWZ", "GDX", "XLF", "XLF"]


class Odd(SimulatorBroker):
    """A broker that refuses share sales, or fills less than it was asked for, while told to."""

    refuses = rests = False
    on_submit: Callable[[OrderRequest], None] | None = None

    def submit(self, request: OrderRequest) -> BrokerOrder:
        if self.on_submit is not None:
            self.on_submit(request)
        if self.rests and request.order_type == "limit" and request.legs[0].symbol == "GDX":
            assert request.limit_price is not None
            request = replace(request, limit_price=request.limit_price * 2)  # nobody pays that: it rests
        if self.refuses and request.order_type == "limit" and request.legs[0].symbol == "GDX":
            raise BrokerRefused(RefusalCode.OTHER, "not now", status=422)
        return super().submit(request)


@contextmanager
def opened(folder: Path, *, begin: bool = True) -> Iterator[tuple[Run, Odd]]:
    """Open the desk with the panic standing, at a broker of moods."""
    house = load_house(str(folder / ".env"))
    with run_in(house) as run:
        run.broker.close()
        path = SyntheticMarket(house.desk.simulator.seed)
        odd = Odd(
            house.home / "simulator.sqlite", path, house.desk.simulator, run.world.now, synchronous="NORMAL"
        )  # fmt: skip
        if begin:
            run.journal.begin_panic(Panic(at=NOW, author="ada", reason="a drill", flatten=True))
        with closing(odd):
            yield run._replace(
                broker=odd, world=run.world._replace(broker=odd), book=run.book._replace(dry=False)
            ), odd  # fmt: skip


def stops(result: TickResult) -> list[OwnOrder]:
    found = {order.client_order_id: order for order in (*result.snapshot.own_orders, *result.orders)}
    return [one for one in found.values() if one.purpose == "trailing_stop" and one.alive]


def test_a_refused_sale_lets_the_stop_rest_again_and_the_next_tick_tries_anew(folder: Path) -> None:
    with opened(folder) as (run, odd):
        odd.refuses = True
        result = run.tick_at(NOW)
        sale, again = (one for one in result.orders if one.underlying == "GDX")
        assert (sale.state, again.purpose, again.alive) == ("refused", "trailing_stop", True)
        shown = odd.find_order(again.client_order_id)
        assert shown is not None
        assert not shown.terminal
        odd.refuses = False
        after = run.tick_at(NOW + SLOT)
        assert [one.purpose for one in after.orders if one.underlying == "GDX"] == ["owner_close"]
        assert "GDX" not in {lot.symbol for lot in run.tick_at(NOW + 2 * SLOT).snapshot.books.lots}


def test_the_panic_outlives_a_halt_that_clears_itself(folder: Path) -> None:
    """What lifts another halt does not lift the panic's: only a person's `bot resume` does."""
    with opened(folder) as (run, _):
        run.journal.set_halt(Halt(level="run", author="a rule", reason="good again", since=NOW))
        result = run.tick_at(NOW)
        assert (result.snapshot.halt.level, result.snapshot.halt.author) == ("reduce_only", "ada")
        assert len(result.orders) == 3


def test_what_is_foreign_stays_is_named_and_keeps_nothing_from_done(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account, account:
        account.execute("INSERT INTO holdings VALUES ('TLT', '10', '88')")
    first = live(folder, NOW, "panic", "--flatten")
    told = json.loads(first.out)
    assert told["foreign"] == {"TLT": "10"}
    for slot in (1, 2):
        live(folder, NOW + slot * SLOT)
    last = live(folder, NOW + 3 * SLOT, "panic", "--flatten")
    assert (last.code, json.loads(last.out)["foreign"]) == (0, {"TLT": "10"})
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account:
        assert account.execute("SELECT symbol FROM holdings WHERE qty != '0'").fetchall() == [("TLT",)]


def test_a_resume_takes_back_what_the_flatten_has_working_and_the_stop_rests_again(folder: Path) -> None:
    with opened(folder) as (run, odd):
        odd.rests = True
        sale = next(one for one in run.tick_at(NOW).orders if one.underlying == "GDX")
        assert (sale.state, sale.purpose) == ("working", "owner_close")
        run.journal.resume(Halt(level="run", author="ada", reason="enough", since=NOW))
        odd.rests = False
        run.tick_at(NOW + SLOT)
        shown = odd.find_order(sale.client_order_id)
        assert shown is not None
        assert shown.status == "canceled"
        after = run.tick_at(NOW + 2 * SLOT)
        assert [one.underlying for one in stops(after)] == ["GDX"]
        assert "GDX" in {lot.symbol for lot in after.snapshot.books.lots}


def test_a_file_laid_down_while_it_sends_stops_the_rest_and_keeps_the_stop(folder: Path) -> None:
    with opened(folder) as (run, odd):
        home = run.house.home

        def lay(request: OrderRequest) -> None:
            (home / "HALT").write_text("wait")

        odd.on_submit = lay
        run = run._replace(world=run.world._replace(halted=lambda: read_halt_file(home)))
        result = run.tick_at(NOW)
        states = sorted(one.state for one in result.orders)
        assert states.count("not_sent") == len(states) - 1 >= 1
        assert "came during the tick: wait" in " ".join(result.errors)
        assert [one.underlying for one in stops(result)] == ["GDX"]
        odd.on_submit = None
        still = run.tick_at(NOW + SLOT)
        assert (still.snapshot.halt.level, still.orders) == ("stop", ())
        (home / "HALT").unlink()
        for slot in range(2, 6):
            last = run.tick_at(NOW + slot * SLOT)
        assert (last.snapshot.books.lots, last.snapshot.books.legs) == ((), ())


class Death(BaseException):
    """The process ends here."""


class Mortal:
    """A journal or broker whose process dies at its Nth operation that changes something, before or after it."""

    changing = frozenset(
        {"begin", "keep_snapshot", "record_decision", "move", "seal", "submit", "cancel", "find_order"}
    )

    def __init__(self, inner: Any, clock: list[int], *, after: bool) -> None:
        self._inner, self._clock, self._after = inner, clock, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self.changing:
            return found

        def step(*words: Any, **named: Any) -> Any:
            self._clock[0] -= 1
            if self._clock[0] == 0 and not self._after:
                raise Death
            answer = found(*words, **named)
            if self._clock[0] == 0:
                raise Death
            return answer

        return step


NIGHT, MORNING = datetime(2026, 11, 18, 21, 30, tzinfo=UTC), datetime(2026, 11, 19, 15, 0, tzinfo=UTC)
LATER_ON = (NIGHT, NIGHT + SLOT, *(MORNING + number * SLOT for number in range(4)))
"""Two readings after the close prove that what never arrived never will (design 11), and the next morning goes on."""


def killed_at(folder: Path, step: int, tick: int, *, after: bool) -> bool:
    """Let a flatten die at a step of a tick and live on; says whether it died. Nothing is doubled, all is closed."""
    clock = [0]
    died = False
    with opened(folder) as (run, odd):
        for number in range(tick):
            run.tick_at(NOW + number * SLOT)
        clock[0] = step
        journal, broker = Mortal(run.journal, clock, after=after), Mortal(odd, clock, after=after)
        mortal = run._replace(world=run.world._replace(journal=journal, broker=broker))
        try:
            mortal.tick_at(NOW + tick * SLOT)
        except Death:
            died = True
    with opened(folder, begin=False) as (run, odd):
        for moment in (*(NOW + number * SLOT for number in range(tick + 1, tick + 5)), *LATER_ON):
            result = run.tick_at(moment)
            assert all(one.qty >= 0 for one in odd.read_positions() if not is_option(one.symbol)), "oversold"
            assert not any(drift.kind == "unexplained" for drift in result.snapshot.books.drift)
        assert odd.read_positions() == ()
        assert (result.snapshot.books.lots, result.snapshot.books.legs, result.snapshot.own_orders) == ((), (), ())
    return died


def test_killed_at_any_step_a_flatten_goes_on_and_sells_nothing_twice(pattern: Path, tmp_path: Path) -> None:
    seed = seed_of(20261118)
    dice = random.Random(seed)
    print(f"\nFAULT_SEED={seed}")
    every = [(tick, step, after) for tick in range(3) for step in range(1, 40) for after in (False, True)]
    deaths = 0
    for number, (tick, step, after) in enumerate(every if SOAK else dice.sample(every[:50], 12)):
        deaths += killed_at(copytree(pattern, tmp_path / f"{number}"), step, tick, after=after)
    print(f"{deaths} deaths of a flatten: 0 doubled, 0 left")
    assert deaths >= many(6, 50)
