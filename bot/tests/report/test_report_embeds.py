"""The day's report as Discord takes it: the parts, what comes first, and the limits whatever the day held (C006)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ledger import Halt, Pause
from bot.domain.trip import Trip
from bot.report.board import AheadRow
from bot.report.day import DayReport, FillLine, Health, day_lines
from bot.report.digest import Part, digest, fitted, headline, plain_lines
from bot.report.embeds import OVERALL, escape, length, report_embeds
from bot.report.holdings import OptionLine, ShareLine
from bot.report.performance import IncomeLine, Returns
from bot.report.quiet import Quiet, quiet_facts
from bot.report.tallies import GateLine, PassedLine
from bot.tests.builders import NOON, D
from bot.tests.talkers.discord_server import faults_of

WELL = Health(ticks=26, slots=26, missed=(), failed=(), errors=(), slowest_id=3, slowest_ms=12.4)
PERIODS = ("day", "month", "year", "start")


def a_quiet(**given: Any) -> Quiet:
    """Give what a session came to, with what a test changes."""
    quiet = quiet_facts(ticks=[], orders=[], gates=[], passed=[], missed=0, sessions=1, halt=Halt())
    return Quiet(**({name: getattr(quiet, name) for name in quiet.__struct_fields__} | given))


def a_day(**given: Any) -> DayReport:
    """Give a day's report, with what a test changes."""
    facts: dict[str, Any] = {
        "home": "somewhere/data", "desk": "main", "kind": "PAPER MONEY", "simulated": False, "mode": "live",
        "day": NOON.date(), "colour": "green", "causes": ("all is well",), "equity": D("101234.56"), "cash": D(60000),
        "day_profit": D("123.45"), "day_fraction": D("0.0012"), "drawdown_fraction": D("0.021"), "benchmark": "SPY",
        "returns": tuple(
            Returns(period=one, ours=D("0.01"), benchmark=D("0.02"), holding=D("-0.03")) for one in PERIODS
        ),
        "premium_day": D(100), "premium_month": D(1500), "premium_year": D(12000),
        "income": (IncomeLine(kind="premium", day=D(10), month=D(60), year=D(600)),), "fills": (), "happenings": (),
        "shares": (), "options": (), "cycles": (), "quiet": a_quiet(sentence="nothing sent: all was full"),
        "health": WELL, "head": "ab" * 32, "events": 42, "made_at": NOON,
    }  # fmt: skip
    return DayReport(**(facts | given))


def fills(many: int) -> tuple[FillLine, ...]:
    """Give so many fills of one day."""
    return tuple(
        FillLine(
            at=NOON + timedelta(seconds=40 * number), purpose="cash_secured_put", side="sell",
            symbol="XLF261224P00050500", qty=D(1), price=D("0.45"), amount=D(45),
        )
        for number in range(many)
    )  # fmt: skip


def options(many: int) -> tuple[OptionLine, ...]:
    """Give a book of so many short puts."""
    return tuple(
        OptionLine(
            symbol=f"XLF261224P{50_000 + 500 * number:08d}", underlying="XLF", right="put", owner="ours", qty=D(-1),
            strike=D(50) + D(number) / 2, expiry=date(2026, 12, 24), dte=36, spot=D(52), distance_fraction=D("0.05"),
            credit=D("0.50"), mark=D("0.40"), mark_source="mid", profit_share=D("0.2"), unrealised=D(10),
            delta=D("-0.21"),
        )
        for number in range(many)
    )  # fmt: skip


def text_of(embeds: list[dict[str, Any]]) -> str:
    """Give everything an embed says."""
    return "\n".join(
        [f"{one.get('title', '')}\n{one['description']}" for one in embeds]
        + [f"{field['name']} {field['value']}" for one in embeds for field in one.get("fields", ())]
        + [one["footer"]["text"] for one in embeds if "footer" in one]
    )


def taken(embeds: list[dict[str, Any]]) -> list[str]:
    """List what Discord would not take of a message with these embeds."""
    shown = [{key: value for key, value in one.items() if key != "image"} for one in embeds]
    return faults_of({"content": "x", "embeds": shown, "allowed_mentions": {"parse": []}})


