"""Dry is dry in every scenario: the broker is only read, and the live tick after it is the one without it."""

from __future__ import annotations

import copy
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from threading import RLock
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.errors import BotError
from bot.engine.ports import TickResult
from bot.store.database import LEDGER_NAME
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.mutants import assigned, fresh, in_profit
from bot.tests.alpaca.wireless import Air, wireless
from bot.tests.commands.typed import Done, typed
from bot.wiring import DESK_FILE

CONSUMED = {
    "orders": "client_order_id, state, status, attempt, step, slot, qty, filled_qty, roll_ticks_max",
    "order_transitions": "client_order_id, state, status, reason", "entries_sent": "*",
    "proposals": "strategy, purpose, key, symbol, proposed_at, status, author, client_order_id",
    "pacing_state": "*", "panics": "*", "halts": "level, author, reason", "pauses": "symbol, until, reason",
    "instructions": "contract, word", "rolls": "id, stage, budget, ticks_left, ended_at",
    "trips": "name, level, readings, good, slot, day, tripped_at, cleared_at, until",
    "option_legs": "id, symbol, qty, credit, premium_stop_readings, closed_at", "lots": "id, symbol, qty, closed_at",
}  # fmt: skip
"""What a dry tick may consume nothing of, by table."""

SETTLED = frozenset({
    "orders", "order_transitions", "option_legs", "lots", "proposals", "pacing_state", "entries_sent",
})  # fmt: skip
"""What the broker did is booked by whoever reads it first; that a live tick then decides the same is shown below."""


def say(desk: AlpacaDesk, *words: str, **variables: str) -> Done:
    return typed(desk.folder, *words, now=desk.world.now(), **(desk.variables | variables))


def said(desk: AlpacaDesk, *words: str) -> None:
    done = say(desk, *words)
    assert done.code == 0, done.err + done.out


def change(desk: AlpacaDesk, pattern: str, text: str) -> None:
    path = desk.home / DESK_FILE
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"), count=1)
    assert count == 1, pattern
    path.write_text(changed, encoding="utf-8")


# Scenarios


def orders_work(desk: AlpacaDesk) -> None:
    desk.tick()
    desk.pass_by()
    desk.tick()
    desk.pass_by()
    assert desk.world.working()


def an_order_is_half_filled(desk: AlpacaDesk) -> None:
    for key in ("contracts_per_order", "contracts_per_tick", "contracts_per_symbol", "contracts_per_symbol_day"):
        change(desk, rf"(?m)^{key} = \d+", f"{key} = 2")
    desk.world.deposit("200000")
    orders_work(desk)
    assert [order for order in desk.world.working() if order.qty > 1]
    for order in desk.world.working():
        if order.qty > 1:
            desk.world.fill_now(order.client_order_id, "1", str(order.limit_price))


def an_answer_was_lost(desk: AlpacaDesk) -> None:
    """The order arrived and nobody said so: it is looked for, and not yet found."""
    assert AIR, "scenes run wireless"

    def deaf(method: str, path: str, body: Any) -> bytes | None:
        return b"" if method == "POST" or "by_client_order_id" in path else None

    AIR[-1].bend = deaf
    result = desk.tick()
    AIR[-1].bend = None
    assert [one.state for one in result.orders] == ["unknown"]
    desk.pass_by()


def halted(level: str) -> Callable[[AlpacaDesk], None]:
    def scene(desk: AlpacaDesk) -> None:
        in_profit(desk)
        said(desk, "halt", level, "--reason", "a test")

    scene.__name__ = f"halted_at_{level}"
    return scene


def a_halt_file(desk: AlpacaDesk) -> None:
    in_profit(desk)
    (desk.home / "HALT").write_text("a test\n")


def a_panic_that_is_stuck(desk: AlpacaDesk) -> None:
    orders_work(desk)
    desk.world.pending_cancel_reads = 1000
    assert say(desk, "panic").code == 1
    desk.pass_by()


def a_panic_that_flattens(desk: AlpacaDesk) -> None:
    """The market is closed when the owner panics: the flattening is left to the next session."""
    in_profit(desk)
    at = desk.world.at
    desk.world.pass_to(at.replace(hour=22))
    say(desk, "panic", "--flatten")
    desk.world.pass_to(at.replace(day=at.day + 1))
    desk.renew()


def a_proposal_waits(desk: AlpacaDesk) -> None:
    change(desk, r'(?m)^approve = "never"', 'approve = "always"')
    change(desk, r'(?m)^approve_minutes = "slot"', "approve_minutes = 60")
    assert desk.tick().proposals


def a_proposal_was_approved_dry(desk: AlpacaDesk) -> None:
    a_proposal_waits(desk)
    assert say(desk, "approve", "--all", BOT_MODE="dry").code in (0, 1)


def shares_were_adopted(desk: AlpacaDesk) -> None:
    """Shares under no wheel get a stop at the next tick."""
    desk.world.hold("SPY", "10", "640")
    desk.tick(dry=True)
    said(desk, "adopt", "SPY", "--basis", "640")


def a_stop_rests(desk: AlpacaDesk) -> None:
    shares_were_adopted(desk)
    desk.tick()
    desk.pass_by()
    assert [one.type for one in desk.world.working() if one.symbol == "SPY"] == ["trailing_stop"]


def a_symbol_is_paused(desk: AlpacaDesk) -> None:
    said(desk, "pause", "EWZ", "--until", "2026-12-31", "--reason", "a test")


