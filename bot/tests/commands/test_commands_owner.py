"""The owner's words: adopt, close, hold, let-assign, no-roll, pause, halt, resume. No word sends an order by itself."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.store.chain import verify
from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, Done, new_home, typed

DAY = "2026-11-18"


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk that sold one put on EWZ, with 100 GDX and 100 XLF in the account that are not its own."""
    folder = tmp_path_factory.mktemp("pattern")
    new_home(folder)
    live(folder, "12:00", AT)
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account, account:
        account.execute("INSERT INTO holdings VALUES ('GDX', '100', '22')")
        account.execute("INSERT INTO holdings VALUES ('XLF', '100', '37')")
    live(folder, "12:15")
    live(folder, "12:30")
    assert put_of(folder).startswith("EWZ")
    return folder


@pytest.fixture
def folder(pattern: Path, tmp_path: Path) -> Path:
    return copytree(pattern, tmp_path / "desk")


def moment(hour: str) -> str:
    """Give an hour of New York as the moment of that Wednesday."""
    return f"{DAY}T{int(hour[:2]) + 5:02}:{hour[3:]}:00+00:00"


def live(folder: Path, hour: str, at: str = "", *words: str) -> dict[str, Any]:
    """Run a live tick (or another command that ends in one) and give its JSON."""
    done = typed(folder, *(words or ("tick",)), "--at", at or moment(hour), "--json", BOT_MODE="live")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def put_of(folder: Path) -> str:
    with open_for_questions(folder / "data") as ledger:
        return ledger.open_legs()[0].symbol


def lots_of(folder: Path) -> list[tuple[str, str, str | None]]:
    with open_for_questions(folder / "data") as ledger:
        return [(lot.symbol, str(lot.qty), None if lot.basis_tax is None else str(lot.basis_tax))
                for lot in ledger.open_lots()]  # fmt: skip


def refused(done: Done, *words: str) -> None:
    assert done.code == 2, done.err
    assert "Traceback" not in done.err
    for word in words:
        assert word in done.err


def sealed_without_a_fault(folder: Path) -> None:
    with open_for_questions(folder / "data") as ledger:
        assert list(verify(ledger.connection, folder / "data")) == []


# adopt


def test_adopting_takes_all_foreign_shares_with_their_basis(folder: Path) -> None:
    done = typed(folder, "adopt", "gdx", "--basis", "21.5")
    assert done.code == 0, done.err
    assert str(folder / "data") in done.out
    assert lots_of(folder) == [("GDX", "100", "21.5")]
    found = live(folder, "12:45")
    assert found["drift"] == []
    sealed_without_a_fault(folder)


def test_adopting_without_a_basis_says_that_no_call_is_sold(folder: Path) -> None:
    done = typed(folder, "adopt", "XLF")
    assert "no known basis: no call is sold" in done.out
    found = live(folder, "12:45")
    assert [one for one in found["verdicts"] if one["underlying"] == "XLF" and one["approved"]] == []


def test_a_basis_can_be_stated_after_the_shares_were_adopted_without_one(folder: Path) -> None:
    assert typed(folder, "adopt", "GDX").code == 0
    done = typed(folder, "adopt", "GDX", "--basis", "21.5")
    assert done.code == 0, done.err
    assert "the basis is 21.5 a share now" in done.out
    assert lots_of(folder) == [("GDX", "100", "21.5")]
    refused(typed(folder, "adopt", "GDX", "--basis", "22"), "ours already")
    sealed_without_a_fault(folder)


def test_adopting_twice_in_one_moment_makes_two_lots(folder: Path) -> None:
    assert typed(folder, "adopt", "GDX", "--qty", "40", "--basis", "21").code == 0
    assert typed(folder, "adopt", "GDX", "--basis", "23").code == 0
    assert sorted(lots_of(folder)) == [("GDX", "40", "21"), ("GDX", "60", "23")]