def test_whose_money_and_the_colour_stand_first_and_in_the_one_line_a_phone_shows() -> None:
    report = a_day(colour="red", causes=("halted at stop: broken chain", "1 tick failed"))
    first = report_embeds(report)[0]
    assert first["title"] == "PAPER MONEY · Wednesday 18 November 2026"
    assert first["description"].startswith("**RED** · PAPER MONEY\n- halted at stop: broken chain\n- 1 tick failed")
    assert first["color"] == 0xD9363E
    assert headline(report) == (
        "PAPER MONEY · RED · Wed 18 Nov 2026 · day +123.45 (+0.1 %) · equity 101,234.56"
    )  # fmt: skip


def test_what_is_wrong_comes_before_the_money() -> None:
    trip = Trip(name="daily_loss_share", level="no_new_risk", value=D("0.025"), limit=D("0.03"), unit="fraction",
                clears="next day")  # fmt: skip
    report = a_day(
        halt=Halt(level="no_new_risk", author="owner", reason="away", clears="`bot resume`"), trips=(trip,),
        pauses=(Pause(symbol="XLF", until=NOON, reason="3 losses"),), fills=fills(1),
    )  # fmt: skip
    titles = [part.title for part in digest(report)]
    assert titles.index("Halts and warnings") == 1 < titles.index("Money")
    said = text_of(report_embeds(report))
    assert "halt no\\_new\\_risk by owner: away; clears: \\`bot resume\\`" in said
    assert "80 % of it reached" in said
    assert "paused: XLF until" in said


def test_a_quiet_day_says_why_and_a_busy_one_does_not() -> None:
    assert "nothing sent: all was full" in text_of(report_embeds(a_day()))
    busy = text_of(report_embeds(a_day(fills=fills(2), quiet=a_quiet(orders_sent=2))))
    assert "nothing sent" not in busy
    assert "Fills (2, cash +90.00)" in busy
    assert "12:00 -1 XLF 50.5P 12-24  0.45 +45.00" in busy


def test_every_part_of_the_day_is_told() -> None:
    shares = ShareLine(
        symbol="IWM", owner="ours", qty=D(100), basis=D(289), mark=D("226.34"), mark_source="mid", value=D(22634),
        unrealised=D(-6266),
    )  # fmt: skip
    ahead = (
        AheadRow(position=0, day="2026-11-26", kind="holiday", symbol="", what="the market stays closed", amount=None,
                 severity="plain"),
        AheadRow(position=1, day="2026-11-20", kind="expiry", symbol="XLF", what="1 x XLF 50 put expires", amount=None,
                 severity="plain"),
    )  # fmt: skip
    quiet = a_quiet(
        gates=(GateLine(gate="underlyings_within", times=26, sole=0, symbols=("QQQ",), reason="too many", value=D(7),
                        limit=D(6), unit="underlyings", symbol="QQQ"),),
        reasons=(PassedLine(subject="put", reason="new contracts today", times=5, symbols=("XLF",)),),
        wishes_refused=26, passed_over=5, sentence="nothing sent",
    )  # fmt: skip
    report = a_day(
        options=options(2), shares=(shares,), ahead=ahead, quiet=quiet, cash_assigned=D(50000),
        backup_at=NOON - timedelta(hours=3), drill_at=NOON - timedelta(days=12),
    )  # fmt: skip
    said = text_of(report_embeds(report))
    for words in (
        "Open options (2)", "-1 XLF 50P   36d 5.0% -0.21 0.40    20%", "100 IWM 289.00 226.34 -6,266.00",
        "26 x underlyings\\_within (nearest: 7 against 6 underlyings, QQQ)", "5 x put passed over: new contracts today",
        "Fri 20 Nov 1 x XLF 50 put expires", "Later**\n- Thu 26 Nov the market stays closed",
        "cash if every short put is assigned: 50,000.00", "26 ticks for 26 slots, slowest 12 ms",
        "backup 3 hours ago, drill passed 12 days ago", f"audit head {'ab' * 32} (record 42)", "Equity 101,234.56",
        "premium taken", "start  +1.0%   -3.0% +2.0%", "desk main · live",
    ):  # fmt: skip
        assert words in said, words


