"""A home's record as files for the owner, an accountant or a spreadsheet: whole or not at all, and checked first.

Money is exact decimal text in CSV and decimal128 in Parquet. It is no tax advice, and its README.txt says so.
"""

from __future__ import annotations

import csv
import errno
import io
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import fill
from typing import Any, Literal

from bot.domain.errors import StoreError, UsageError
from bot.domain.facts import Fact
from bot.domain.money import ZERO, plain
from bot.domain.taxlots import Move, TaxLots
from bot.engine.settle_ledger import cash_effect
from bot.ops.backup import sync_folder
from bot.ops.export_tables import (
    MOVES,
    TRANSFERS,
    Fees,
    Table,
    cash_lines,
    cycles,
    holdings_before,
    is_transfer,
    lots_at,
    moves_of,
    open_lots,
    option_ends,
    premium,
    shared_fees,
    tax_lots,
    trades,
)  # fmt: skip
from bot.store.exporting import Line, Record

Form = Literal["csv", "parquet", "both"]
PLACES = Decimal("1E-12")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
NO_ADVICE = (
    "This is no tax advice and no tax form. Lots are matched first in, first out over this one account. Wash sales, "
    "constructive sales, straddles, section 1256 contracts and other accounts of yours are NOT considered. Your "
    "broker's Form 1099-B is what counts; hand both to whoever prepares your taxes."
)


class Export(Fact, frozen=True, kw_only=True):
    """What was written: rows by table, where sums differ from the books, and what an owner should look at."""

    folder: str
    rows: tuple[tuple[str, int], ...]
    gains: tuple[tuple[int, Decimal, Decimal, int], ...]
    differences: tuple[str, ...]
    notes: tuple[str, ...]


def export(record: Record, whose: str, to: Path, *, year: int | None, form: Form, at: datetime) -> Export:
    """Write a record into a new folder; raises UsageError where it cannot be new, StoreError where a disk refuses.

    `whose` names the account masked and the kind of money. Differences do not keep the files from being written:
    they are named in README.txt too.
    """
    pyarrow = _parquet() if form != "csv" else None
    _refuse_used(to)
    fees, rest = shared_fees(record.lines)
    moves = moves_of(record.lines, fees)
    last = max((line.day for line in record.lines), default=at.date())
    ends = {day: lots_at(record, moves, day) for day in _ends(record, last, year)}
    lots = lots_at(record, moves, last)
    differences = tuple(differences_of(record, moves, lots, fees, rest))
    tables = _tables(record, lots, ends, fees, year)
    notes = list(lots.troubles)
    if rest:
        notes.append(f"fees of {plain(rest)} USD belong to no fill: they are in fees, not in tax_lots")
    unknown = sum(1 for one in lots.disposals if one.gain is None)
    if unknown:
        notes.append(
            f"{unknown} disposals have no known gain: what they cost is not in this record "
            "(`bot import-history` brings what your broker still tells)"
        )
    notes += [f"{symbol}: the books and the broker differ just now; run this again when `bot books` agrees"
              for symbol in sorted(record.drifting)]  # fmt: skip
    readme = _readme(record, whose, tables, differences, notes, year, at)
    _write_all(to, tables, readme, form, pyarrow)
    return Export(
        folder=str(to), rows=tuple((one.name, len(one.rows)) for one in tables), gains=_gains(lots, year),
        differences=differences, notes=tuple(notes),
    )  # fmt: skip


