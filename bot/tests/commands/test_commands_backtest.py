"""`bot backtest` as a person types it: what it says, keeps and refuses; runs beside each other; grids."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli_backtest import backtest_app
from bot.commands.backtest_choice import STEPS, Choice
from bot.commands.backtest_data import fill_rules
from bot.commands.backtest_words import rules_words, step_words
from bot.commands.backtesting import backtest
from bot.commands.comparing import differences
from bot.commands.sweeping import grid
from bot.domain.errors import BrokerUnreachable, UsageError
from bot.domain.sessions import session_on
from bot.engine.tick import tick
from bot.research import running
from bot.store.database import LEDGER_NAME
from bot.store.lock import home_lock
from bot.tests.commands.typed import SATURDAY, Done, new_home, typed
from bot.tests.research.test_research_statistics import a_run, point

WEEK = ("--from", "2026-11-16", "--to", "2026-11-18")


def threads() -> Executor:
    """Give an executor as an owner's own module would."""
    return ThreadPoolExecutor(1)


def no_executor() -> str:
    """Give what is none."""
    return "none"


def rows(home: Path, table: str = "backtests") -> int:
    with closing(sqlite3.connect(home / LEDGER_NAME)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a desk with a ledger."""
    folder = tmp_path_factory.mktemp("backtests")
    new_home(folder, "--equity", "40000")
    assert typed(folder, "tick", "--dry", "--at", "session").code == 0
    return folder


@pytest.fixture(scope="module")
def kept(desk: Path) -> Iterator[Done]:
    """Give the folder's first run, with both tear sheets, made while another program holds the home."""
    with home_lock(desk / "data", "bot tick", SATURDAY):
        yield typed(desk, "backtest", *WEEK, "--html", "sheet.html", "--png", "sheet.png")


def test_a_run_says_what_was_modelled_and_that_the_books_agree(desk: Path, kept: Done) -> None:
    assert kept.code == 0, kept.err
    assert "MODELLED: every price and option is made" in kept.out
    assert "our books and the account agree to the cent" in kept.out
    assert "a second)" in kept.out
    assert "kept as backtest 1" in kept.out
    assert "Ctrl-C ends it and keeps nothing" in kept.err
    assert (desk / "sheet.html").read_text().startswith("<!doctype html>")
    assert (desk / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert rows(desk / "data", "ticks") == 1, "a backtest leaves no tick"
    assert rows(desk / "data", "trials") == 1


def test_a_kept_run_is_shown_again_word_for_word(desk: Path, kept: Done) -> None:
    shown = typed(desk, "backtest", "show", "1")
    assert shown.code == 0
    assert shown.out.strip() in kept.out
    listed = json.loads(typed(desk, "backtest", "list", "--json").out)["backtests"]
    assert [one["backtest"] for one in listed] == [1]
    assert listed[0]["name"] == "synthetic, seed 1"
    assert "synthetic, seed 1" in typed(desk, "backtest", "list").out
    missing = typed(desk, "backtest", "show", "99")
    assert missing.code == 2
    assert "the newest is" in missing.err


def test_json_has_the_figures_and_nothing_beside_them(desk: Path, kept: Done) -> None:
    done = typed(desk, "backtest", *WEEK, "--step", "1day", "--equity", "50000", "--json")
    found = json.loads(done.out)
    assert found["equity_start"] == "50000"
    assert found["ticks"] == 3
    assert found["statistics"]["periods"] == 2
    assert found["cash_account"] == found["cash_books"]
    assert found["stage_milliseconds_per_tick"].keys() >= {"observe", "decide", "execute"}
    assert found["backtest"] > 1


def test_two_runs_beside_each_other_say_first_what_differs(desk: Path, kept: Done) -> None:
    other = json.loads(typed(desk, "backtest", *WEEK, "--seed", "7", "--set", "limits.symbol_share=0.2", "--json").out)[
        "backtest"
    ]
    done = typed(desk, "backtest", "compare", "1", str(other), "--png", "both.png")
    assert done.code == 0, done.err
    assert done.out.index("limits.symbol_share: ") < done.out.index("return")
    assert "code: the same" in done.out
    assert "seed: 1  |  7" in done.out
    assert (desk / "both.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(typed(desk, "backtest", "compare", "1", str(other), "--json").out)
    assert found["differs"]["configuration"].keys() == {"limits.symbol_share", "simulator.seed"}
    assert typed(desk, "backtest", "compare", "1", "1").code == 2


def test_a_grid_runs_every_point_and_counts_every_trial(desk: Path, kept: Done) -> None:
    before = rows(desk / "data", "trials")
    words = ("--sweep", "limits.symbol_share=0.2,0.25", "--sweep", "limits.contracts_per_tick=1,2")
    done = typed(desk, "backtest", *WEEK, "--step", "1day", *words, "--executor", f"{__name__}:threads", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert len(found["runs"]) == 4
    assert len({tuple(one["set"]) for one in found["runs"]}) == 4
    assert rows(desk / "data", "trials") == before + 4
    assert found["luck"]["trials"] >= 4
    ranks = [one["statistics"]["sharpe"] for one in found["runs"]]
    known = [one for one in ranks if one is not None]
    assert known == sorted(known, reverse=True)


def test_a_grid_over_processes_comes_to_what_one_process_does(desk: Path, kept: Done) -> None:
    words = ("backtest", *WEEK, "--step", "1day", "--sweep", "limits.symbol_share=0.21,0.26", "--json")
    apart, here = typed(desk, *words), typed(desk, *words, "--executor", f"{__name__}:threads")
    digests = [sorted(one["digest"] for one in json.loads(done.out)["runs"]) for done in (apart, here)]
    assert digests[0] == digests[1]
    table = typed(desk, *words[:-1], "--executor", f"{__name__}:threads")
    assert "best Sharpe ratio first" in table.out
    assert "symbol_share" in table.out


def test_ctrl_c_leaves_nothing(desk: Path, kept: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    before = rows(desk / "data"), rows(desk / "data", "trials")
    left = [40]

    def until(*words: Any) -> Any:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return tick(*words)

    monkeypatch.setattr(running, "tick", until)
    done = typed(desk, "backtest", *WEEK, "--html", "never.html")
    assert done.code == 130
    assert (rows(desk / "data"), rows(desk / "data", "trials")) == before
    assert not (desk / "never.html").exists()


def test_a_market_that_gives_out_ends_the_run_with_its_moment(
    desk: Path, kept: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*words: Any) -> Any:
        raise BrokerUnreachable("no price to follow")

    before = rows(desk / "data")
    monkeypatch.setattr(running, "tick", refuses)
    done = typed(desk, "backtest", *WEEK)
    assert done.code == 1
    assert "synthetic at 2026-11-16 14:30 UTC: no price to follow; the run ended there" in done.err
    assert rows(desk / "data") == before


def test_without_a_ledger_the_run_is_shown_and_the_owner_told(tmp_path: Path) -> None:
    new_home(tmp_path)
    done = typed(tmp_path, "backtest", "--days", "1")
    assert done.code == 0
    assert "not kept: " in done.out
    assert "run `bot tick --dry` once" in done.out
    assert not (tmp_path / "data" / LEDGER_NAME).exists()
    assert typed(tmp_path, "backtest", "list").code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "limits.symbol_shar=1"), "did you mean limits.symbol_share?"),
        (("--set", "symbol_share=1"), "did you mean limits.symbol_share?"),
        (("--set", "limits.symbol_share"), "takes KEY=VALUE"),
        (("--set", "limits.symbol_share=25"), "did you mean 0.25?"),
        (("--step", "2hour"), "expected one of 1min, 5min, 15min, 1hour, 1day"),
        (("--from", "2026-11-18", "--to", "2026-11-16"), "give the earlier day first"),
        (("--from", "18.11.2026"), "takes YYYY-MM-DD"),
        (("--from", "2026-11-16", "--days", "3"), "leave one out"),
        (("--to", "2026-11-30"), "is not over yet: the last finished session is 2026-11-20"),
        (("--from", "2026-11-14", "--to", "2026-11-15"), "no session lies"),
        (("--market", "synthetik"), "did you mean synthetic?"),
        (("--market", "tape"), "needs --tape NAME"),
        (("--market", "synthetic", "--tape", "x"), "leave --tape out"),
        (("--tape", "none"), "no tape 'none'"),
        (("--fill", "path=worse"), "--fill is for tapes"),
        (("--model", "skew=0.1"), "are for --market modelled"),
        (("--market", "modelled", "--model", "skeww=0.1"), "did you mean skew?"),
        (("--market", "modelled", "--volatility", "nowhere.csv"), "--volatility takes realised"),
        (("--executor", "a:b"), "add --sweep"),
        (("--html", "nowhere/x.html"), "a folder that exists"),
        (("--sweep", "limits.symbol_share"), "--sweep takes KEY=A,B,C"),
        (("--sweep", "limits.symbol_share=0.2", "--sweep", "limits.symbol_share=0.3"), "names a key twice"),
        (("--sweep", "limits.symbol_share=0.2,90"), "limits.symbol_share"),
        (("--sweep", "limits.symbol_share=0.2", "--executor", f"{__name__}:nothing"), "name module:factory"),
        (("--sweep", "limits.symbol_share=0.2", "--executor", f"{__name__}:no_executor"), "takes module:factory"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_refused_with_what_to_do(desk: Path, kept: Done, words: tuple[str, ...], said: str) -> None:
    before = rows(desk / "data")
    done = typed(desk, "backtest", *words)
    assert done.code in (1, 2, 78)
    assert said in done.err
    assert rows(desk / "data") == before


def test_modelled_options_on_embedded_shares_are_labelled(desk: Path, kept: Done) -> None:
    done = typed(desk, "backtest", *WEEK, "--step", "1day", "--market", "modelled", "--volatility", "0.25")
    assert done.code == 0, done.err
    assert "MODELLED: option prices are modelled from a constant 0.25" in done.out


def write_tape(folder: Path, symbol: str, count: int, always: bool = False) -> None:
    """Import a daily series of so many sessions that rises and falls."""
    lines, day, number = ["time,open,high,low,close,volume"], date(2025, 1, 2), 0
    while number < count:
        if session_on(day) is not None:
            price = 30 + (number % 20 if number % 40 < 20 else 20 - number % 20) / 4
            lines.append(f"{day},{price:.2f},{price + 0.3:.2f},{price - 0.3:.2f},{price + 0.1:.2f},1000000")
            number += 1
        day += timedelta(days=1)
    (folder / f"{symbol}.csv").write_text("\n".join(lines) + "\n")
    done = typed(
        folder, "data", "import", symbol.lower(), f"{symbol}.csv", "--symbol", symbol, "--zone", "America/New_York",
        "--replace",
    )  # fmt: skip
    assert done.code == 0, done.err + done.out


CROSS = """
[strategies.cross]
kind = "ma_cross"
priority = 30
enabled = true
symbols = ["XLF"]
approve = "never"
approve_minutes = "slot"
step = "1day"
enter_on = "turn"
position_share = 0.15
units = "off"
order = "market"
stop_percent = "off"
target_percent = "off"
fast = 3
slow = 8
"""


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a desk that only crosses averages of XLF, with tapes of many and of few days."""
    folder = tmp_path_factory.mktemp("crossing")
    home = new_home(folder, "--equity", "40000")
    text = (home / "desk.toml").read_text().replace('benchmark = "SPY"', 'benchmark = "XLF"')
    start = text.index("[strategies.wheel]")
    (home / "desk.toml").write_text(text[:start] + CROSS.lstrip())
    assert typed(folder, "tick", "--dry", "--at", "session").code == 0
    write_tape(folder, "XLF", 120)
    write_tape(folder, "EWZ", 30)
    return folder


def test_a_daily_tape_is_decided_on_at_the_open_and_filled_the_same_day(crossing: Path) -> None:
    done = typed(crossing, "backtest", "--tape", "xlf", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["modelled"] == ""
    assert found["ticks"] == 119, "the first day is known at its close"
    assert found["fills"] == 4
    assert "entry_after_open_minutes off" in found["note"]
    assert found["cash_account"] == found["cash_books"]
    text = typed(crossing, "backtest", "show", str(found["backtest"])).out
    assert "prices as recorded on the tape" in text
    assert "next price at the earliest" in text


def test_what_a_tape_cannot_serve_is_refused(crossing: Path) -> None:
    for words, said in (
        (("--tape", "ewz"), "strategy cross trades XLF, of which tape ewz knows no price; it has EWZ"),
        (("--tape", "xlf", "--from", "2020-01-02"), "lies outside tape xlf, which has 2025-01-02 to"),
        (("--tape", "xlf", "--days", "500"), "take --days 120 or fewer"),
        (("--tape", "xlf", "--step", "1hour"), "finer ones are not made up; take 1day"),
        (("--tape", "xlf", "--seed", "3"), "--seed is for the synthetic market"),
        (("--tape", "xlf", "--fill", "pth=worse"), "did you mean path?"),
        (("--tape", "xlf", "--set", "strategies.cross.slow=150"), "strategy cross needs"),
    ):
        done = typed(crossing, "backtest", *words)
        assert done.code == 2, (words, done.err)
        assert said in done.err, (words, done.err)


def test_a_refused_warm_up_says_needed_and_have(crossing: Path) -> None:
    done = typed(crossing, "backtest", "--tape", "xlf", "--set", "strategies.cross.slow=150")
    assert "and tape xlf has 120 until" in done.err


def test_the_small_words() -> None:
    assert STEPS["15min"] == 900
    assert step_words(86_400) == "session"
    assert rules_words(None).startswith("quotes a minute apart")
    assert "10%" in rules_words(fill_rules(()))
    assert fill_rules(("volume_share=off", "fee_fraction=0.001")).volume_share is None
    assert len(grid(["a=1,2", "b=1,2,3"])) == 6
    assert backtest_app.registered_callback is not None
    assert Choice() == Choice(days=0)
    assert backtest is not None
    with pytest.raises(UsageError, match="at most 2000"):
        grid([f"a={','.join(map(str, range(50)))}", f"b={','.join(map(str, range(50)))}"])


def test_what_differs_is_sorted_into_its_parts() -> None:
    one = a_run(point(date(2026, 11, 16), "10000"))
    assert not any(differences([one, one]).values())
    other = a_run(point(date(2026, 11, 16), "10000"), start="9000", step_seconds=3600)
    found = differences([one, other])
    assert found["run"].keys() == {"step", "equity"}
    assert not found["data"]
