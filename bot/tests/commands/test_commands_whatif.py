"""`bot whatif`: planted differences come out with their dollars, and what was never recorded is no answer."""

from __future__ import annotations

import json
import sqlite3
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bot.commands.whatif import Found, changes_told
from bot.domain.instruments import parse_option
from bot.domain.orders import OrderIntent
from bot.domain.snapshot import Snapshot
from bot.report.whatif_text import WhatIfReport, whatif_lines
from bot.research.whatif import Change, Kind
from bot.research.whatif_money import Seen, quote_in, symbols_of
from bot.store.snapshots import load_snapshot
from bot.tests.builders import NOON, an_intent, put
from bot.tests.commands.typed import Done, typed
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from

SESSIONS = 45


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with nine weeks on record."""
    made = tmp_path_factory.mktemp("record") / "home"
    house = make_house(made, choice_of("balanced", 25_000), 5)
    sessions = sessions_from(date(2026, 3, 2), SESSIONS)
    with run_in(house) as run:
        run.journal.keep_config(house.hash, house.desk_text, house.settings_json, sessions[0].open_at)
        run_through(run, moments_in(sessions))
    return made


def asked(home: Path, *sets: str, more: tuple[str, ...] = ("--all",)) -> Done:
    words = [word for one in sets for word in ("--set", one)]
    return typed(home.parent, "whatif", *words, *more, BOT_HOME=str(home))


def answer(home: Path, *sets: str) -> dict[str, Any]:
    done = asked(home, *sets, more=("--all", "--json"))
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def rows(home: Path, query: str) -> list[Any]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        found = ledger.execute(query).fetchall()
    ledger.close()
    return found


def snapshots(home: Path) -> list[tuple[int, Snapshot]]:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        found = [
            (number, load_snapshot(ledger, home, name))
            for number, name in ledger.execute("SELECT id, snapshot_hash FROM ticks ORDER BY id")
        ]
    ledger.close()
    return found


def test_a_value_that_stands_there_already_changes_nothing(home: Path) -> None:
    done = asked(home, "strategies.wheel.put_delta_target=0.25")
    assert done.code == 0
    assert "Nothing would have been decided otherwise" in done.out
    assert f"{4 * SESSIONS:,}  answered in full" in done.out


def test_a_wheel_that_is_off_loses_every_order_of_the_record(home: Path) -> None:
    found = answer(home, "strategies.wheel.enabled=false")
    ((approved,),) = rows(home, "SELECT count(*) FROM order_intents WHERE approved = 1 AND strategy = 'wheel'")
    assert approved > 10
    assert (found["vanish"], found["appear"], found["change"]) == (approved, 0, 0)
    assert found["full"] == found["asked"] == 4 * SESSIONS


def test_the_dollars_of_one_vanished_put_are_those_worked_out_by_hand(home: Path) -> None:
    found = answer(home, "strategies.wheel.enabled=false")
    record = snapshots(home)
    line = next(
        one for one in found["lines"]
        if one["how"] == "recorded" and one["purpose"] == "cash_secured_put" and " at expiry" in one["words"]
    )  # fmt: skip
    _, qty, symbol, *_ = line["was"].split()
    contract = parse_option(symbol)
    day = next(one.session.day for number, one in record if number == line["tick"])
    fill = next(
        quote for number, one in record
        if number > line["tick"] and one.session.day == day and (quote := quote_in(one, symbol)) is not None
    )  # fmt: skip
    spot = [one.spot(contract.root) for _, one in record if one.session.day == contract.expiry][-1]
    assert spot is not None
    assert fill.bid is not None
    assert fill.mid is not None
    owed = max(contract.strike - spot, Decimal(0))
    size = Decimal(qty) * 100
    assert Decimal(line["far"]) == (-(fill.bid - owed) * size).quantize(Decimal("0.01"))
    assert Decimal(line["mid"]) == (-(fill.mid - owed) * size).quantize(Decimal("0.01"))


def test_money_is_the_sum_of_what_is_counted(home: Path) -> None:
    found = answer(home, "strategies.wheel.put_delta_target=0.2")
    assert found["change"] + found["appear"] > 0
    counted = [one for one in found["lines"] if one["counted"]]
    together = next(one for one in found["money"] if one["kind"] == "together")
    assert Decimal(together["far"]) == sum(Decimal(one["far"]) for one in counted)
    assert together["recorded"] + together["modelled"] + together["not_valued"] == len(counted)
    assert found["repeats"] == len(found["lines"]) - len(counted)


def test_what_was_never_recorded_is_unanswerable_and_never_no_intent(home: Path) -> None:
    found = answer(home, "strategies.wheel.put_dte_max=60")
    assert found["part"] > 0
    assert found["full"] + found["part"] == found["asked"]
    # Every put of the record went out in a tick whose chains were too narrow for the wider window.
    ((puts,),) = rows(
        home,
        "SELECT count(*) FROM order_intents WHERE approved = 1 AND purpose = 'cash_secured_put'"
        " AND json_extract(details_json, '$.replaces') = ''",
    )
    assert found["unknown_orders"] >= puts > 0
    assert (found["appear"], found["vanish"], found["change"]) == (0, 0, 0)
    silent = {one["symbol"] for one in found["unanswerable"]}
    assert silent
    assert all("25-60 days" in one["what"] for one in found["unanswerable"])
    text = asked(home, "strategies.wheel.put_dte_max=60").out
    assert "unanswerable for the lack of the put chain" in " ".join(text.split())


def test_a_closed_gate_refuses_what_went_out(home: Path) -> None:
    done = asked(home, "limits.equity_min=900000")
    assert "equity_is_enough" in done.out
    found = answer(home, "limits.equity_min=900000")
    entries = rows(
        home,
        "SELECT count(*) FROM order_intents WHERE approved = 1 AND purpose IN ('cash_secured_put', 'covered_call')",
    )
    assert 0 < found["vanish"] <= entries[0][0]
    flip = next(one for one in found["flips"] if one["gate"] == "equity_is_enough")
    assert flip["refuses"] >= found["vanish"]


@pytest.mark.parametrize(
    ("word", "code", "told"),
    [
        ("limits.put_series_totl=1", 2, "did you mean limits.put_series_total?"),
        ("limit.put_series_total=1", 2, "did you mean limits.put_series_total?"),
        ("strategies.wheel.put_delta_target=25", 78, "did you mean 0.25?"),
        ("strategies.wheel.overrides.SPX.put_dte_max=50", 78, "SPX is not in strategies.wheel.symbols"),
        ("limits.group_share", 2, "KEY=VALUE"),
        ("=3", 2, "KEY=VALUE"),
    ],
)
def test_a_key_or_value_that_is_none_is_refused_as_the_file_would_be(
    home: Path, word: str, code: int, told: str
) -> None:
    done = asked(home, word)
    assert (done.code, done.out) == (code, "")
    assert told in done.err
    assert typed(home.parent, "whatif", BOT_HOME=str(home)).code == 2


def test_an_order_that_would_still_be_held_is_counted_once() -> None:
    monday, friday = date(2026, 11, 16), date(2026, 11, 20)
    sold = an_intent(put("XLF", friday, "50"))
    shares = an_intent("XLF", "buy_to_open", purpose="open")

    def found(day: date, kind: Kind, intent: OrderIntent) -> Found:
        was, now = (None, intent) if kind == "appears" else (intent, None)
        return Found(1, NOON, day, Change(kind, was, now))

    def counted(kind: Kind, intent: OrderIntent, *days: date) -> list[bool]:
        told = changes_told([found(day, kind, intent) for day in days], Seen(symbols_of(intent)))
        return [one.counted for one in told]

    days = (monday, monday, friday, friday + timedelta(days=3), friday + timedelta(days=3))
    assert counted("appears", sold, *days) == [True, False, False, True, True]  # by then it has expired
    assert counted("appears", shares, *days) == [True, False, False, False, False]
    assert counted("vanishes", shares, *days) == [True, False, True, True, False]


def test_an_empty_time_says_so(home: Path) -> None:
    done = asked(home, "strategies.wheel.enabled=false", more=("--since", "2040-01-01"))
    assert "there is nothing to ask" in done.out
    empty = WhatIfReport(
        home="h", asked_words="w", sets=(), first_at=None, last_at=None, asked=0, full=0, part=0, left_out={},
        by_code=0, unanswerable=(), unknown_orders=0, appear=0, vanish=0, change=0, repeats=0, refused=0, lines=(),
        flips=(), money=(), seconds=0.0,
    )  # fmt: skip
    assert whatif_lines(empty)[-1].endswith("nothing to ask")