def differences_of(record: Record, moves: list[Move], lots: TaxLots, fees: Fees, rest: Decimal) -> Iterable[str]:
    """Name every sum of the export that is not the sum of the ledger's books, dollars to the cent."""
    opening = sum((book.opening for book in record.books), ZERO)
    since = record.first_tick if opening else None
    booked = [line for line in record.lines if line.tick_id is not None and (since is None or line.tick_id > since)]

    def told(kinds: frozenset[str] | set[str]) -> Decimal:
        return sum((cash_effect(line.activity) for line in booked if line.activity.kind in kinds), ZERO)

    def kept(*parts: str) -> Decimal:
        return sum((getattr(book, part) for book in record.books for part in parts), ZERO)

    pairs = (
        ("dividends", told({"DIV"}), kept("dividends")),
        ("interest", told({"INT"}), kept("interest")),
        ("fees", told({"FEE"}), kept("fees")),
        ("transfers", told(TRANSFERS), kept("transfers")),
        ("trades, deliveries, splits and other lines", told({*MOVES, "OTHER"} - TRANSFERS),
         kept("premium", "shares", "moved", "other")),
        ("cash", sum((cash_effect(line.activity) for line in booked), opening), kept("cash")),
        ("fees shared out", sum(fees.values(), rest),
         -sum((line.activity.net_amount for line in record.lines if line.activity.kind == "FEE"), ZERO)),
        ("tax lots", lots.cash, sum((move.cash for move in moves), ZERO)),
    )  # fmt: skip
    for name, ours, books in pairs:
        if record.books and ours != books:
            yield f"{name}: the lines sum to {plain(ours)} USD and the books to {plain(books)} USD"
    held: dict[str, Decimal] = {}
    for lot in lots.open_lots:
        held[lot.symbol] = held.get(lot.symbol, ZERO) + lot.qty
    shown = dict(record.positions)
    for symbol in sorted((held.keys() | shown.keys()) - record.drifting):
        if held.get(symbol, ZERO) != shown.get(symbol, ZERO):
            yield (f"{symbol}: open lots hold {plain(held.get(symbol, ZERO))}, the broker showed "
                   f"{plain(shown.get(symbol, ZERO))}")  # fmt: skip


def _ends(record: Record, last: date, year: int | None) -> list[date]:
    """List the days whose open lots are shown: the end of each year, and of the record."""
    first = min((line.day.year for line in record.lines), default=last.year)
    years = range(first, last.year + 1) if year is None else (year,)
    return [min(date(one, 12, 31), last) for one in years]


def _tables(
    record: Record, lots: TaxLots, ends: dict[date, TaxLots], fees: Fees,
    year: int | None,
) -> list[Table]:  # fmt: skip
    lines = [line for line in record.lines if year is None or line.day.year == year]

    def of(*kinds: str) -> list[Line]:
        return [line for line in lines if line.activity.kind in kinds]

    return [
        trades(lines, fees), premium(record, year), cycles(record, year), option_ends(lines),
        cash_lines("dividends", "Dividends, and tax withheld from them.", of("DIV")),
        cash_lines("interest", "Interest earned and paid.", of("INT")),
        cash_lines("fees", "Every fee the broker booked.", of("FEE")),
        cash_lines("transfers", "Money and shares moved in and out of the account.",
                   [line for line in lines if is_transfer(line.activity)]),
        cash_lines("splits_and_others", "Splits, and lines of a kind this program does not know.",
                   of("SPLIT", "OTHER")),
        tax_lots(lots, year), open_lots(ends.items()),
    ]  # fmt: skip


def _gains(lots: TaxLots, year: int | None) -> tuple[tuple[int, Decimal, Decimal, int], ...]:
    """Sum gains by tax year: short, long, and how many disposals have none that is known."""
    years: dict[int, list[Any]] = {}
    for one in lots.disposals:
        if year is None or one.closed.year == year:
            entry = years.setdefault(one.closed.year, [ZERO, ZERO, 0])
            if one.gain is None or one.term == "unknown":
                entry[2] += 1
            else:
                entry[one.term == "long"] += one.gain
    return tuple((key, *entry) for key, entry in sorted(years.items()))


def _refuse_used(to: Path) -> None:
    if to.is_symlink() or (to.exists() and not to.is_dir()):
        raise UsageError(f"--to {to}: expected a new folder, but that is no folder; name another")
    try:
        used = to.exists() and any(to.iterdir())
    except OSError as error:
        raise StoreError(f"--to {to}: cannot be looked into ({error.strerror}); name another folder") from error
    if used:
        raise UsageError(f"--to {to}: expected a new or empty folder, but there are files in it; name another")


def _parquet() -> Any:
    try:
        import pyarrow.parquet
    except ImportError:
        raise UsageError(
            "Parquet needs pyarrow, which is not installed: pip install 'escapement[data]', or use --format csv"
        ) from None
    return pyarrow


