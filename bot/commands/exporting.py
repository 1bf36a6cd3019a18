"""`bot export`: the record as files for the owner, an accountant or a spreadsheet. It only reads the home."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from bot.commands.looking import nothing_yet, show, typed_before
from bot.commands.opening import warn
from bot.domain.accounts import owner_name
from bot.domain.errors import StoreError, UsageError
from bot.ops.export import Export, Form, export
from bot.report.status import kind_of_money
from bot.report.words import dollars, filled_text
from bot.store.exporting import read_record
from bot.store.queries import ledger_exists, open_for_questions
from bot.wiring import load_house

FORMS = ("csv", "parquet", "both")


def run_export(env: str, *, to: str, year: int, form: str) -> None:
    """Write the files and say what is in them; exits with 1 where a sum is not the books'."""
    if form not in FORMS:
        raise UsageError(f"--format: expected csv, parquet or both, got {form[:20]!r}")
    if not to.strip():
        raise UsageError("--to: expected a new folder, such as ~/export-2026")
    house = load_house(env)
    warn(house)
    record = None
    if ledger_exists(house.home):
        with open_for_questions(house.home) as ledger:
            record = read_record(ledger)
    if record is None:
        raise StoreError(nothing_yet(house, typed_before(env, house)))
    whose = (
        f"{owner_name(record.broker, record.environment, record.account)}: "
        f"{kind_of_money(record.environment == 'simulated', record.environment)}"
    )
    made = export(
        record, whose, Path(to).expanduser(), year=year or None, form=cast(Form, form), at=datetime.now(UTC)
    )  # fmt: skip
    show([f"export of {whose}", *export_lines(made)])
    if made.differences:
        raise SystemExit(1)


def export_lines(made: Export) -> list[str]:
    """Tell what was written, the gains by year, and what to look at."""
    lines = [f"written to {made.folder}", "  " + ", ".join(f"{name} {count}" for name, count in made.rows)]
    for year, short, long, unknown in made.gains:
        more = f", {unknown} disposals of unknown cost" if unknown else ""
        lines.append(
            f"{year}: short term {dollars(short)} USD, long term {dollars(long)} USD{more} (FIFO, fees inside)"
        )
    for note in made.notes:
        lines += filled_text(f"look at: {note}", hanging="  ")
    for one in made.differences:
        lines += filled_text(f"DIFFERS: {one}", hanging="  ")
    if not made.differences:
        lines.append("every sum agrees with the books to the cent")
    return [*lines, "no tax advice: wash sales are not applied; README.txt says what each column means"]