def test_five_hundred_fills_and_a_hundred_options_fit_and_say_how_much_is_left_out() -> None:
    report = a_day(fills=fills(500), options=options(100), quiet=a_quiet(orders_sent=500))
    embeds = report_embeds(report, picture=True)
    assert taken(embeds) == []
    assert length(text_of(embeds)) < OVERALL
    said = text_of(embeds)
    assert "Fills (500, cash +22,500.00)" in said
    assert "Open options (100)" in said
    assert "... 60 more" in said
    assert "... 475 more" in said
    assert f"audit head {'ab' * 32}" in said
    assert embeds[0]["image"] == {"url": "attachment://report.png"}


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=900)


@given(
    st.lists(WORDS, min_size=1, max_size=40), st.lists(WORDS, max_size=40), WORDS, st.integers(0, 120),
    st.integers(0, 60),
)  # fmt: skip
def test_whatever_a_day_held_discord_takes_it(
    causes: list[str], failed: list[str], sentence: str, filled: int, open_options: int
) -> None:
    report = a_day(
        colour="red", causes=tuple(causes), fills=fills(filled), options=options(open_options),
        quiet=a_quiet(sentence=sentence), halt=Halt(level="stop", author="x", reason=sentence),
        health=Health(ticks=1, slots=26, missed=tuple(NOON for _ in range(25)), failed=tuple(failed), errors=(),
                      slowest_id=None, slowest_ms=None),
    )  # fmt: skip
    assert taken(report_embeds(report)) == []


def test_data_is_never_markdown_nor_wakes_anybody() -> None:
    embeds = report_embeds(a_day(causes=("*bold* @everyone <@1> ``` [x](http://y)",)))
    assert "\\*bold\\* @\u200beveryone \\<@\u200b1\\> \\`\\`\\` \\[x\\](http://y)" in embeds[0]["description"]
    assert escape("# title") == "\\# title"


def test_a_day_that_goes_on_says_so_far() -> None:
    report = a_day(so_far=True)
    assert "so far" in headline(report)
    assert report_embeds(report)[0]["title"].endswith(", so far")
    assert ", so far" in day_lines(report)[0]


def test_rows_are_left_out_of_the_longest_part_first_and_parts_from_the_end_at_last() -> None:
    parts = (Part("a", rows=("x" * 10,) * 3), Part("b", rows=("y" * 10,) * 50), Part("c", ("line",)))

    def size(part: Part) -> int:
        return len("\n".join(plain_lines([part]))) + 1

    cut = fitted(parts, 300, size)
    assert len(cut[0].rows) == 3
    assert 3 <= len(cut[1].rows) < 50
    assert cut[1].hidden == 50 - len(cut[1].rows)
    assert "... " + str(cut[1].hidden) + " more" in plain_lines(cut)
    assert sum(map(size, cut)) <= 300
    assert fitted(parts, 45, size) == (parts[0],)


def test_the_text_tells_the_same_parts() -> None:
    trip = Trip(name="disk_free_mb", level="no_new_risk", value=None, limit=D(100), unit="MB", clears="by itself")
    report = a_day(
        trips=(trip,), halt=Halt(level="reduce_only", author="owner", reason="away", clears="`bot resume`"),
        cash_assigned=Decimal(500),
    )  # fmt: skip
    text = "\n".join(day_lines(report))
    for words in (
        "HALTS AND WARNINGS\n  halt reduce_only by owner: away", "return    ours  holding     SPY",
        "start   +1.0 %   -3.0 %  +2.0 %", "premium taken    +100.00  +1,500.00  +12,000.00",
        "THE WEEK AHEAD\n  nothing known in the next 7 days\n  cash if every short put is assigned: 500.00",
        "not measured: disk_free_mb", "no backup in this home (`bot backup`), no drill passed (`bot drill`)",
        "head abababababababab (record 42)",
    ):  # fmt: skip
        assert words in text, words
    assert "HALTS" not in "\n".join(day_lines(a_day(trips=(trip,))))
