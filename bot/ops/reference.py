"""The parts of the documents that the code knows better: commands, settings, keys, tables.

`make docs` (`python -m bot.ops.reference`) writes each between its marks in README.md, RUNBOOK.md and
ARCHITECTURE.md, and dashboard/schema.json whole; a test compares, so neither side can drift.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.config.deskkeys import specs_of, toml_value
from bot.config.envfile import VARIABLES
from bot.config.profiles import PROFILES, profile_values
from bot.domain.desk import (
    BAR_KINDS,
    AlertNumbers,
    KeepNumbers,
    Limits,
    SimulatorNumbers,
    TickNumbers,
    TrailingNumbers,
    WheelNumbers,
)
from bot.domain.facts import Fact

PICTURE_WIDTH = 100
ROOT = Path(__file__).resolve().parents[2]
BOARD_SCHEMA = ROOT / "dashboard" / "schema.json"

TABLES: tuple[tuple[str, type[Fact]], ...] = (
    ("tick", TickNumbers),
    ("keep", KeepNumbers),
    ("alerts", AlertNumbers),
    ("limits", Limits),
    ("simulator", SimulatorNumbers),
    ("strategies.wheel", WheelNumbers),
    ("strategies.stops", TrailingNumbers),
    *((f"strategies.{kind}", table) for kind, table in BAR_KINDS.items()),
)


def commands() -> Iterator[tuple[str, str]]:
    """Give every command with its one-line help, groups flattened; one that does something by itself stands first."""
    import typer.main

    from bot.cli import app

    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        if inner is None or getattr(command, "invoke_without_command", False):
            yield name, (command.help or "").splitlines()[0]
        for word, sub in (inner or {}).items():
            yield f"{name} {word}", (sub.help or "").splitlines()[0]


def command_table() -> str:
    """Write all commands as a Markdown table."""
    rows = [f"| `bot {name}` | {text} |" for name, text in commands()]
    return "\n".join(["| command | what it does |", "|---|---|", *rows])


def variable_table() -> str:
    """Write the variables of `.env` as a Markdown table."""
    rows = []
    for one in VARIABLES:
        allowed = one.allowed.replace("|", " or ")
        rows.append(f"| `{one.name}` | {allowed} | {f'`{one.default}`' if one.default else ''} | {one.meaning} |")
    return "\n".join(["| variable | takes | default | meaning |", "|---|---|---|---|", *rows])


def key_tables() -> str:
    """Write the keys of `desk.toml` with unit, range, meaning and the three profiles' values."""
    parts = []
    for name, table in TABLES:
        parts.append(f"#### `[{name}]`\n")
        parts.append(f"| key | unit and range | {' | '.join(PROFILES)} | meaning |")
        parts.append("|---|---|" + "---|" * len(PROFILES) + "---|")
        values = {profile: profile_values(table, profile) for profile in PROFILES}
        for key, spec in specs_of(table).items():
            allowed = spec.key.unit.replace("|", " or ")
            if spec.key.low:
                allowed += f" {spec.key.low} to {spec.key.high}"
            if spec.key.off:
                allowed += ', or "off"'
            numbers = " | ".join(toml_value(getattr(values[profile], key)).strip('"') for profile in PROFILES)
            parts.append(f"| `{key}` | {allowed} | {numbers} | {spec.key.meaning} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def store_table() -> str:
    """Write every table and view of the ledger file with its purpose and columns."""
    from bot.store.database import describe_purposes, describe_tables

    columns: dict[str, list[str]] = {}
    for row in describe_tables():
        columns.setdefault(row.table, []).append(row.column)
    rows = []
    for name, purpose in describe_purposes().items():
        listed = ", ".join(columns.get(name, ()))
        rows.append(f"| `{name}` | {purpose} | {listed} |".replace("|  |", "| |"))
    return "\n".join(["| table | purpose | columns |", "|---|---|---|", *rows])


def gate_table() -> str:
    """Write every gate in order with its sentence."""
    from bot.gates.judge import GATES

    rows = [
        f"| {number} | `{name}` | {(gate.__doc__ or '').strip().splitlines()[0]} |"
        for number, (name, gate) in enumerate(GATES, 1)
    ]
    return "\n".join(["| | gate | what it allows |", "|---|---|---|", *rows])


PICTURE_AT = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
"""Noon in New York in the middle of a full session: the moment of the README's picture."""


EXAMPLE_HEAD = "7bc93421f6a15701"


def demo_picture() -> str:
    """Draw what `make demo` ends in, for a fixed moment, in a throw-away home."""
    from bot.commands.ticking import one_tick
    from bot.config.initialise import initialise
    from bot.report.tick_text import tick_picture
    from bot.wiring import load_house

    with TemporaryDirectory() as folder:
        place = Path(folder)
        initialise(place)
        house = load_house(str(place / ".env"))
        result = one_tick(house, dry=True, at=PICTURE_AT, command="make docs")
    from rich.console import Console

    console = Console(width=PICTURE_WIDTH, highlight=False, record=True, file=StringIO())
    for part in tick_picture(result, "demo/data", prefix="BOT_ENV=demo/.env .venv/bin/"):
        console.print(part)
    # The head is a hash over the program too: the picture would change with each line of code.
    told = re.sub(r"head [0-9a-f]{16}", f"head {EXAMPLE_HEAD}", console.export_text())
    lines = (line.rstrip() for line in told.splitlines())
    return "\n".join(f"    {line}" if line else "" for line in lines)


BLOCKS: dict[tuple[str, str], Callable[[], str]] = {
    ("README.md", "picture"): demo_picture,
    ("README.md", "commands"): command_table,
    ("RUNBOOK.md", "variables"): variable_table,
    ("RUNBOOK.md", "keys"): key_tables,
    ("ARCHITECTURE.md", "gates"): gate_table,
    ("ARCHITECTURE.md", "tables"): store_table,
}


def written(text: str, name: str, block: str) -> str:
    """Put a block between its marks in a document's text; the marks must be there."""
    marks = re.compile(rf"(<!-- {name}: made by make docs -->\n).*?(\n<!-- end of {name} -->)", re.DOTALL)
    if not marks.search(text):
        raise SystemExit(f"no place for {name}: the marks are missing")
    return marks.sub(lambda found: found[1] + block + found[2], text)


def refreshed(document: str) -> str:
    """Give a document's text with every block of its own made anew."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for (where, name), make in BLOCKS.items():
        if where == document:
            text = written(text, name, make())
    return text


def board_schema() -> str:
    """Give the contract between ledger and dashboard: each view's columns with their kinds."""
    from bot.store.database import migrations
    from bot.store.views import schema_text

    return schema_text(migrations()[-1][0])


def main() -> None:
    """Rewrite the blocks of every document, and the dashboard's contract."""
    BOARD_SCHEMA.write_text(board_schema(), encoding="utf-8")
    sys.stdout.write(f"{BOARD_SCHEMA.relative_to(ROOT)} is up to date\n")
    for document in sorted({document for document, _ in BLOCKS}):
        (ROOT / document).write_text(refreshed(document), encoding="utf-8")
        sys.stdout.write(f"{document} is up to date\n")


if __name__ == "__main__":
    main()
