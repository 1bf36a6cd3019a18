"""Let one exchange with the pretended Alpaca go wrong by its number, or kill the process that has it under way."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from threading import Event
from typing import Any

from bot.domain.errors import BotError
from bot.tests.alpaca.facts import Fault
from bot.tests.alpaca.world import AlpacaWorld
from bot.tests.commands.typed import typed
from bot.tests.faults.played import SLOT, SOON
from bot.tests.faults.soaking import SOAK
from bot.tests.faults.stands import AlpacaStand, Tally, ledger_rows

WAYS: dict[str, dict[str, Any]] = {
    "cut before it was taken": {"cut": True, "processed": False},
    "cut after it was taken": {"cut": True},
    "500 before it was taken": {"status": 500, "processed": False},
    "504 after it was taken": {"status": 504},
    "429": {"status": 429, "processed": False},
    "nonsense after it was taken": {"body": b"<html>bad gateway</html>"},
    "null after it was taken": {"body": b"null"},
}
STRANGERS = frozenset({"SPY", "XLF"})


class Wrong:
    """Counts the exchanges of a world; the nth goes wrong, or with `for_good` that one and all that follow."""

    def __init__(self, world: AlpacaWorld, nth: int = 0, *, for_good: bool = False, **how: Any) -> None:
        self.seen: list[str] = []
        self._nth, self._for_good, self._how = nth, for_good, how
        world.next_fault = self._next  # type: ignore[method-assign]

    def _next(self, method: str, path: str) -> Fault | None:
        self.seen.append(f"{method} {path}")
        count = len(self.seen)
        wrong = count >= self._nth if self._for_good else count == self._nth
        return Fault(path=path, method=method, **self._how) if self._nth and wrong else None


class Deadly:
    """Counts the exchanges of a world; at the nth the process that asks is killed, before or after it was taken."""

    def __init__(self, world: AlpacaWorld, nth: int, *, after: bool) -> None:
        self.seen = 0
        self.number, self.known = 0, Event()
        self._nth, self._after = nth, after
        world.next_fault = self._next  # type: ignore[method-assign]

    def _next(self, method: str, path: str) -> Fault | None:
        self.seen += 1
        if self.seen != self._nth:
            return None
        if self._after:
            return Fault(path=path, method=method, cut=True, change=self._kill)
        self._kill(None)
        return Fault(path=path, method=method, cut=True, processed=False)

    def _kill(self, body: Any) -> Any:
        assert self.known.wait(10.0), "nobody told which process asks"
        os.kill(self.number, signal.SIGKILL)
        return body


def forget(world: AlpacaWorld) -> None:
    """Let all be well again."""
    del world.next_fault


def command(stand: AlpacaStand, *words: str) -> tuple[int, str]:
    """Type a command at the world's moment in this process; gives its exit code and what it said."""
    done = typed(stand.desk.folder, *words, now=stand.at, **stand.desk.variables)
    return done.code, done.out + done.err


def trading(folder: Path) -> list[tuple[str, AlpacaStand, tuple[str, ...]]]:
    """Give desks at Alpaca about to enter, reprice, see a fill, rest a stop beside a call, close, panic and flatten.

    Each with the words of its command; no words are a tick. Process follow-ups are off: a fault belongs to one tick.
    """
    stand = AlpacaStand(folder / "desk")
    file = stand.home / "desk.toml"
    file.write_text(re.sub(r"(?m)^follow_ups_max = \d+", "follow_ups_max = 0", file.read_text()))
    found: list[tuple[str, AlpacaStand, tuple[str, ...]]] = []

    def keep(name: str, *words: str) -> None:
        found.append((name, stand.fork(folder / name.replace(" ", "-")), words))

    for symbol, qty, price in (("SPY", "10", "641.20"), ("XLF", "100", "37")):
        stand.world.hold(symbol, qty, price)
    for name in ("enter", "reprice", "again"):
        keep(name)
        stand.tick()
        stand.pass_by(SLOT)
    keep("panic", "panic")
    for symbol, basis in (("SPY", "641.20"), ("XLF", "37")):
        code, said = command(stand, "adopt", symbol, "--basis", basis)
        assert code == 0, said
    stand.pass_by(SLOT)
    keep("stop and call")
    for _ in range(2):
        stand.tick()
        stand.pass_by(SLOT)
    keep("close stopped shares", "close", "SPY")
    keep("flatten", "panic", "--flatten")
    stand.close()
    return found


def look_after(stand: AlpacaStand, words: tuple[str, ...], tally: Tally, where: str) -> None:
    """Let the next ticks run by themselves and count what is wrong."""
    try:
        _live_on(stand, words, tally, where)
    except BotError as error:
        tally.odd.append(f"{where}: the next tick failed: {error}")
    unwritten = {one.client_order_id for one in stand.account().orders} - set(ledger_rows(stand.home)) - _strange(stand)
    tally.odd += [f"{where}: {one} was sent unwritten" for one in sorted(unwritten)]
    code, said = command(stand, "audit", "verify")
    if code:
        tally.odd.append(f"{where}: audit verify ended with {code}: {said}")


def _live_on(stand: AlpacaStand, words: tuple[str, ...], tally: Tally, where: str) -> None:
    for number, time in enumerate((SOON, SLOT) if SOAK else (SLOT,)):
        stand.pass_by(time)
        odd = len(tally.odd)
        result = stand.tick()
        tally.ticks += 1
        tally.look(stand, result, f"{where}, tick {number + 1}")
        if "panic" in words:
            tally.odd[odd:] = [one for one in tally.odd[odd:] if not one.endswith("halted: reduce_only")]


def _strange(stand: AlpacaStand) -> set[str]:
    """Give the ids of orders that no bot of this name sent."""
    return {one.client_order_id for one in stand.account().orders if not one.client_order_id.startswith("main-")}
