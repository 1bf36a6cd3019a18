"""Real money without a drill to show only reduces: what a tick remembers, with that halt in it. Pure."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from bot.domain.drilling import drill_halt
from bot.domain.trip import stronger
from bot.engine.ports import Book, Memory


def drilled(memory: Memory, book: Book, at: datetime) -> Memory:
    """Give the memory of a tick with the halt of a lacking drill; dry ticks and other money are as they were."""
    if book.dry or book.environment != "live":
        return memory
    halt = drill_halt(memory.drill, book.desk.limits.drill_age_days, book.desk_hash, book.code_version, at)
    said = memory.halt if memory.halt_said is None else memory.halt_said
    return replace(memory, halt=stronger(memory.halt, halt), halt_said=stronger(said, halt))
