"""What `bot doctor` finds of halts: a file named HALT, a halt that was set, a panic that stands."""

from __future__ import annotations

from pathlib import Path

from bot.domain.errors import ForeignStore, StoreError
from bot.ops.finding import Finding


def halting(home: Path) -> list[Finding]:
    """Look for what stops or clears the desk; the file is found although the store may not open."""
    from bot.store.panicking import read_halt_file
    from bot.store.queries import ledger_exists, open_for_questions

    file = read_halt_file(home)
    if file is not None:
        return [Finding("stop", "halt", f"{file.author}: {file.reason}", file.clears)]
    if not ledger_exists(home):
        return [Finding("good", "halt", "none")]
    try:
        with open_for_questions(home) as store:
            halt, panic = store.halt(), store.panic()
    except (StoreError, ForeignStore):
        return []  # the finding about the store says it
    found = []
    if panic is not None:
        words = f"{panic.word} by {panic.author}: {panic.reason}; every tick works on it until `bot resume`"
        found.append(Finding("look", "panic", words))
    if halt.level == "run":
        return [*found, Finding("good", "halt", "none")]
    words = f"{halt.level} by {halt.author}: {halt.reason}; {halt.clears}"
    return [*found, Finding("stop" if halt.level == "stop" else "look", "halt", words)]
