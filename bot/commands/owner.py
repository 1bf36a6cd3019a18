"""The owner's words: close, hold, let-assign, no-roll, pause, halt, resume.

Each is kept with author, moment and reason, chained like everything else. None of them sends an order by itself:
`close` runs a tick, so that its order passes the same gates and the same executor.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from time import sleep
from typing import Literal, cast

from bot.commands.opening import open_ledger, warn
from bot.commands.patience import Patience
from bot.commands.ticking import one_tick, print_tick
from bot.domain.errors import UsageError
from bot.domain.halting import halt_in_force
from bot.domain.instruments import is_equity, is_option
from bot.domain.ledger import HALT_RANK, Halt, Instruction, Panic, Pause
from bot.domain.sessions import NEW_YORK
from bot.domain.trip import Trip, measured
from bot.store.journal import LedgerJournal
from bot.store.panicking import read_halt_file
from bot.store.queries import open_for_questions
from bot.store.tripping import clear_by_person, lift_streak
from bot.wiring import House, load_house, moment, wall_clock

Word = Literal["hold", "let_assign", "no_roll", "close"]
Level = Literal["run", "no_new_risk", "reduce_only", "stop"]


_SPEAKER: ContextVar[str] = ContextVar("speaker", default="")


@contextmanager
def spoken_by(name: str) -> Iterator[None]:
    """Let every word inside be this person's, who speaks from elsewhere than this machine's keyboard."""
    token = _SPEAKER.set(name)
    try:
        yield
    finally:
        _SPEAKER.reset(token)


def author() -> str:
    """Name who types, or who speaks from elsewhere."""
    if speaker := _SPEAKER.get():
        return speaker
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "owner"


def run_close(env: str, *, position: str, dry: bool, at: str, as_json: bool) -> None:
    """Keep the word `close` for a position of ours and run a tick that acts on it."""
    house = load_house(env)
    warn(house)
    symbol, now = position.upper(), wall_clock()
    when = moment(at, house.settings, now)
    with open_ledger(house, f"bot close {symbol}", now) as journal:
        _refuse_unless_ours(journal, symbol)
        # A word that is older than what it is about would be taken for one about an earlier position.
        said_at = now if when is None else max(when, now)
        journal.add_instruction(Instruction(contract=symbol, word="close", at=said_at, author=author()))
    result = one_tick(house, dry=dry, at=when, command=f"bot close {symbol}", clock=wall_clock)
    print_tick(env, result, house, everything=False, as_json=as_json)
    if result.mode == "dry" and not as_json:
        print(f"the word `close {symbol}` stands: the next live tick acts on it (`bot hold {symbol}` takes it back)")


def run_instruction(env: str, *, contract: str, word: Word) -> None:
    """Keep the owner's word on a contract; the newest word stands."""
    house = load_house(env)
    symbol = contract.upper()
    with open_ledger(house, f"bot {word}", wall_clock()) as journal:
        _refuse_unless_ours(journal, symbol)
        journal.add_instruction(Instruction(contract=symbol, word=word, at=wall_clock(), author=author()))
    print(f"{symbol}: {word.replace('_', ' ')} stands from the next tick on   home {house.home}")


def _refuse_unless_ours(journal: LedgerJournal, symbol: str) -> None:
    if not is_option(symbol) and not is_equity(symbol):
        raise UsageError(f"expected an option series such as XLF261224P00050000 or a symbol, got {symbol!r}")
    books = journal.books()
    held = {leg.symbol for leg in books.legs} | {lot.symbol for lot in books.lots}
    if symbol not in held:
        listed = ", ".join(sorted(held)) or "nothing"
        raise UsageError(f"{symbol} is not ours (we hold {listed}); `bot adopt` takes over what the broker holds")


def run_pause(env: str, *, symbol: str, until: str, reason: str) -> None:
    """Pause new risk on a symbol, or on all with '*', until a moment."""
    house = load_house(env)
    name = symbol.upper()
    if name != "*" and name not in house.desk.universe:
        known = ", ".join(sorted(house.desk.universe))
        raise UsageError(f"{name} is not in this desk's universe ({known}); '*' pauses all")
    end = _until(until)
    if end <= wall_clock():
        raise UsageError(f"--until {until} is over; give a day or moment to come")
    with open_ledger(house, "bot pause", wall_clock()) as journal:
        journal.add_pause(Pause(symbol=name, until=end, reason=reason), wall_clock(), author())
    print(f"{name}: no new risk until {end.astimezone(NEW_YORK):%Y-%m-%d %H:%M} New York   home {house.home}")


