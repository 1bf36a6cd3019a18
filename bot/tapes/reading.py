"""Sources of a tape: CSV (also packed with gzip), Parquet and Feather files as columns of cells with row numbers."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, cast

from bot.domain.errors import MarketError, UsageError
from bot.tapes.facts import Problem

CSV_ENDS = (".csv", ".csv.gz", ".txt", ".txt.gz")
PARQUET_ENDS = (".parquet", ".pq")
FEATHER_ENDS = (".feather", ".arrow")
ROWS_SHOWN = 6


class Source(NamedTuple):
    """One file: its columns by name, and each row's number as its owner finds it (a line of a CSV, else from 1)."""

    path: Path
    columns: dict[str, list[Any]]
    rows: Sequence[int]


def read_source(path: Path) -> Source:
    """Read a file whole; raises UsageError for a kind nobody reads, MarketError where it cannot be read."""
    name = path.name.lower()
    try:
        if name.endswith(CSV_ENDS):
            return _read_csv(path)
        if name.endswith(PARQUET_ENDS):
            return _read_table(path, parquet=True)
        if name.endswith(FEATHER_ENDS):
            return _read_table(path, parquet=False)
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError, csv.Error, EOFError, ValueError, zlib.error) as error:
        raise MarketError(f"{path.name}: cannot be read: {error}") from error
    raise UsageError(f"{path.name}: expected .csv, .csv.gz, .parquet or .feather")


def plain_lines(path: Path) -> list[str]:
    """Give the lines of a text file, packed or not; raises UsageError or MarketError."""
    try:
        raw = path.read_bytes()
        return (gzip.decompress(raw) if path.name.lower().endswith(".gz") else raw).decode("utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UsageError(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError, EOFError, zlib.error) as error:
        raise MarketError(f"{path.name}: cannot be read: {error}") from error


def _read_csv(path: Path) -> Source:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.name.lower().endswith(".gz") else raw).decode("utf-8-sig")
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [one.strip() for one in next(reader, [])]
    if not header:
        raise MarketError(f"{path.name}: is empty: expected a header and rows")
    if len(set(header)) < len(header):
        raise MarketError(f"{path.name}:1: two columns have one name: {', '.join(header)[:120]}")
    lines, numbers = [], []
    for cells in reader:
        if not any(cells):
            continue
        if len(cells) != len(header):
            raise MarketError(f"{path.name}:{reader.line_num}: expected {len(header)} cells, got {len(cells)}")
        lines.append(cells)
        numbers.append(reader.line_num)
    columns = [list(one) for one in zip(*lines, strict=True)] if lines else [[] for _ in header]
    return Source(path, dict(zip(header, columns, strict=True)), numbers)


def _read_table(path: Path, *, parquet: bool) -> Source:
    try:
        import pyarrow as pa
        import pyarrow.feather
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(f"{path.name}: reading it needs pyarrow: pip install 'escapement[data]'") from error
    try:
        table = pa.parquet.read_table(path) if parquet else pa.feather.read_table(path)
        columns = {name: _cells(table[name], pa) for name in table.column_names}
    except pa.ArrowException as error:
        raise MarketError(f"{path.name}: cannot be read: {error}") from error
    return Source(path, columns, range(1, table.num_rows + 1))


def _cells(column: Any, pa: Any) -> list[Any]:
    """Give a column's cells; moments with a zone as whole microseconds UTC, without one as text."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            return [None if one is None else str(one) for one in column.cast(pa.string()).to_pylist()]
        whole = column.cast(pa.timestamp("us", kind.tz), safe=False).cast(pa.int64())
        return [None if one is None else Micros(one) for one in whole.to_pylist()]
    if pa.types.is_date(kind):
        return [None if one is None else one.isoformat() for one in column.to_pylist()]
    return cast("list[Any]", column.to_pylist())


class Micros(int):
    """A moment in microseconds UTC, told from a plain number."""


def found_columns(
    source: Source, aliases: Mapping[str, Sequence[str]], needed: Iterable[str], given: Mapping[str, str]
) -> dict[str, str]:
    """Give the source's name of each of our columns: as the owner said, else by its usual names in any case.

    `a+b` takes two columns together. Raises UsageError naming what is missing or unknown with the nearest name.
    """
    for ours in given:
        if ours not in aliases:
            raise UsageError(f"--columns: {ours!r} is no column of ours{_near(ours, aliases)}: {', '.join(aliases)}")
    there = {name.lower(): name for name in source.columns}
    found: dict[str, str] = {}
    for ours, usual in aliases.items():
        if ours in given:
            for part in given[ours].split("+"):
                if part not in source.columns:
                    raise UsageError(
                        f"{source.path.name}: --columns says {ours}={given[ours]}, and there is no column "
                        f"{part!r}{_near(part, source.columns)}; it has {', '.join(source.columns)}"
                    )
            found[ours] = given[ours]
            continue
        name = next((there[one] for one in usual if one in there), None)
        if name is not None:
            found[ours] = name
    missing = [one for one in needed if one not in found]
    if missing:
        hints = "".join(_near(one, source.columns) for one in missing)
        raise UsageError(
            f"{source.path.name}: found no column for {', '.join(missing)}{hints}; it has "
            f"{', '.join(repr(one) for one in source.columns)}: name them with --columns {missing[0]}=NAME"
        )
    return found


def unused(source: Source, found: Mapping[str, str]) -> list[str]:
    """Name the source's columns that nobody reads."""
    used = {part for name in found.values() for part in name.split("+")}
    return [name for name in source.columns if name not in used]


def _near(word: str, known: Iterable[str]) -> str:
    names = {one.lower(): one for one in known}
    found = get_close_matches(word.lower(), names, 1, 0.6)
    return f", did you mean {names[found[0]]}?" if found else ""


class Findings:
    """What was found in the sources, gathered by symbol and kind: how often, the first rows, the words of the first."""

    def __init__(self, accepted: Iterable[str] = ()) -> None:
        self._accepted = frozenset(accepted)
        self._kept: dict[tuple[str, str], Problem] = {}

    def add(
        self, what: str, row: str = "", words: str = "", *, symbol: str = "", refuses: bool = False, count: int = 1
    ) -> None:
        """Count a finding; one of an accepted kind refuses nothing."""
        former = self._kept.get((symbol, what))
        rows = () if former is None else former.rows
        self._kept[symbol, what] = Problem(
            what=what, symbol=symbol, count=count if former is None else former.count + count,
            rows=(*rows, row) if row and len(rows) < ROWS_SHOWN else rows,
            words=words if former is None else former.words, refuses=refuses and what not in self._accepted,
        )  # fmt: skip

    def unread(self, columns: Sequence[str], file: str) -> None:
        """Name the columns of a file that nobody reads."""
        if columns:
            self.add("column not read", symbol=file, words=", ".join(map(repr, columns)), count=len(columns))

    def problems(self) -> tuple[Problem, ...]:
        """Give the findings, what refuses first."""
        return tuple(sorted(self._kept.values(), key=lambda one: (not one.refuses, one.what, one.symbol)))
