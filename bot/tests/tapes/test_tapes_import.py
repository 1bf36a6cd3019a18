"""Files as tapes: what is kept is what the file says, and what is wrong is named with its rows."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.domain.errors import BotError, MarketError, StoreError, UsageError
from bot.domain.fills import FillRules
from bot.domain.market import ChainRequest, QuotesRequest
from bot.tapes.bars_in import BarOptions
from bot.tapes.chains_in import import_chains
from bot.tapes.checking import changed_files
from bot.tapes.events_in import read_events, read_factors
from bot.tapes.importing import Imported, Order, import_bars
from bot.tapes.reading import Findings
from bot.tapes.tape import open_tape, tape_names
from bot.tests.tapes.taped import NOW, D

HEAD = "time,open,high,low,close,volume"
GOOD = (
    "2026-11-18T14:30:00Z,50.00,50.60,49.80,50.20,100",
    "2026-11-18T14:45:00Z,50.25,50.40,50.00,50.10,200",
    "2026-11-18T15:00:00Z,50.00,51.00,49.00,50.50,300",
)
LATE = "2026-11-18T15:15:00Z"
DAYS = ("2026-11-16,50,51,49,50,100", "2026-11-17,50,51,49,50,100")
CHAIN_HEAD = "at,underlying,expiry,right,strike,bid,ask,open_interest,delta,iv,spot,quoted"
CHAIN = (
    "2026-11-18T15:00:00Z,XLF,2026-12-18,put,49,0.80,0.90,100,-0.40,0.20,50.1,2026-11-18T14:59:30Z",
    "2026-11-18T15:00:00Z,XLF,2026-12-18,put,48,0.50,0.60,100,-0.30,0.21,50.1,",
)


def a_file(folder: Path, *lines: str, name: str = "bars.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def taken(folder: Path, *lines: str, name: str = "t", **options: Any) -> Imported:
    """Import lines as bars of XLF."""
    findings = Findings(options.get("accept", ()))
    replace = options.pop("replace", False)
    order = Order(folder / "tapes", name, (a_file(folder, *lines),), NOW, replace=replace)
    chosen = BarOptions(**({"symbol": "XLF", "columns": {}} | options))
    return import_bars(order, chosen, (), findings, events_given=False)


def chained(folder: Path, *lines: str, **options: Any) -> Imported:
    order = Order(folder / "tapes", "c", (a_file(folder, CHAIN_HEAD, *lines),), NOW)
    return import_chains(order, BarOptions(**({"columns": {}} | options)), Findings(options.get("accept", ())))


def found(made: Imported) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(one.what, one.rows, one.refuses) for one in made.problems]


def test_what_is_kept_is_what_the_file_says(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *GOOD)
    assert (made.rows, made.problems) == (3, ())
    tape = open_tape(tmp_path / "tapes", "t")
    columns = tape.bars("XLF")
    assert (tape.step_seconds, tape.symbols, tape.kinds, columns.places) == (900, ("XLF",), ("bars",), 2)
    assert columns.close.tolist() == [5020, 5010, 5050]
    assert (columns.ends - columns.starts).tolist() == [900] * 3
    assert columns.volume.tolist() == [100.0, 200.0, 300.0]
    assert tape.first_at == datetime(2026, 11, 18, 14, 45, tzinfo=UTC)
    assert tape.facts.sources[0].name == "bars.csv"
    assert len(tape.facts.sources[0].sha256) == 64


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("2026-11-18T15:30:00Z,50,50,50,50,1",), ("gap", ("4",), False)),
        ((GOOD[2],), ("duplicate", ("5",), True)),
        (("2026-11-18T14:35:00Z,50,50,50,50,1",), ("out of order", ("5",), True)),
        ((f"{LATE},0,50,50,50,1",), ("bad number", ("5",), True)),
        ((f"{LATE},-1,50,50,50,1",), ("bad number", ("5",), True)),
        ((f"{LATE},nan,50,50,50,1",), ("bad number", ("5",), True)),
        ((f"{LATE},50,inf,50,50,1",), ("bad number", ("5",), True)),
        ((f"{LATE},50,,50,50,1",), ("bad number", ("5",), True)),
        ((f"{LATE},50,50,50,50,-3",), ("bad number", ("5",), True)),
        ((f"{LATE},50,49,51,50,1",), ("impossible bar", ("5",), True)),
        ((f"{LATE},50,51,49,52,1",), ("impossible bar", ("5",), True)),
        (("yesterday,50,50,50,50,1",), ("bad stamp", ("5",), True)),
        (("2026-11-20T12:00:00Z,50,50,50,50,1",), ("look-ahead stamp", ("5",), True)),
        (("2026-11-19T14:30:00Z,25.2,26,25,25,1",), ("split-like jump", ("5",), True)),
    ],
)  # fmt: skip
def test_a_fault_is_named_with_its_row(
    tmp_path: Path, lines: tuple[str, ...], expected: tuple[str, tuple[str, ...], bool]
) -> None:
    made = taken(tmp_path, HEAD, *GOOD, *lines, step_seconds=900)
    assert expected in found(made)
    assert (made.facts is None) == expected[2]
    assert tape_names(tmp_path / "tapes") == (() if expected[2] else ("t",))


def test_rows_that_are_no_bars_are_left_out_when_the_owner_says_so_and_counted(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *GOOD, f"{LATE},0,1,1,1,1", drop_bad=True)
    assert found(made) == [("bad number, left out", ("5",), False)]
    assert len(open_tape(tmp_path / "tapes", "t").bars("XLF").ends) == 3


@pytest.mark.parametrize(("keep", "close"), [("first", 5050), ("last", 4900)])
def test_of_two_rows_of_one_stamp_the_owner_says_which_stays(tmp_path: Path, keep: str, close: int) -> None:
    made = taken(tmp_path, HEAD, *GOOD, "2026-11-18T15:00:00Z,50,51,49,49,1", keep=keep)
    assert ("duplicate", ("5",), False) in found(made)
    assert open_tape(tmp_path / "tapes", "t").bars("XLF").close.tolist()[-1] == close


def test_a_finding_that_the_owner_accepts_is_counted_and_kept(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *GOOD, "2026-11-19T14:30:00Z,25.2,26,25,25,1", accept=("split-like jump",))
    assert ("split-like jump", ("5",), False) in found(made)
    assert made.facts is not None


def test_a_file_that_is_newest_first_is_turned_round_and_says_so(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *GOOD[::-1])
    assert found(made) == [("newest first", (), False)]
    assert open_tape(tmp_path / "tapes", "t").bars("XLF").close.tolist() == [5020, 5010, 5050]


def test_stamps_that_are_ends_are_not_taken_for_starts(tmp_path: Path) -> None:
    rows = [f"2026-11-18T{hour:02}:00:00Z,50,50,50,50,1" for hour in range(15, 22)]
    refused = taken(tmp_path, HEAD, *rows, step_seconds=1800)
    assert ("look-ahead by end stamps", ("8",), True) in found(refused)
    kept = taken(tmp_path, HEAD, *rows, step_seconds=1800, stamp="end")
    assert kept.facts is not None
    assert open_tape(tmp_path / "tapes", "t").last_at == datetime(2026, 11, 18, 21, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stamp", "words"),
    [("2026-03-08 02:30", "never was"), ("2025-11-02 01:30", "was twice in America/New_York (05:30 and 06:30 UTC)")],
)
def test_local_times_that_were_not_or_were_twice_are_named(tmp_path: Path, stamp: str, words: str) -> None:
    made = taken(tmp_path, HEAD, f"{stamp},50,50,50,50,1", *GOOD, zone="America/New_York", step_seconds=900)
    (problem,) = [one for one in made.problems if one.what == "clock change"]
    assert (problem.rows, problem.refuses) == (("2",), True)
    assert words in problem.words


def test_stamps_of_a_zone_follow_its_clock_over_the_year(tmp_path: Path) -> None:
    rows = [f"{day} 09:30,50,50,50,50,1" for day in ("2026-03-06", "2026-03-09")]
    taken(tmp_path, HEAD, *rows, zone="America/New_York", step_seconds=900)
    starts = open_tape(tmp_path / "tapes", "t").bars("XLF").starts.tolist()
    assert [datetime.fromtimestamp(one, UTC).hour for one in starts] == [14, 13]


def test_days_are_known_at_their_close_and_a_day_without_a_session_is_named(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *DAYS)
    assert made.facts is not None
    tape = open_tape(tmp_path / "tapes", "t")
    assert (tape.step_seconds, tape.last_at) == (86_400, datetime(2026, 11, 17, 21, 0, tzinfo=UTC))
    sunday = taken(tmp_path, HEAD, "2026-11-15,50,51,49,50,100", *DAYS, replace=True)
    assert found(sunday) == [("no session", ("2",), True)]


def test_a_flat_day_without_volume_is_counted_as_halted(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *DAYS, "2026-11-18,50,50,50,50,0")
    assert found(made) == [("halted day", ("4",), False)]


def test_other_names_are_mapped_and_unknown_ones_named_with_the_nearest(tmp_path: Path) -> None:
    head = "Stamp,o,h,l,Close,extra"
    made = taken(tmp_path, head, *GOOD, columns={"time": "Stamp"})
    assert "bars.csv: column not read: 'extra'" in [one.text for one in made.problems]
    with pytest.raises(UsageError, match=r"no column 'Stanp', did you mean Stamp\?"):
        taken(tmp_path, head, *GOOD, columns={"time": "Stanp"}, name="u")
    with pytest.raises(UsageError, match=r"'closing' is no column of ours, did you mean close\?"):
        taken(tmp_path, head, *GOOD, columns={"closing": "Close"}, name="u")
    with pytest.raises(UsageError, match="found no column for time"):
        taken(tmp_path, head, *GOOD, name="u")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: taken(folder, HEAD), "has a header and no rows"),
        (lambda folder: taken(folder, HEAD, "1,2"), r"bars.csv:2: expected 6 cells, got 2"),
        (lambda folder: taken(folder, HEAD, *GOOD, zone="Mars/Base"), "--zone"),
        (lambda folder: taken(folder, HEAD, *GOOD, symbol=""), "add --symbol"),
        (lambda folder: taken(folder, HEAD, *GOOD, name="../x"), "a tape's name has letters"),
        (lambda folder: taken(folder, HEAD, GOOD[0]), "add --step"),
    ],
)
def test_what_cannot_be_read_says_what_to_do(tmp_path: Path, make: Callable[[Path], Imported], words: str) -> None:
    with pytest.raises(BotError, match=words):
        make(tmp_path)
    assert tape_names(tmp_path / "tapes") == ()


def test_a_name_that_is_taken_is_refused_unless_it_is_replaced(tmp_path: Path) -> None:
    taken(tmp_path, HEAD, *GOOD)
    with pytest.raises(UsageError, match="add --replace"):
        taken(tmp_path, HEAD, *GOOD[:2])
    assert taken(tmp_path, HEAD, *GOOD[:2], replace=True).facts is not None
    assert len(open_tape(tmp_path / "tapes", "t").bars("XLF").ends) == 2
    assert [path.name for path in (tmp_path / "tapes").iterdir()] == ["t"]


def test_a_full_disk_keeps_the_former_tape_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken(tmp_path, HEAD, *GOOD)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="the disk is full; nothing was kept"):
        taken(tmp_path, HEAD, *GOOD[:2], replace=True)
    assert len(open_tape(tmp_path / "tapes", "t").bars("XLF").ends) == 3
    assert [path.name for path in (tmp_path / "tapes").iterdir()] == ["t"]


def test_a_file_that_was_changed_afterwards_is_named(tmp_path: Path) -> None:
    made = taken(tmp_path, HEAD, *GOOD)
    assert made.facts is not None
    folder = tmp_path / "tapes" / "t"
    assert changed_files(folder, made.facts) == []
    path = folder / "bars-0000.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    (changed,) = changed_files(folder, made.facts)
    assert changed.startswith("bars-0000.npy: its SHA-256 is ")


def test_splits_and_dividends_come_from_lists_and_lean_factors(tmp_path: Path) -> None:
    findings = Findings()
    listed = a_file(tmp_path, "symbol,day,ratio", "XLF,2026-11-17,2", "XLF,soon,2", name="splits.csv")
    (split,) = read_events(listed, "split", "", findings)
    assert (split.day, split.amount) == (date(2026, 11, 17), D(2))
    assert [(one.what, one.rows) for one in findings.problems()] == [("bad split", ("splits.csv:3",))]
    factors = a_file(tmp_path, "20261116,0.495,0.5,100", "20261117,0.5,0.5,40", "20501231,1,1,0", name="f.csv")
    told = [(one.kind, one.day, one.amount) for one in read_factors(factors, "XLF")]
    assert told[0] == ("dividend", date(2026, 11, 17), D("1.000"))
    assert ("split", date(2026, 11, 18), D(2)) in told


def test_packed_and_columnar_files_read_alike(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    feather, parquet = pytest.importorskip("pyarrow.feather"), pytest.importorskip("pyarrow.parquet")
    packed = tmp_path / "bars.csv.gz"
    packed.write_bytes(gzip.compress("\n".join((HEAD, *GOOD)).encode()))
    cells = [row.split(",") for row in GOOD]
    table = pa.table({
        "time": pa.array([datetime.fromisoformat(one[0]) for one in cells], pa.timestamp("ns", "UTC")),
        **{name: [float(one[part]) for one in cells] for part, name in enumerate(HEAD.split(",")) if part},
    })  # fmt: skip
    parquet.write_table(table, tmp_path / "bars.parquet")
    feather.write_feather(table, str(tmp_path / "bars.feather"))
    hashes = set()
    for name in ("bars.csv.gz", "bars.parquet", "bars.feather"):
        order = Order(tmp_path / "tapes", name, (tmp_path / name,), NOW)
        made = import_bars(order, BarOptions(symbol="XLF", columns={}), (), Findings(), events_given=False)
        assert made.problems == ()
        hashes.add(open_tape(tmp_path / "tapes", name).hash)
    assert len(hashes) == 1


def test_a_chain_shows_as_it_stood_at_its_moment(tmp_path: Path) -> None:
    assert found(chained(tmp_path, *CHAIN)) == []
    market = open_tape(tmp_path / "tapes", "c").market(FillRules(), {})
    request = ChainRequest(
        underlying="XLF", right="put", dte_min=20, dte_max=40, moneyness_min=D("0.9"), moneyness_max=D("1.02")
    )
    at = datetime(2026, 11, 18, 15, 5, tzinfo=UTC)
    (chain,) = market.fetch((request,), at).chains
    assert (chain.at, chain.greeks, chain.size) == (datetime(2026, 11, 18, 15, 0, tzinfo=UTC), "broker", 2)
    low, high = chain.offers()
    assert (low.strike, low.bid, low.ask, low.delta, low.volatility) == (D(48), D("0.5"), D("0.6"), -0.3, 0.21)
    assert (high.strike, high.at) == (D(49), datetime(2026, 11, 18, 14, 59, 30, tzinfo=UTC))
    quotes = market.fetch((QuotesRequest(symbols=("XLF", high.symbol)),), at).quotes
    assert [(one.last, one.bid) for one in quotes] == [(D("50.1"), None), (None, D("0.8"))]
    assert [one.bid for one in market.walk(low.symbol, datetime(2026, 11, 18, 14, 0, tzinfo=UTC), at)] == [D("0.5")]
    before = market.fetch((request,), datetime(2026, 11, 18, 14, 59, tzinfo=UTC))
    assert before.chains == ()
    assert before.errors
    near = ChainRequest(
        underlying="XLF", right="put", dte_min=20, dte_max=29, moneyness_min=D("0.9"), moneyness_max=D("1.02")
    )
    assert market.fetch((near,), at).chains[0].size == 0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("-0.30,0.21,50.1,", ",,50.1,"), ("no greeks", ("3",), False)),
        (("0.50,0.60", ",0.60"), ("one-sided", ("3",), False)),
        (("0.50,0.60", "0.70,0.60"), ("crossed", ("3",), False)),
        (("0.50,0.60", "-0.50,0.60"), ("bad number", ("3",), True)),
        (("put,48", "put,49"), ("duplicate", ("3",), True)),
        (("put,48", "puts,48"), ("bad number", ("3",), True)),
        (("2026-12-18,put,48", "2026-11-17,put,48"), ("expired contract", ("3",), True)),
        (("50.1,", "50.1,2026-11-18T15:00:01Z"), ("look-ahead stamp", ("3",), True)),
        (("2026-11-18T15:00:00Z", "2026-11-18"), ("day without a time", ("3",), True)),
        (("2026-11-18T15:00:00Z", "2026-11-30T15:00:00Z"), ("look-ahead stamp", ("3",), True)),
    ],
)
def test_a_fault_in_a_chain_is_named_with_its_row(
    tmp_path: Path, change: tuple[str, str], expected: tuple[str, tuple[str, ...], bool]
) -> None:
    made = chained(tmp_path, CHAIN[0], CHAIN[1].replace(*change))
    assert expected in found(made)
    assert (made.facts is None) == expected[2]


def test_a_chain_without_a_price_of_its_underlying_takes_it_from_bars_or_is_refused(tmp_path: Path) -> None:
    bare = [row.replace("50.1", "") for row in CHAIN]
    assert [one[0] for one in found(chained(tmp_path, *bare))] == ["no price of the underlying"]
    taken(tmp_path, HEAD, *GOOD)
    order = Order(tmp_path / "tapes", "d", (a_file(tmp_path, CHAIN_HEAD, *bare),), NOW)
    spot = open_tape(tmp_path / "tapes", "t")
    assert import_chains(order, BarOptions(columns={}), Findings(), spot).facts is not None
    both = open_tape(tmp_path / "tapes", "d")
    assert both.kinds == ("bars", "chains")
    request = ChainRequest(
        underlying="XLF", right="put", dte_min=20, dte_max=40, moneyness_min=D("0.9"), moneyness_max=D("0.97")
    )
    at = datetime(2026, 11, 18, 15, 15, tzinfo=UTC)
    (chain,) = both.market(FillRules(), {}).fetch((request,), at).chains
    assert [one.strike for one in chain.offers()] == [D(48)]


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    order = Order(tmp_path, "t", (tmp_path / "no.csv",), NOW)
    with pytest.raises(UsageError, match="there is no file"):
        import_bars(order, BarOptions(symbol="XLF", columns={}), (), Findings(), events_given=False)
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not")
    with pytest.raises(MarketError, match=r"bad\.parquet: cannot be read"):
        import_bars(
            Order(tmp_path, "t", (tmp_path / "bad.parquet",), NOW), BarOptions(symbol="XLF", columns={}), (),
            Findings(), events_given=False,
        )  # fmt: skip