def a_day_of_losses(desk: AlpacaDesk) -> None:
    """A trip wire has had the first of its readings."""
    assigned(desk)
    desk.tick()
    desk.pass_by()
    for symbol, tick in desk.world.quotes.items():
        if symbol == "EWZ" and tick.bid is not None and tick.ask is not None:
            desk.world.quote(symbol, str(tick.bid / 4), str(tick.ask / 4))


def money_nobody_explains(desk: AlpacaDesk) -> None:
    assigned(desk)
    desk.world.cash += 500


def an_assignment_is_half_told(desk: AlpacaDesk) -> None:
    in_profit(desk)
    (put,) = (symbol for symbol, held in desk.world.holdings.items() if held.qty < 0 and symbol[-9] == "P")
    desk.world.assign(put)
    desk.pass_by()


SCENES: tuple[Callable[[AlpacaDesk], None], ...] = (
    fresh, assigned, in_profit, orders_work, an_order_is_half_filled, an_answer_was_lost, halted("no_new_risk"),
    halted("reduce_only"), halted("stop"), a_halt_file, a_panic_that_is_stuck, a_panic_that_flattens, a_proposal_waits,
    a_proposal_was_approved_dry, shares_were_adopted, a_stop_rests, a_symbol_is_paused, a_day_of_losses,
    money_nobody_explains, an_assignment_is_half_told,
)  # fmt: skip
AIR: list[Air] = []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path / "desk") as desk, wireless(desk.world) as air:
        AIR.append(air)
        yield desk
        AIR.clear()


class Twin:
    """A desk as it was, to go back to."""

    def __init__(self, desk: AlpacaDesk, folder: Path) -> None:
        self.desk, self.folder = desk, folder / "saved"
        shutil.copytree(desk.home, self.folder)
        self.world = desk.world

    def back(self) -> None:
        """Bring home and world back."""
        shutil.rmtree(self.desk.home)
        shutil.copytree(self.folder, self.desk.home)
        shared = {id(self.world.lock): RLock(), id(self.world.contracts): self.world.contracts}
        self.desk.world = AIR[-1].world = copy.deepcopy(self.world, shared)


def consumed(home: Path) -> dict[str, list[Any]]:
    """Read whatever ids, pacing, cooldowns and streaks are counted from; nothing where no tick ran yet."""
    if not (home / LEDGER_NAME).exists():
        return {table: [] for table in CONSUMED}
    with closing(sqlite3.connect(home / LEDGER_NAME)) as ledger:
        return {
            table: sorted(map(repr, ledger.execute(f"SELECT {columns} FROM {table}")))
            for table, columns in CONSUMED.items()
        }


def writes(desk: AlpacaDesk, before: int) -> list[tuple[str, str, Any]]:
    return [(one.method, one.path, one.body) for one in desk.world.seen[before:] if one.method != "GET"]


def outcome(desk: AlpacaDesk, result: TickResult, before: int) -> dict[str, Any]:
    """Say what a tick came to, in whatever may not depend on a tick before it."""
    snapshot = result.snapshot
    # A peak counts with its second reading, and an order that was found with the first, whoever took it.
    books = replace(snapshot.books, nav_peak=snapshot.books.nav, entries_sent=())
    return {
        "sent": writes(desk, before),
        "verdicts": result.verdicts,
        "orders": result.orders,
        "halt": snapshot.halt,
        "books": books,
        "equity": snapshot.equity,
        "trips": snapshot.trips,
        "proposals": [(one.intent, one.approved_at, one.author) for one in result.proposals],
        "held": {symbol: held.qty for symbol, held in desk.world.holdings.items()},
    }


@pytest.mark.parametrize("scene", SCENES, ids=lambda one: one.__name__)
def test_dry_reads_only_and_the_live_tick_after_it_is_the_one_without_it(
    scene: Callable[[AlpacaDesk], None], desk: AlpacaDesk, tmp_path: Path
) -> None:
    scene(desk)
    twin = Twin(desk, tmp_path)
    twin.back()
    before = len(desk.world.seen)
    alone = outcome(desk, desk.tick(), before)
    twin.back()
    counted, before = consumed(desk.home), len(desk.world.seen)
    wanted = [desk.tick(dry=True), desk.tick(dry=True), desk.tick(dry=True, follow_up=1), desk.tick(BOT_MODE="dry")]
    assert writes(desk, before) == []
    assert [one.mode for one in wanted] == ["dry"] * 4
    assert [one.orders for one in wanted] == [()] * 4
    after = consumed(desk.home)
    for table in CONSUMED:
        if table not in SETTLED:
            assert after[table] == counted[table], table
    before = len(desk.world.seen)
    assert outcome(desk, desk.tick(), before) == alone


@pytest.mark.parametrize(
    "words",
    [("close", "EWZ"), ("approve", "--all"), ("panic",), ("panic", "--flatten"), ("tick",), ("scan",), ("week",)],
    ids=" ".join,
)
def test_no_command_writes_to_the_broker_while_the_mode_is_dry(words: tuple[str, ...], desk: AlpacaDesk) -> None:
    in_profit(desk)
    before = len(desk.world.seen)
    try:
        say(desk, *words, BOT_MODE="dry")
    except BotError as error:
        raise AssertionError(f"an error that nobody explained: {error}") from error
    assert writes(desk, before) == []
