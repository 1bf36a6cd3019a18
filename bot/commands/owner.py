"""The owner's words: close, hold, let-assign, no-roll, pause, adopt, halt, resume.

Each is kept with author, moment and reason, chained like everything else. None of them sends an order by itself:
`close` runs a tick, so that its order passes the same gates and the same executor.
"""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Literal, cast

from msgspec.structs import replace

from bot.commands.opening import amount, open_ledger, warn
from bot.commands.ticking import one_tick, print_tick
from bot.domain.errors import UsageError
from bot.domain.instruments import is_equity, is_option, underlying_of
from bot.domain.ledger import HALT_RANK, Books, Halt, Instruction, Lot, Pause
from bot.domain.money import ZERO, plain
from bot.domain.sessions import NEW_YORK
from bot.store.journal import LedgerJournal
from bot.store.queries import open_for_questions
from bot.wiring import House, load_house, moment, wall_clock

Word = Literal["hold", "let_assign", "no_roll", "close"]
Level = Literal["run", "no_new_risk", "reduce_only", "stop"]


def author() -> str:
    """Name who types."""
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
    result = one_tick(house, dry=dry, at=when, command=f"bot close {symbol}")
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


def run_adopt(env: str, *, symbol: str, qty: str, basis: str) -> None:
    """Make a lot of ours from shares the broker holds beyond our lots."""
    house = load_house(env)
    name = symbol.upper()
    if not is_equity(name):
        raise UsageError(
            f"adopt takes a share symbol such as XLF, got {symbol!r}; short options come with a later release"
        )
    now = wall_clock()
    with open_ledger(house, f"bot adopt {name}", now) as journal:
        books = journal.books()
        paid = amount(basis, "--basis") if basis else None
        if paid is not None and not qty and _state_basis(journal, books, name, paid):
            print(f"{name}: the basis is {plain(paid)} a share now   home {house.home}")
            return
        foreign = _foreign_shares(books, name)
        wanted = amount(qty, "--qty") if qty else foreign
        if wanted > foreign:
            raise UsageError(f"--qty {plain(wanted)}: {plain(foreign)} shares of {name} are foreign")
        journal.adopt_lot(
            Lot(
                id=_new_lot_id(books, name, now), symbol=name, qty=wanted, opened_at=now,
                strategy=_strategy(house, name), owner="adopted", basis_strike=paid, basis_tax=paid, basis_wheel=paid,
            ),
            now,
            author(),
        )  # fmt: skip
    words = f"at {plain(paid)} a share" if paid is not None else "with no known basis: no call is sold on it"
    print(f"{name}: {plain(wanted)} shares are ours now, {words}   home {house.home}")


def _state_basis(journal: LedgerJournal, books: Books, symbol: str, paid: Decimal) -> bool:
    """Give adopted lots of unknown basis what was paid for them; says whether there were any."""
    unknown = [
        lot for lot in books.lots if lot.symbol == symbol and lot.owner == "adopted" and lot.basis_strike is None
    ]
    for lot in unknown:
        told = replace(lot, basis_strike=paid, basis_tax=paid, basis_wheel=paid)
        journal.adopt_lot(told, wall_clock(), author(), known=True)
    return bool(unknown)


def _new_lot_id(books: Books, symbol: str, now: datetime) -> str:
    """Name a lot so that two adoptions in one moment are two lots."""
    taken = {lot.id for lot in books.lots}
    first = f"adopted-{symbol}-{now:%Y%m%d%H%M%S%f}"
    return next(name for name in (first, *(f"{first}-{n}" for n in range(2, len(taken) + 3))) if name not in taken)


def _foreign_shares(books: Books, symbol: str) -> Decimal:
    """Give the shares that the newest tick saw at the broker beyond our lots, or raise UsageError.

    The newest tick's reading, not a fresh one: shares that an assignment brought since are ours, and the next tick
    books them.
    """
    if books.settled_at is None:
        raise UsageError("no tick has looked at the account yet: run `bot tick --dry` first")
    ours = sum((lot.qty for lot in books.lots if lot.symbol == symbol), ZERO)
    foreign = dict(books.last_positions).get(symbol, ZERO) - ours
    if foreign <= 0:
        raise UsageError(
            f"the newest tick saw no {symbol} beyond the {plain(ours)} shares that are ours already; run `bot tick "
            "--dry` if they came later"
        )
    waiting = next((one for one in books.drift if underlying_of(one.symbol) == symbol), None)
    if waiting is not None:
        raise UsageError(f"{symbol} is not settled yet ({waiting.what}): adopt it after a tick that shows no drift")
    return foreign


def _strategy(house: House, symbol: str) -> str:
    for _, _, wheel in house.desk.wheels:
        if underlying_of(symbol) in wheel.numbers:
            return wheel.name
    return house.desk.trailing_stops[0][2].name if house.desk.trailing_stops else "owner"


def run_halt(env: str, *, level: str, reason: str) -> None:
    """Set or lift the halt; the newest word stands until a person or its own rule clears it."""
    if not reason.strip():
        raise UsageError(
            '--reason needs words: whoever reads the record must know why, as in --reason "away until Monday"'
        )
    if level not in HALT_RANK:
        raise UsageError(f"a halt level is no_new_risk, reduce_only or stop (`bot resume` lifts it), got {level!r}")
    house = load_house(env)
    now = wall_clock()
    with open_ledger(house, f"bot halt {level}", now) as journal:
        _refuse_lowering(house, level)
        halt = Halt(
            level=cast(Level, level), author=author(), reason=reason, since=now,
            clears="" if level == "run" else "a person: `bot resume`",
        )  # fmt: skip
        journal.set_halt(halt)
    print(f"halt level is {level}: {reason}   home {house.home}")


def _refuse_lowering(house: House, level: str) -> None:
    """Refuse to weaken a halt by setting a lower one: lifting it is a word of its own."""
    with open_for_questions(house.home) as ledger:
        current = ledger.halt()
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
    words = "no pause was in force" if count == 0 else "the pause is lifted"
    print(f"{name}: {words}   home {house.home}")