def test_adopting_never_takes_what_is_ours_or_not_there(folder: Path) -> None:
    refused(typed(folder, "adopt", "SLV"), "saw no SLV")
    refused(typed(folder, "adopt", "GDX", "--qty", "101"), "100 shares of GDX are foreign")
    refused(typed(folder, "adopt", "GDX", "--qty", "-1"), "--qty", "above zero")
    refused(typed(folder, "adopt", "GDX", "--qty", "many"), "--qty", "'many'")
    refused(typed(folder, "adopt", "GDX", "--basis", "NaN"), "--basis")
    refused(typed(folder, "adopt", put_of(folder)), "1 contract that are ours already")
    assert lots_of(folder) == []
    assert typed(folder, "adopt", "GDX").code == 0
    refused(typed(folder, "adopt", "GDX"), "100 shares that are ours already")


def test_shares_that_may_come_from_an_assignment_are_not_adopted(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account, account:
        account.execute("INSERT INTO holdings VALUES ('EWZ', '100', '29')")
    live(folder, "12:45")
    refused(typed(folder, "adopt", "EWZ"), "EWZ is not settled yet", "assignment pending")
    assert lots_of(folder) == []


def test_adopting_a_short_put_that_a_tick_saw_makes_the_wheel_manage_it(folder: Path) -> None:
    foreign = "XLF261224P00036000"
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account, account:
        account.execute("INSERT INTO holdings VALUES (?, '-1', '3.00')", (foreign,))
    live(folder, "12:45")
    refused(typed(folder, "close", foreign), "is not ours")
    done = typed(folder, "adopt", foreign, "--premium", "3.00")
    assert done.code == 0, done.err
    with open_for_questions(folder / "data") as ledger:
        (leg,) = [one for one in ledger.open_legs() if one.symbol == foreign]
    assert (str(leg.qty), str(leg.credit), leg.owner, leg.strategy) == ("-1", "3.00", "adopted", "wheel")
    found = live(folder, "13:00")
    exits = [(one["purpose"], one["strategy"]) for one in found["verdicts"] if one["symbol"] == foreign]
    assert exits == [("take_profit", "wheel")], "most of three dollars is earned"
    assert found["drift"] == []
    sealed_without_a_fault(folder)


def test_adopting_before_any_tick_asks_for_one(tmp_path: Path) -> None:
    new_home(tmp_path)
    refused(typed(tmp_path, "adopt", "GDX"), "bot tick --dry")


def test_looking_for_foreign_shares_does_not_make_the_accounts_time_pass(folder: Path) -> None:
    # Adopting on Saturday must not keep Wednesday's next tick from running.
    assert typed(folder, "adopt", "GDX").code == 0
    live(folder, "12:45")


# close


def test_closing_shares_cancels_their_stop_first_and_sells_them(folder: Path) -> None:
    typed(folder, "adopt", "GDX", "--basis", "22")
    stop = [order for order in live(folder, "12:45")["orders"] if order["symbol"] == "GDX"]
    assert len(stop) == 1
    found = live(folder, "13:00", "", "close", "GDX")
    sale = [one for one in found["verdicts"] if one["purpose"] == "owner_close"]
    assert [(one["symbol"], one["side"], one["qty"], one["approved"]) for one in sale] == [
        ("GDX", "sell_to_close", "100", True)
    ]
    assert sale[0]["replaces"] == stop[0]["client_order_id"]
    with closing(sqlite3.connect(folder / "data" / "simulator.sqlite")) as account:
        status = dict(account.execute("SELECT client_order_id, status FROM orders"))
    assert status[stop[0]["client_order_id"]] == "canceled"
    for hour in ("13:15", "13:30", "13:45", "14:00"):
        live(folder, hour)
    assert lots_of(folder) == []
    sealed_without_a_fault(folder)


def test_closing_an_option_goes_through_the_wheels_own_exit_and_every_gate(folder: Path) -> None:
    mine = put_of(folder)
    found = live(folder, "12:45", "", "close", mine)
    closes = [one for one in found["verdicts"] if one["purpose"] == "owner_close"]
    assert [(one["strategy"], one["symbol"], one["side"]) for one in closes] == [("wheel", mine, "buy_to_close")]
    assert closes[0]["approved"]
    assert len(closes[0]["checks"]) > 40
    assert [order["symbol"] for order in found["orders"]] == [mine]


def test_a_gate_can_refuse_the_owners_close(folder: Path) -> None:
    desk = folder / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace("exit_orders_per_tick = 12", "exit_orders_per_tick = 0"))
    found = live(folder, "12:45", "", "close", put_of(folder))
    closes = [one for one in found["verdicts"] if one["purpose"] == "owner_close"]
    assert [one["approved"] for one in closes] == [False]
    assert [check["limit"] for check in closes[0]["checks"] if not check["ok"]] == ["0"]
    assert found["orders"] == []


