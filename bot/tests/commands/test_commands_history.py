"""`bot import-history` and `bot adopt` over a real simulated account: the past comes out as the ledger knew it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import pytest

from bot.commands.adopting import Typed
from bot.commands.history import READINGS, read_whole
from bot.domain.errors import TryLater
from bot.domain.sessions import next_session
from bot.engine.valuation import cycle_result
from bot.store.chain import verify
from bot.store.queries import open_for_questions
from bot.tests.builders import D, an_account
from bot.tests.commands.typed import Done, typed
from bot.tests.engine.hands import HandBroker
from bot.tests.world.runs import (
    FOUR_A_DAY,
    SOME_DAY,
    choice_of,
    make_house,
    moments_in,
    run_in,
    run_through,
    sessions_from,
)

SESSIONS = 60
LAST = sessions_from(SOME_DAY, SESSIONS)[-1]
AFTER = LAST.close_at + timedelta(hours=1)
SEED = 4


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a balanced desk traded for sixty sessions."""
    home = tmp_path_factory.mktemp("lived") / "home"
    with run_in(make_house(home, choice_of("balanced", 100_000), SEED)) as run:
        run_through(run, moments_in(sessions_from(SOME_DAY, SESSIONS)))
    return home


@pytest.fixture
def folder(lived: Path, tmp_path: Path) -> Path:
    """The same account, its ledger unknown: a new home with a desk and a copy of the account."""
    home = tmp_path / "data"
    home.mkdir()
    for path in lived.iterdir():
        if path.name == "desk.toml" or path.name.startswith("simulator.sqlite"):
            copy(path, home)
    return tmp_path


def say(folder: Path, *words: str, **variables: str) -> Done:
    done = typed(folder, *words, now=AFTER, BOT_HOME=str(folder / "data"), **variables)
    assert done.code == 0, done.err
    return done


