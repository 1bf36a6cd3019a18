"""Ticks on answers that were made wrong, each held to the truth: what leaves must stand before the true numbers too."""

from __future__ import annotations

import copy
import re
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import RLock
from typing import Any

from bot.config.deskfile import read_desk
from bot.domain.errors import BotError
from bot.domain.orders import OrderIntent
from bot.engine.ports import TickResult
from bot.gates import Case, judge
from bot.tests.alpaca.desk import SLOT, AlpacaDesk
from bot.tests.alpaca.mutating import Mutation, mutated
from bot.tests.alpaca.wireless import Air
from bot.tests.faults.stands import Account, Placed, doubled, ledger_rows, lost, odd
from bot.wiring import DESK_FILE

SETTLED = (
    "cash", "nav", "nav_peak", "equity_previous", "drift", "lots", "legs", "rolls", "fees_accrued", "flow_session",
)  # fmt: skip
"""What of the books must be on clean answers as it was before spoilt ones."""
ROUNDING = Decimal("0.000000001")
NEXT_MORNING = datetime(2026, 11, 19, 15, 30, tzinfo=UTC)


def fresh(desk: AlpacaDesk) -> None:
    """Leave the desk as it is: money, and nothing held."""


def assigned(desk: AlpacaDesk) -> None:
    """Let a put be assigned in the night: shares without a call, another put short, money for more."""
    desk_file = desk.home / DESK_FILE
    # Ticks of the night are left out: what watches for missed ones would hold the morning.
    text = re.sub(r"(?m)^missed_ticks = \d+", 'missed_ticks = "off"', desk_file.read_text(encoding="utf-8"), count=1)
    desk_file.write_text(text, encoding="utf-8")
    first = desk.tick()
    (order,) = first.orders
    desk.world.fill_now(order.client_order_id, "1", "0.60")
    desk.pass_by()
    desk.tick()
    for other in desk.world.working():
        desk.world.fill_now(other.client_order_id, str(other.left), str(other.limit_price))
    desk.pass_by()
    desk.tick()
    desk.world.assign(order.legs[0].symbol)
    desk.world.deposit("60000")
    desk.pass_by(NEXT_MORNING - desk.world.at)


def in_profit(desk: AlpacaDesk) -> None:
    """Let what is short grow cheap, so that it is bought back; a call covers the shares."""
    assigned(desk)
    desk.tick()
    for other in desk.world.working():
        if other.type == "limit":
            desk.world.fill_now(other.client_order_id, str(other.left), str(other.limit_price))
    desk.pass_by()
    desk.tick()
    desk.pass_by()
    for symbol, held in desk.world.holdings.items():
        if held.qty < 0:
            desk.world.quote(symbol, "0.04", "0.05")


SCENES: tuple[Callable[[AlpacaDesk], None], ...] = (fresh, assigned, in_profit)