def test_a_stop_holds_the_owners_close_as_well(folder: Path) -> None:
    assert typed(folder, "adopt", "GDX", "--basis", "22").code == 0
    assert typed(folder, "halt", "stop", "--reason", "a test").code == 0
    for what in ("GDX", put_of(folder)):
        found = live(folder, "12:45", "", "close", what)
        told = [one["reason"] for one in found["verdicts"]] + [note["reason"] for note in found["notes"]]
        assert any("halt stop" in reason for reason in told)
        assert found["orders"] == []


def test_a_dry_close_sends_nothing_and_says_that_the_word_stands(folder: Path) -> None:
    mine = put_of(folder)
    done = typed(folder, "close", mine, "--dry", "--at", moment("12:45"), BOT_MODE="live")
    assert done.code == 0, done.err
    assert f"the word `close {mine}` stands" in done.out
    found = live(folder, "13:00")
    assert [order["symbol"] for order in found["orders"] if order["symbol"] == mine] == [mine]


def test_the_newest_word_takes_an_earlier_close_back(folder: Path) -> None:
    mine = put_of(folder)
    assert typed(folder, "close", mine, "--dry", "--at", moment("12:45")).code == 0
    assert typed(folder, "hold", mine).code == 0
    found = live(folder, "13:00")
    assert [order for order in found["orders"] if order["symbol"] == mine] == []


@pytest.mark.parametrize("command", ["close", "hold", "let-assign", "no-roll"])
@pytest.mark.parametrize(
    ("what", "says"),
    [("SLV", "is not ours"), ("XLF261399P00050000", "expected an option series"), ("x y", "expected an option series")],
)
def test_a_word_on_what_is_not_ours_is_refused(folder: Path, command: str, what: str, says: str) -> None:
    done = typed(folder, command, what)
    refused(done, says)


@pytest.mark.parametrize(("command", "word"), [("hold", "hold"), ("let-assign", "let assign"), ("no-roll", "no roll")])
def test_a_word_on_a_contract_is_kept_for_the_next_tick(folder: Path, command: str, word: str) -> None:
    mine = put_of(folder)
    done = typed(folder, command, mine.lower())
    assert done.code == 0, done.err
    assert f"{mine}: {word} stands" in done.out
    assert str(folder / "data") in done.out
    live(folder, "12:45")
    with closing(sqlite3.connect(folder / "data" / "ledger.sqlite")) as ledger:
        kept = ledger.execute("SELECT contract, word FROM instructions").fetchall()
    assert kept == [(mine, command.replace("-", "_"))]
    sealed_without_a_fault(folder)


# pause


def test_a_pause_refuses_entries_and_names_its_end(tmp_path: Path) -> None:
    new_home(tmp_path)
    done = typed(tmp_path, "pause", "*", "--until", "2026-12-01", "--reason", "holidays")
    assert done.code == 0, done.err
    assert "until 2026-12-02 00:00 New York" in done.out
    assert str(tmp_path / "data") in done.out
    found = live(tmp_path, "12:00")
    assert found["orders"] == []
    told = [note["reason"] for note in found["notes"]] + [one["reason"] for one in found["verdicts"]]
    assert told
    assert all("pause" in reason for reason in told)