def _until(text: str) -> datetime:
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1)
            return datetime.combine(day, time(0), NEW_YORK).astimezone(UTC)
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--until takes YYYY-MM-DD or an ISO moment with a zone, got {text!r}") from error
    if read.tzinfo is None:
        raise UsageError(f"--until needs a zone: write {text}+00:00 for UTC")
    return read.astimezone(UTC)


def run_halt(
    env: str, *, level: str, reason: str, new_peak: bool = False, pause: Callable[[float], None] = sleep
) -> None:
    """Set or lift the halt; the newest word stands until a person or its own rule clears it.

    A tick under way is waited for; lifting waits for nobody.
    """
    if not reason.strip():
        raise UsageError(
            '--reason needs words: whoever reads the record must know why, as in --reason "away until Monday"'
        )
    if level not in HALT_RANK:
        raise UsageError(f"a halt level is no_new_risk, reduce_only or stop (`bot resume` lifts it), got {level!r}")
    house = load_house(env)

    def keep() -> tuple[Panic | None, tuple[Trip, ...]]:
        now = wall_clock()
        with open_ledger(house, f"bot halt {level}", now) as journal:
            _refuse_lowering(house, level)
            halt = Halt(
                level=cast(Level, level), author=author(), reason=reason, since=now,
                clears="" if level == "run" else "a person: `bot resume`",
            )  # fmt: skip
            if level != "run":
                journal.set_halt(halt)
                return None, ()
            ended = journal.resume(halt)
            return ended, clear_by_person(journal.database, now, halt.author, reason, new_peak=new_peak)

    ended, cleared = keep() if level == "run" else Patience(pause).until_free(keep)
    print(f"halt level is {level}: {reason}   home {house.home}")
    if ended is not None:
        print(f"the {ended.word} of {ended.author} is ended: no tick works on it any more ({ended.reason})")
    if level == "run":
        _say_what_tripped(house, cleared)
    if new_peak and not cleared:
        print("no fall from the peak has tripped: the peak stays")
    file = read_halt_file(house.home)
    if file is not None:
        print(f"a HALT file still stops every tick ({file.reason}): {file.clears}")


def _say_what_tripped(house: House, cleared: tuple[Trip, ...]) -> None:
    """Say which trip wires a resume cleared, and which still hold the desk."""
    for trip in cleared:
        print(f"cleared: {measured(trip)}; the peak starts anew from here")
    with open_for_questions(house.home) as ledger:
        trips = ledger.trips()
    for trip in trips:
        if trip.tripped and trip.level != "pause":
            print(f"still tripped, {trip.level}: {measured(trip)}; it clears {trip.clears}")


def _refuse_lowering(house: House, level: str) -> None:
    """Refuse to weaken a halt by setting a lower one: lifting it is a word of its own."""
    with open_for_questions(house.home) as ledger:
        # A file rules beside what is set here, so it neither allows nor forbids a level.
        current = halt_in_force(ledger.halt_set(), ledger.panic())
    if level != "run" and HALT_RANK[level] < HALT_RANK[current.level]:
        raise UsageError(
            f"the halt level is {current.level} ({current.author}: {current.reason}) and {level} is weaker: "
            f"`bot resume` first, then `bot halt {level}`"
        )


def run_lift_pause(env: str, *, symbol: str) -> None:
    """End every pause on a symbol (or '*') now."""
    house = load_house(env)
    name = symbol.upper()
    now = wall_clock()
    with open_ledger(house, f"bot resume {name}", now) as journal:
        count = journal.lift_pause(name, now, author())
        streak = lift_streak(journal.database, now, author()) if name == "*" else None
    words = "no pause was in force" if count == 0 else "the pause is lifted"
    print(f"{name}: {words}   home {house.home}")
    if streak is not None:
        print(f"cleared: {measured(streak)}; losing chains count anew from when it tripped")