def _write_all(to: Path, tables: list[Table], readme: str, form: Form, pyarrow: Any) -> None:
    """Write everything beside the folder, then give it its name in one step; nothing stays of a failure."""
    to = to.absolute()
    partial = to.parent / f".{to.name}.partial-{os.getpid()}"
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        for table in tables:
            if form != "parquet":
                _write(partial / f"{table.name}.csv", csv_text(table).encode())
            if pyarrow is not None:
                _write(partial / f"{table.name}.parquet", _parquet_bytes(table, pyarrow))
        _write(partial / "README.txt", readme.encode())
        sync_folder(partial)
        partial.rename(to)
        sync_folder(to.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreError(f"the disk below {to.parent} is full: nothing was kept; free some room or name another "
                             "folder") from error  # fmt: skip
        raise StoreError(f"{to} cannot be written ({error.strerror}): nothing was kept") from error
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as written:
        written.write(content)
        written.flush()
        os.fsync(written.fileno())


def csv_text(table: Table) -> str:
    """Write a table as CSV with a head; text that a spreadsheet would take for a formula gets a ' before it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.name for column in table.columns])
    kinds = [column.kind for column in table.columns]
    for row in table.rows:
        writer.writerow([_cell(value, kind) for value, kind in zip(row, kinds, strict=True)])
    return out.getvalue()


def _cell(value: Any, kind: str) -> str:
    if value is None:
        return ""
    if kind == "money":
        return plain(value)
    if kind == "moment":
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    text = str(value)
    return f"'{text}" if kind == "text" and text.startswith(FORMULA) else text


def _parquet_bytes(table: Table, pyarrow: Any) -> bytes:
    types = {
        "text": pyarrow.string(), "money": pyarrow.decimal128(38, 12), "day": pyarrow.date32(),
        "moment": pyarrow.timestamp("us", tz="UTC"), "count": pyarrow.int64(),
    }  # fmt: skip
    schema = pyarrow.schema([
        pyarrow.field(column.name, types[column.kind], metadata={"means": column.means}) for column in table.columns
    ])  # fmt: skip
    columns = [
        [value if value is None or column.kind != "money" else value.quantize(PLACES) for value in values]
        for column, values in zip(
            table.columns, zip(*table.rows, strict=True) if table.rows else [()] * len(table.columns), strict=True
        )
    ]
    out = pyarrow.BufferOutputStream()
    made = pyarrow.table([pyarrow.array(v, f.type) for v, f in zip(columns, schema, strict=True)], schema=schema)
    pyarrow.parquet.write_table(made, out)
    return bytes(out.getvalue())


def _readme(
    record: Record, whose: str, tables: list[Table], differences: tuple[str, ...], notes: list[str],
    year: int | None, at: datetime,
) -> str:  # fmt: skip
    span = "everything on record" if year is None else f"the year {year} (New York days)"
    parts = [
        f"Export of {whose}", "",
        f"Desk {record.desk}, {span}, written {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC from the ledger"
        + ("" if record.at is None else f" as of its tick at {record.at:%Y-%m-%d %H:%M} UTC") + ".",
    ]  # fmt: skip
    if record.environment != "live":
        parts += ["", fill(f"{record.environment.upper()} MONEY: no real trade stands behind any row. Of no use for "
                           "taxes.", 100)]  # fmt: skip
    parts += ["", fill(NO_ADVICE, 100), "", "Sums", "----"]
    parts += [f"DIFFERS {one}" for one in differences] or ["All sums agree with the ledger's books to the cent."]
    if notes:
        parts += ["", "To look at", "----------", *(fill(one, 100, subsequent_indent="  ") for one in notes)]
    before = holdings_before(record)
    if before:
        held = ", ".join(f"{plain(qty)} {symbol}" for symbol, qty in before)
        parts += ["", fill(f"Held before the first line of this record, so of unknown cost: {held}.", 100)]
    parts += ["", "Files", "-----", "Money in dollars, exact. An empty cell is unknown or does not apply. A ' before "
              "text in CSV keeps", "a spreadsheet from taking it for a formula."]  # fmt: skip
    for table in tables:
        parts += ["", f"{table.name}: {table.means} {len(table.rows)} rows."]
        parts += [fill(f"  {one.name}: {one.means}", 100, subsequent_indent="      ") for one in table.columns]
    return "\n".join(parts) + "\n"