def told(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(say(folder, "import-history", *words, "--json").out)
    return found


def results(home: Path) -> dict[str, tuple[Any, ...]]:
    """Give every closed cycle with its money, days of capital and return."""
    with open_for_questions(home) as ledger:
        found = {}
        for closed in ledger.closed_cycles(limit=1000):
            one = closed.cycle
            outcome = cycle_result(one)
            found[one.id] = (
                one.symbol, closed.pnl, one.option_cash, one.share_cash, one.dividends, one.fees, one.capital_days,
                one.legs, one.assignments, one.opened_at, one.closed_at, outcome.annualised_fraction,
            )  # fmt: skip
        return found


def sealed_without_a_fault(home: Path) -> None:
    with open_for_questions(home) as ledger:
        assert list(verify(ledger.connection, home)) == []


def test_every_cycle_comes_out_as_the_ledger_knew_it_to_the_cent(lived: Path, folder: Path) -> None:
    found = told(folder)
    known = results(lived)
    assert len(known) >= 20
    assert results(folder / "data") == known
    assert found["gaps"] == []
    assert found["cash_explained"] == found["cash_broker"]
    assert sum(D(row["pnl"]) for row in found["cycles"]) == sum(row[1] for row in known.values())
    sealed_without_a_fault(folder / "data")


def test_income_by_day_and_kind_is_what_the_ticks_had_booked(lived: Path, folder: Path) -> None:
    say(folder, "import-history")
    query = "SELECT day, symbol, kind, income, tax_income, count FROM income_daily ORDER BY day, symbol, kind"
    imported: list[tuple[Any, ...]] = []
    booked: list[tuple[Any, ...]] = []
    for home, rows in ((folder / "data", imported), (lived, booked)):
        with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger:
            rows += [(*row[:3], D(row[3]), D(row[4]), row[5]) for row in ledger.execute(query)]
    assert imported == booked


def test_what_was_adopted_of_the_past_goes_on_as_if_it_had_always_been_ours(lived: Path, folder: Path) -> None:
    """The same account traded on by both desks: one that always was, one that imported and adopted."""
    say(folder, "import-history")
    done = say(folder, "adopt", "--all")
    assert "not adopted" not in done.out
    with open_for_questions(lived) as ledger:
        lots, legs, cycles = ledger.open_lots(), ledger.open_legs(), ledger.open_cycles()
    assert legs
    with open_for_questions(folder / "data") as ledger:
        facts = [(lot.symbol, lot.qty, lot.basis_strike, lot.basis_tax, lot.basis_wheel) for lot in ledger.open_lots()]
        assert sorted(facts) == sorted(
            (lot.symbol, lot.qty, lot.basis_strike, lot.basis_tax, lot.basis_wheel) for lot in lots
        )
        found = ledger.open_legs()
        assert {(leg.symbol, leg.qty, leg.credit, leg.fees, leg.strategy) for leg in found} == {
            (leg.symbol, leg.qty, leg.credit, leg.fees, "wheel") for leg in legs
        }
        assert {one.id for one in ledger.open_cycles()} == {one.id for one in cycles}
        assert {leg.owner for leg in found} == {"adopted"}
    following = next_session(LAST.day)
    tick = json.loads(say(folder, "tick", "--at", (following.open_at + FOUR_A_DAY[1]).isoformat(), "--json").out)
    assert tick["drift"] == []
    assert tick["foreign"] == []
    sealed_without_a_fault(folder / "data")


def test_an_adopted_put_is_closed_by_the_wheel_and_its_cycle_ends_with_its_whole_result(folder: Path) -> None:
    say(folder, "import-history")
    say(folder, "adopt", "--all")
    with open_for_questions(folder / "data") as ledger:
        cycles = {one.id: one for one in ledger.open_cycles()}
        puts = [leg for leg in ledger.open_legs() if leg.right == "put"]
    assert puts
    day = LAST.day
    for _ in range(25):
        session = next_session(day)
        day = session.day
        for offset in FOUR_A_DAY[1:3]:
            at = (session.open_at + offset).isoformat()
            done = typed(
                folder, "tick", "--at", at, "--json", now=AFTER, BOT_HOME=str(folder / "data"), BOT_MODE="live"
            )
            assert done.code == 0, done.err
        with open_for_questions(folder / "data") as ledger:
            ended = [one for one in ledger.closed_cycles(limit=1000) if one.cycle.id in cycles]
        if ended:
            break
    (first, *_) = ended
    assert first.pnl == cycle_result(first.cycle).pnl
    assert first.cycle.strategy == "wheel"
    assert first.cycle.opened_at == cycles[first.cycle.id].opened_at
    assert first.cycle.capital_days > cycles[first.cycle.id].capital_days
    sealed_without_a_fault(folder / "data")


def test_importing_trades_nothing_and_leaves_everything_foreign(folder: Path) -> None:
    say(folder, "import-history")
    following = next_session(LAST.day)
    at = (following.open_at + FOUR_A_DAY[1]).isoformat()
    tick = json.loads(say(folder, "tick", "--dry", "--at", at, "--json").out)
    assert len(tick["foreign"]) >= 3
    assert all(one["command"] == f"bot adopt {one['symbol']}" for one in tick["foreign"])
    assert tick["drift"] == []
    with open_for_questions(folder / "data") as ledger:
        assert (ledger.open_lots(), ledger.open_legs(), ledger.open_cycles()) == ((), (), ())


def test_importing_twice_says_nothing_new_and_a_dry_one_keeps_nothing(folder: Path) -> None:
    dry = say(folder, "import-history", "--dry")
    assert "--dry only looks" in dry.out
    assert "import 1:" in say(folder, "import-history").out
    assert "nothing new" in say(folder, "import-history").out
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        assert ledger.execute("SELECT count(*) FROM imports").fetchone() == (1,)


def test_importing_does_not_make_a_simulated_accounts_time_pass(folder: Path) -> None:
    account = folder / "data" / "simulator.sqlite"
    with closing(sqlite3.connect(account)) as before:
        lived_to = before.execute("SELECT seen_at FROM account").fetchone()
    say(folder, "import-history")
    with closing(sqlite3.connect(account)) as after:
        assert after.execute("SELECT seen_at FROM account").fetchone() == lived_to


def test_an_import_after_dry_ticks_brings_the_same_cycles_and_counts_nothing_twice(lived: Path, folder: Path) -> None:
    session = next_session(LAST.day)
    say(folder, "tick", "--dry", "--at", (session.open_at + FOUR_A_DAY[1]).isoformat())
    say(folder, "import-history")
    assert results(folder / "data") == results(lived)
    following = next_session(session.day)
    tick = json.loads(
        say(folder, "tick", "--dry", "--at", (following.open_at + FOUR_A_DAY[1]).isoformat(), "--json").out
    )
    assert tick["drift"] == []
    assert "nothing new" in say(folder, "import-history").out or "import 2:" in say(folder, "import-history").out
    sealed_without_a_fault(folder / "data")


def test_the_picture_tells_cycles_bases_gaps_and_refusals(folder: Path) -> None:
    out = say(folder, "import-history").out
    for words in (
        "SIMULATED MONEY", "CYCLES CLOSED (", "a year", "OPEN, AND EXPLAINED BY THE LINES", "sold at",
        "WHAT THE LINES DO NOT EXPLAIN", "positions agree, and cash to the cent", "WHAT THIS DESK'S LIMITS",
        "cannot be asked of the past", str(folder / "data"), "bot adopt --all",
    ):  # fmt: skip
        assert words in out, words
    assert max(map(len, out.splitlines())) <= max(100, len(str(folder)) + 20)


def test_this_desks_own_limits_refuse_next_to_nothing_of_what_it_did_itself(folder: Path) -> None:
    found = told(folder)
    assert found["entries"] >= 20
    assert found["entries_refused"] == 0


def test_a_home_that_has_traded_refuses_the_import(lived: Path, tmp_path: Path) -> None:
    copytree(lived, tmp_path / "data")
    done = typed(tmp_path, "import-history", now=AFTER, BOT_HOME=str(tmp_path / "data"))
    assert done.code == 2
    assert "fills of this desk's own orders" in done.err
    assert f"BOT_HOME={tmp_path / 'data'}-history" in done.err


def test_an_account_that_does_not_exist_yet_has_no_past(folder: Path) -> None:
    for path in (folder / "data").glob("simulator.sqlite*"):
        path.unlink()
    done = typed(folder, "import-history", now=AFTER, BOT_HOME=str(folder / "data"))
    assert done.code == 2
    assert "no past: `bot tick` begins one" in done.err


# adopt


def refused(folder: Path, *words: str, says: str) -> None:
    done = typed(folder, *words, now=AFTER, BOT_HOME=str(folder / "data"))
    assert done.code == 2, done.out
    assert says in done.err
    assert "Traceback" not in done.err


def open_put(folder: Path) -> str:
    found = told(folder)
    symbol: str = next(row["symbol"] for row in found["options"] if row["symbol"][-9] == "P")
    return symbol


def test_one_short_put_of_the_past_is_taken_over_with_its_credit_and_its_cycle(folder: Path) -> None:
    symbol = open_put(folder)
    out = say(folder, "adopt", symbol.lower()).out
    assert f"{symbol}: 1 short are ours now, sold at" in out
    assert "by the account's own history" in out
    with open_for_questions(folder / "data") as ledger:
        (leg,) = ledger.open_legs()
        assert leg.credit is not None
        assert [one.id for one in ledger.open_cycles()] == ([leg.cycle] if leg.cycle else [])
    refused(folder, "adopt", symbol, says="ours already")
    sealed_without_a_fault(folder / "data")


def test_the_owners_premium_goes_before_the_past(folder: Path) -> None:
    symbol = open_put(folder)
    say(folder, "adopt", symbol, "--premium", "1.11")
    with open_for_questions(folder / "data") as ledger:
        assert [leg.credit for leg in ledger.open_legs()] == [D("1.11")]


def test_words_of_adopt_that_do_not_fit_are_refused(folder: Path) -> None:
    refused(folder, "adopt", says="name a position")
    refused(folder, "adopt", "XLF", "--all", says="not both")
    refused(folder, "adopt", "--all", says="`bot import-history` rebuilds it")
    symbol = open_put(folder)
    refused(folder, "adopt", "--all", "--qty", "1", says="it takes no numbers")
    refused(folder, "adopt", symbol, "--basis", "40", says="--premium")
    refused(folder, "adopt", symbol, "--qty", "many", says="'many'")
    refused(folder, "adopt", "x y", says="share symbol")


def test_a_past_that_is_out_of_date_is_imported_again_first(folder: Path) -> None:
    """The owner closes a put by hand after the import: its history no longer says what is open."""
    say(folder, "import-history")
    symbol = open_put(folder)
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE imports SET tick_id = NULL")
    session = next_session(LAST.day)
    say(folder, "tick", "--dry", "--at", (session.open_at + FOUR_A_DAY[1]).isoformat())
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger, ledger:
        ledger.execute(
            "INSERT INTO activities VALUES ('by-hand', 'FILL', ?, 1, 't', '2026-06-01', '1', '1', '0', '', '', '', '')",
            (symbol,),
        )
    refused(folder, "adopt", symbol, says="has moved since its past was imported")
    assert "sold at 0.99" in say(folder, "adopt", symbol, "--premium", "0.99").out


def test_typed_numbers_are_read_with_the_name_of_their_option() -> None:
    assert Typed(qty="2", premium="0.55").read().premium == D("0.55")


# Reading


class Moving(HandBroker):
    """An account whose cash changes at every reading until it comes to rest."""

    def __init__(self, rest_after: int) -> None:
        super().__init__()
        self.left = rest_after

    def read_account(self) -> Any:
        self.left -= 1
        return an_account(str(25_000 + max(self.left, 0)))


def test_an_account_that_moves_while_it_is_read_is_read_again() -> None:
    account, positions, activities = read_whole(Moving(3))
    assert (account.cash, positions, activities) == (D(25_000), (), ())


def test_an_account_that_never_rests_is_left_for_later() -> None:
    with pytest.raises(TryLater, match="nothing was kept"):
        read_whole(Moving(READINGS + 5))