@pytest.mark.parametrize(
    ("symbol", "until", "says"),
    [
        ("SLV", "2026-12-01", "not in this desk's universe (EWZ, XLF)"),
        ("XLF", "2026-11-18", "is over"),
        ("XLF", "tomorrow", "YYYY-MM-DD"),
        ("XLF", "2026-12-01T12:00:00", "needs a zone"),
    ],
)
def test_a_pause_that_makes_no_sense_is_refused(folder: Path, symbol: str, until: str, says: str) -> None:
    refused(typed(folder, "pause", symbol, "--until", until), says)


# halt


@pytest.mark.parametrize("level", ["no_new_risk", "reduce_only", "stop"])
def test_a_halt_holds_entries_until_it_is_lifted(tmp_path: Path, level: str) -> None:
    new_home(tmp_path)
    done = typed(tmp_path, "halt", level, "--reason", "a test")
    assert done.code == 0, done.err
    assert f"halt level is {level}: a test" in done.out
    assert str(tmp_path / "data") in done.out
    found = live(tmp_path, "12:00")
    assert found["tick"]["halt"] == level
    assert found["orders"] == []
    assert typed(tmp_path, "resume").code == 0
    found = live(tmp_path, "12:15")
    assert found["tick"]["halt"] == "run"
    assert len(found["orders"]) == 1
    sealed_without_a_fault(tmp_path)


def test_a_halt_is_never_weakened_by_setting_a_lower_one(tmp_path: Path) -> None:
    new_home(tmp_path)
    assert typed(tmp_path, "halt", "stop", "--reason", "first").code == 0
    refused(typed(tmp_path, "halt", "no_new_risk", "--reason", "second"), "no_new_risk is weaker", "`bot resume`")
    assert typed(tmp_path, "resume").code == 0
    assert typed(tmp_path, "halt", "no_new_risk", "--reason", "second").code == 0


def test_resuming_a_symbol_lifts_its_pause_and_leaves_the_halt(tmp_path: Path) -> None:
    new_home(tmp_path)
    assert typed(tmp_path, "pause", "XLF", "--until", "2027-01-01").code == 0
    assert typed(tmp_path, "halt", "no_new_risk", "--reason", "away").code == 0
    done = typed(tmp_path, "resume", "xlf")
    assert "XLF: the pause is lifted" in done.out
    assert "no pause was in force" in typed(tmp_path, "resume", "XLF").out
    assert live(tmp_path, "12:00")["tick"]["halt"] == "no_new_risk"


def test_a_halt_of_an_unknown_level_is_refused(folder: Path) -> None:
    refused(typed(folder, "halt", "panic", "--reason", "x"), "no_new_risk, reduce_only or stop", "'panic'")


def test_a_halt_needs_a_reason(folder: Path) -> None:
    refused(typed(folder, "halt", "stop"), "--reason")


def test_a_new_peak_is_a_word_of_its_own(folder: Path) -> None:
    """A drawdown that clears by itself stays with a plain resume: it would start a new peak without being asked."""
    said = "no fall from the peak has tripped: the peak stays"
    assert said not in typed(folder, "resume").out
    assert said in typed(folder, "resume", "--new-peak").out
    ledger = folder / "data" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute(
            "UPDATE trips SET tripped_at = '2026-11-18T16:00:00.000000Z', cleared_at = NULL, value = '0.13'"
            " WHERE name = 'drawdown_no_new_risk'"
        )
    plain = typed(folder, "resume").out
    assert "still tripped, no_new_risk: drawdown_no_new_risk 13.00%" in plain
    told = typed(folder, "resume", "--new-peak").out
    assert "cleared: drawdown_no_new_risk 13.00%, limit 12.00%; the peak starts anew from here" in told
    assert "still tripped" not in told
