"""Signals as a tape: each by the moment it was known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import MarketError
from bot.tapes.bars_in import BarOptions
from bot.tapes.importing import Imported, Order
from bot.tapes.reading import Findings
from bot.tapes.signals_in import import_signals
from bot.tapes.tape import open_tape
from bot.tests.tapes.taped import NOW

HEAD = "at,symbol,name,value,known"
ROWS = (
    "2026-11-17T21:00:00Z,XLF,trend,0.5,2026-11-18T06:00:00Z",
    "2026-11-16T21:00:00Z,XLF,trend,-0.25,2026-11-17T06:00:00Z",
    "2026-11-16T21:00:00Z,EWZ,trend,1,",
)


def taken(folder: Path, *rows: str, **options: Any) -> Imported:
    path = folder / "s.csv"
    path.write_text("\n".join((HEAD, *rows)) + "\n")
    order = Order(folder / "tapes", "s", (path,), NOW, replace=True)
    return import_signals(order, BarOptions(**({"columns": {}} | options)), Findings())


def test_signals_stand_in_the_order_in_which_they_were_known(tmp_path: Path) -> None:
    assert taken(tmp_path, *ROWS).problems == ()
    tape = open_tape(tmp_path / "tapes", "s")
    assert (tape.kinds, tape.symbols) == (("signals",), ("EWZ", "XLF"))
    told = tape.signals("XLF", "trend")
    assert told.values.tolist() == [-0.25, 0.5]
    assert ((told.known - told.about) // 3_600_000_000).tolist() == [9, 9]
    alone = tape.signals("EWZ", "trend")
    assert alone.known.tolist() == alone.about.tolist()
    with pytest.raises(MarketError, match="no signal mood of XLF on tape s; it has trend of EWZ, trend of XLF"):
        tape.signals("XLF", "mood")


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("2026-11-17T21:00:00Z,XLF,trend,0.5,2026-11-17T20:59:59Z", "look-ahead stamp"),
        ("2026-11-17T21:00:00Z,XLF,trend,0.5,2026-11-30T06:00:00Z", "look-ahead stamp"),
        ("2026-11-17T21:00:00Z,XLF,trend,nan,", "bad number"),
        ("then,XLF,trend,1,", "bad stamp"),
        ("2026-11-17T21:00:00Z,,trend,1,", "bad symbol"),
        (ROWS[0], "duplicate"),
    ],
)
def test_a_fault_is_named_with_its_row_and_refuses(tmp_path: Path, row: str, what: str) -> None:
    made = taken(tmp_path, *ROWS, row)
    assert [(one.what, one.rows, one.refuses) for one in made.problems] == [(what, ("5",), True)]
    assert made.facts is None


def test_of_two_rows_of_one_moment_the_owner_says_which_stays(tmp_path: Path) -> None:
    made = taken(tmp_path, *ROWS, ROWS[0].replace("0.5", "0.75"), keep="last")
    assert [(one.what, one.refuses) for one in made.problems] == [("duplicate", False)]
    assert open_tape(tmp_path / "tapes", "s").signals("XLF", "trend").values.tolist() == [-0.25, 0.75]