class Mutants:
    """One scene played again and again: a tick on spoilt answers, then one on clean ones."""

    def __init__(self, air: Air, desk: AlpacaDesk, folder: Path, draw: Random) -> None:
        self.air, self.desk, self.draw = air, desk, draw
        self.folder = folder
        self.numbers = read_desk((desk.home / DESK_FILE).read_text(encoding="utf-8"))
        self.saved = desk.world
        shutil.copytree(desk.home, folder / "saved")
        self.answers = self.ticks = self.orders = self.errors = self.stopped = 0
        self.wrong: list[str] = []
        self.ways: Counter[str] = Counter()
        self.again()
        self.truth = self.clean()

    def clean(self) -> TickResult:
        """Tick on clean answers twice, for a peak counts with its second reading."""
        self.desk.tick(dry=True)
        return self.desk.tick(dry=True)

    @property
    def line(self) -> str:
        """Say what was played."""
        return (
            f"{self.answers} answers mutated in {self.ticks} ticks, {self.orders} orders wanted on them, "
            f"{self.errors} ticks ended in an explained error, {self.stopped} left cash to a person, "
            f"{len(self.wrong)} wrong"
        )

    def again(self) -> None:
        """Go back to the beginning of the scene."""
        shutil.rmtree(self.desk.home)
        shutil.copytree(self.folder / "saved", self.desk.home)
        shared = {id(self.saved.lock): RLock(), id(self.saved.contracts): self.saved.contracts}
        self.desk.world = self.air.world = copy.deepcopy(self.saved, shared)

    def spoilt(self, *, dry: bool) -> tuple[TickResult | None, list[Mutation]]:
        """Run one tick on which one to three answers are changed; None where it ended in an error of ours."""
        chances = self.draw.choice((1, 1, 2, 3))
        done: list[Mutation] = []
        skip = self.draw.randrange(0, 14)

        def bend(method: str, path: str, body: Any) -> bytes | None:
            nonlocal skip
            skip -= 1
            if skip >= 0 or len(done) >= chances:
                return None
            found = mutated(f"{method} {path}", body, self.draw)
            if found is None:
                return None
            done.append(found[1])
            skip = self.draw.randrange(0, 4)
            return found[0]

        self.air.bend = bend
        result: TickResult | None = None
        try:
            result = self.desk.tick(dry=dry)
        except BotError:
            self.errors += 1
        finally:
            self.air.bend = None
        self.answers += len(done)
        self.ticks += 1
        self.ways.update(one.how for one in done)
        return result, done

    def blame(self, what: str, done: list[Mutation]) -> None:
        self.wrong.append(f"{what} after {'; '.join(map(str, done))}")

    def dry_turn(self) -> None:
        """Compare what a spoilt dry tick would send with what the gates say of it on the true numbers."""
        result, done = self.spoilt(dry=True)
        if result is not None:
            self.compare(result, done)
        clean = self.desk.tick(dry=True)
        self.ticks += 1
        found = self.differences(clean)
        if found and self.stops(clean, done):
            self.stopped += 1
            self.again()
            self.truth = self.clean()
            return
        for what in found:
            self.blame(what, done)
            self.again()
            self.truth = self.clean()
            break

    def compare(self, result: TickResult, done: list[Mutation]) -> None:
        wanted = [verdict.intent for verdict in result.verdicts if verdict.approved]
        self.orders += len(wanted)
        case = Case(snapshot=self.truth.snapshot, desk=self.numbers)
        for verdict in judge(wanted, case):
            if not verdict.approved and not self.harmless(verdict.intent):
                why = "; ".join(f"{check.gate}: {check.reason}" for check in verdict.checks if not check.ok)
                one = verdict.intent
                self.blame(f"{one.purpose} {one.symbol} {one.qty} at {one.limit_price} [{why}]", done)

    def harmless(self, intent: OrderIntent) -> bool:
        """Say whether it cancels an order that in truth is over: nothing is bought or sold by that."""
        live = {one.client_order_id for one in self.truth.snapshot.own_orders}
        return intent.action == "cancel" and intent.replaces not in live

    def differences(self, clean: TickResult) -> list[str]:
        """Say in what a clean tick differs from the truth."""
        found = []
        before, after = self.truth, clean
        if [one.intent for one in before.verdicts if one.approved] != [
            one.intent for one in after.verdicts if one.approved
        ]:
            names = [
                [(v.intent.symbol, v.intent.limit_price, [c.reason for c in v.checks if not c.ok]) for v in r.verdicts]
                for r in (before, after)
            ]
            found.append(f"it wants {names[1]}, not {names[0]}")
        one, two = before.snapshot.books, after.snapshot.books
        for name in SETTLED:
            was, now = getattr(one, name), getattr(two, name)
            same = abs(was - now) < ROUNDING if name in ("nav", "nav_peak") else was == now
            if not same:
                found.append(f"{name} {now}, not {was}")
        if after.snapshot.halt.level != before.snapshot.halt.level:
            found.append(f"halt {after.snapshot.halt}")
        return found

    def stops(self, clean: TickResult, done: list[Mutation]) -> bool:
        """Say whether money was read wrong on its first day, and new risk waits: for a person, or for the next session.

        A transfer has no second witness: nothing but the cash itself says what it came to. Neither has the cash that
        the books begin with.
        """
        told = any(one.path.endswith(("/account/activities", "/v2/account")) for one in done)
        unexplained = any(one.symbol == "CASH" and one.kind == "unexplained" for one in clean.settlement.drift)
        return told and unexplained and not any(one.opens for one in clean.orders)

    def live_turn(self) -> None:
        """Send what a spoilt tick decides; the clean tick after it must know all that happened."""
        self.again()
        result, done = self.spoilt(dry=False)
        if result is not None:
            self.compare(result, done)
        self.desk.pass_by(SLOT)
        clean = self.desk.tick()
        self.ticks += 1
        world = self.desk.world
        placed = tuple(Placed(o.client_order_id, o.id, o.qty, o.filled_qty, not o.done) for o in world.orders)
        rows = ledger_rows(self.desk.home)
        account = Account(placed, world.cash, {s: h.qty for s, h in world.holdings.items() if h.qty})
        mine = tuple(one for one in placed if one.client_order_id in rows or one.client_order_id.startswith("main-"))
        wrong = [*doubled(mine, rows), *lost(mine, rows), *odd(clean, account)]
        if wrong and self.stops(clean, done):
            self.stopped += 1
            wrong = []
        for what in wrong:
            self.blame(what, done)
        self.again()
        self.truth = self.clean()
