"""A desk with one strategy on bars, ticking at the end of every bar of a tape."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.brokers.simulator import SimulatorBroker
from bot.config.deskfile import read_desk
from bot.config.deskkeys import toml_value
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.profiles import profile_values
from bot.domain.desk import BAR_KINDS, BarNumbers, Desk
from bot.domain.facts import Fact
from bot.domain.fills import FillRules
from bot.domain.market import Bar
from bot.engine.memory_journal import MemoryJournal
from bot.engine.ports import Book, TickResult, World
from bot.engine.tick import tick
from bot.tapes.tape import Tape
from bot.wiring import strategies_of

D = Decimal
HOUR = timedelta(hours=1)
LOOSE: dict[str, Any] = {
    "entry_after_open_minutes": 0, "entry_before_close_minutes": 0, "round_trips_per_day": None, "missed_ticks": None,
}  # fmt: skip
"""What a market around the clock and ticks an hour apart ask of the limits; every gate is asked all the same."""


def numbers_of(kind: str, **changed: Any) -> BarNumbers:
    """Give the balanced numbers of a kind, some of them changed."""
    usual: Fact = profile_values(BAR_KINDS[kind], "balanced")
    given = {key: getattr(usual, key) for key in usual.__struct_fields__} | changed
    return BAR_KINDS[kind](**given)


def bars_text(kind: str, symbols: Sequence[str], name: str = "cross", **changed: Any) -> str:
    """Write the table of a strategy on bars."""
    numbers = numbers_of(kind, **changed)
    lines = [f"[strategies.{name}]", f'kind = "{kind}"', "priority = 15", "enabled = true"]
    lines += [f"symbols = {toml_value(tuple(symbols))}", 'approve = "never"', 'approve_minutes = "slot"']
    lines += [f"{key} = {toml_value(getattr(numbers, key))}" for key in numbers.__struct_fields__]
    return "\n".join(lines) + "\n"


def desk_with(*tables: str, symbols: Sequence[str] = ("EUR",), **choice: Any) -> Desk:
    """Give a desk whose strategies are these tables alone."""
    limits = LOOSE | choice.pop("limits", {})
    text = desk_text_of(DeskChoice(symbols=tuple(symbols), limits=limits, benchmark=symbols[0], **choice))
    head = re.split(r"(?m)^# The wheel:", text)[0]
    return read_desk(head + "\n".join(tables))


def a_book(desk: Desk) -> Book:
    """Give a desk that sends what its gates let through."""
    return Book(
        desk=desk, strategies=strategies_of(desk), dry=False, environment="simulated", config_hash="c",
        code_version="t", decide_on_decoded=False,
    )  # fmt: skip


def run_tape(tape: Tape, desk: Desk, rules: FillRules, moments: Iterable[datetime]) -> Iterator[TickResult]:
    """Tick at each moment over a tape, in memory."""
    clock = [datetime(1970, 1, 1, tzinfo=UTC)]
    market = tape.market(rules, desk.universe)
    broker = SimulatorBroker(":memory:", market, desk.simulator, lambda: clock[0], account_id="SIM-BARS", rules=rules)
    world = World(broker=broker, market=market, journal=MemoryJournal(), now=lambda: clock[0])
    book = a_book(desk)
    for moment in moments:
        clock[0] = moment
        yield tick(world, book)


def fx_bars(material: Path) -> list[Bar]:
    """Read the hours of EUR/USD, 2017-04-19 to 2018-02-07; their stamps are taken for UTC and the bar's start."""
    with (material / "data" / "fx" / "EURUSD_1h_2017_2018.csv").open() as file:
        rows = list(csv.reader(file))[1:]
    return [
        Bar(
            at=datetime.fromisoformat(at).replace(tzinfo=UTC), open=D(opened), high=D(high), low=D(low), close=D(close),
            volume=int(volume),
        )
        for at, opened, high, low, close, volume in rows
    ]  # fmt: skip
