"""One small stage for the wheel's tests: XLF at 40, two put expiries, two call expiries, at noon."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bot.domain.desk import WheelParams
from bot.domain.ledger import Books, Instruction
from bot.domain.market import Chain, Quote
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan
from bot.planners.wheel import PLANNER
from bot.tests.builders import (
    NOON,
    D,
    a_chain,
    a_quote,
    a_slab,
    a_snapshot,
    call,
    put,
    some_events,
    wheel_numbers,
    wheel_params,
)

FAR = date(2026, 12, 24)
NEAR = date(2026, 12, 18)
ROWS = [
    ("37", "0.22", "0.24", 900, 0.13, 0.22),
    ("38", "0.40", "0.43", 900, 0.20, 0.21),
    ("38.5", "0.50", "0.53", 900, 0.25, 0.21),
    ("39", "0.62", "0.66", 900, 0.29, 0.20),
    ("40", "0.98", "1.04", 900, 0.47, 0.20),
]
CALL_ROWS = [
    ("40.5", "0.76", "0.80", 900, 0.42, 0.20),
    ("41", "0.56", "0.60", 900, 0.33, 0.20),
    ("41.5", "0.40", "0.43", 900, 0.25, 0.20),
    ("42", "0.28", "0.30", 900, 0.19, 0.20),
    ("43", "0.12", "0.13", 900, 0.10, 0.20),
]


def put_chain(symbol: str = "XLF", rows: Any = None, near: Any = None, **given: Any) -> Chain:
    return a_chain(symbol, "put", a_slab(NEAR, near or ROWS), a_slab(FAR, rows or ROWS), **given)


def call_chain(symbol: str = "XLF", rows: Any = None, **given: Any) -> Chain:
    return a_chain(symbol, "call", a_slab(NEAR, rows or CALL_ROWS), **given)


def scene(*chains: Chain, quotes: tuple[Quote, ...] = (), books: Books | None = None, **given: Any) -> Snapshot:
    """XLF at 40.00 with known events; books carry cash unless given."""
    names = sorted({chain.underlying for chain in chains} | {"XLF"})
    facts: dict[str, Any] = {
        "quotes": (*(a_quote(name) for name in names), *quotes),
        "events": tuple(some_events(name) for name in names),
        "chains": chains,
        "books": books or some_books(),
    }
    return a_snapshot(**(facts | given))


def some_books(**given: Any) -> Books:
    return Books(**({"cash": D(25000), "equity_previous": D(25000)} | given))


def option_quote(symbol: str, bid: str | None, ask: str | None, **given: Any) -> Quote:
    return a_quote(symbol, bid, ask, **given)


def params(*names: str, limits: Any = None, **numbers: Any) -> WheelParams:
    made = wheel_params(*(names or ("XLF",)), numbers=wheel_numbers(**numbers))
    return made if limits is None else replace(made, limits=limits)


def planned(snapshot: Snapshot, given: WheelParams | None = None) -> Plan:
    return PLANNER.plan(snapshot, given or params())


def the_intent(snapshot: Snapshot, given: WheelParams | None = None) -> OrderIntent:
    intents = planned(snapshot, given).intents
    assert len(intents) == 1, [intent.reason for intent in intents]
    return intents[0]


def the_note(snapshot: Snapshot, subject: str, given: WheelParams | None = None) -> Note:
    """The one note on a subject, where nothing was wanted for it."""
    notes = [note for note in planned(snapshot, given).notes if note.subject == subject]
    assert len(notes) == 1, planned(snapshot, given)
    return notes[0]


def holdings_of(snapshot: Snapshot) -> Holdings:
    return Holdings(
        session=snapshot.session,
        account=snapshot.account,
        positions=snapshot.positions,
        own_orders=snapshot.own_orders,
        books=snapshot.books,
        halt=snapshot.halt,
        follow_up=snapshot.follow_up,
    )


def word(contract: str, said: Any) -> Instruction:
    return Instruction(contract=contract, word=said, at=NOON, author="owner")


PUT_385 = put("XLF", FAR, "38.5")
CALL_415 = call("XLF", NEAR, "41.5")
ZERO = Decimal(0)
