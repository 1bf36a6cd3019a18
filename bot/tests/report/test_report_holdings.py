"""What is held, as lines: days, distance to the strike, share of maximum profit (wheel 2.8), results; shared words."""

from __future__ import annotations

from datetime import date, timedelta

from bot.domain.ledger import Instruction
from bot.domain.snapshot import Mark
from bot.report.holdings import Held, held_in, option_lines, option_table, share_lines, share_table
from bot.report.words import WIDTH, ago, filled_text, home_lines, plain_object, section, table
from bot.tests.builders import NOON, D, a_lot, a_quote, a_snapshot, an_option_leg, call, held, put

TODAY = NOON.date()
EXPIRY = date(2026, 12, 24)
PUT, CALL = put("XLF", EXPIRY, "38"), call("XLF", EXPIRY, "42")


def a_position(
    symbol: str, qty: str, mark: str | None = "0.40", entry: str | None = "0.50", owner: str = "ours"
) -> Held:
    return Held(symbol, owner, D(qty), None if entry is None else D(entry), None if mark is None else D(mark), "mid")


def test_a_short_put_shows_days_distance_share_of_profit_and_result() -> None:
    quotes = {"XLF": a_quote("XLF", "39.99", "40.01"), PUT: a_quote(PUT, "0.44", "0.48")}
    line = option_lines([a_position(PUT, "-2", mark="0.46")], [an_option_leg(PUT, "-2", "1.20")], quotes, TODAY)[0]
    assert (line.dte, line.strike, line.spot, line.credit) == (36, D(38), D("40.00"), D("1.20"))
    assert line.distance_fraction == D("0.05")
    assert line.profit_share == D("0.6")
    assert line.unrealised == D("148.00")  # (0.46 - 1.20) x -2 x 100


def test_a_call_in_the_money_has_a_distance_below_zero() -> None:
    line = option_lines([a_position(CALL, "-1")], [], {"XLF": a_quote("XLF", "43.99", "44.01")}, TODAY)[0]
    assert line.distance_fraction == D("-0.045455")
    assert option_table([line])[1].endswith("ITM")


def test_what_is_not_known_is_said_and_not_computed() -> None:
    line = option_lines([a_position(PUT, "-1", mark=None, entry=None)], [], {}, TODAY)[0]
    assert (line.spot, line.distance_fraction, line.profit_share, line.unrealised) == (None, None, None, None)
    assert option_table([line])[1].split().count("unknown") == 6


def test_our_own_credit_wins_over_the_brokers_mean_and_a_foreign_position_is_named() -> None:
    ours, foreign = a_position(PUT, "-1", entry="0.70"), a_position(CALL, "-1", entry="0.70", owner="foreign")
    lines = option_lines([ours, foreign], [an_option_leg(PUT, credit="0.60")], {}, TODAY)
    assert {line.symbol: line.credit for line in lines} == {PUT: D("0.60"), CALL: D("0.70")}
    assert "foreign" in "\n".join(option_table(lines))


def test_the_owners_word_and_the_rolls_stand_beside_the_contract() -> None:
    word = Instruction(contract=PUT, word="let_assign", at=NOON, author="ann")
    leg = an_option_leg(PUT, rolls=1)
    rows = option_table(option_lines([a_position(PUT, "-1")], [leg], {}, TODAY, [word]))
    assert "rolled 1x, let assign" in " ".join(rows[1:])


def test_the_nearest_expiry_stands_first() -> None:
    later = put("EWZ", EXPIRY + timedelta(days=7), "30")
    lines = option_lines([a_position(later, "-1"), a_position(PUT, "-1")], [], {}, TODAY)
    assert [line.symbol for line in lines] == [PUT, later]


def test_shares_show_what_our_lots_paid() -> None:
    lots = [a_lot(qty="100", basis="40"), a_lot(id="lot-2", qty="300", basis="44", basis_tax=D("43"))]
    line = share_lines([a_position("XLF", "400", mark="42.50", entry="41")], lots)[0]
    assert (line.basis, line.basis_tax, line.value, line.unrealised) == (D(43), D("42.25"), D(17000), D(-200))
    assert share_table([line])[1].split() == ["XLF", "400", "43.00", "42.25", "42.50", "17,000.00", "-200.00"]


def test_shares_without_a_known_basis_fall_back_on_the_brokers_mean() -> None:
    line = share_lines([a_position("XLF", "100", mark="42", entry="41")], [a_lot(basis_strike=None)])[0]
    assert (line.basis, line.unrealised) == (D(41), D(100))


def test_a_snapshot_gives_its_positions_with_our_own_marks() -> None:
    snapshot = a_snapshot(positions=(held("XLF", "100"),), marks=(Mark(symbol="XLF", price=D(40), source="last"),))
    assert held_in(snapshot) == [Held("XLF", "ours", D(100), None, D(40), "last")]


def test_a_table_stays_inside_the_reports_width() -> None:
    for size in (40, 90):  # room enough beside the first cell, and none
        rows = table(("a", "b"), [("x" * size, "why " * 30)])
        assert max(map(len, rows)) <= WIDTH
        assert " ".join(rows[1:]).split() == ["x" * size, *["why"] * 30]
    assert table(("a",), []) == []


def test_sentences_break_between_words() -> None:
    lines = filled_text("one-two " * 30, "  ", "    ")
    assert all(len(line) <= WIDTH and not line.endswith("-") for line in lines)
    assert lines[1].startswith("    one-two")


def test_ages_are_told_in_their_largest_unit() -> None:
    assert [ago(NOON - timedelta(seconds=seconds), NOON) for seconds in (2, 90, 3_000, 90_000, 400_000)] == [
        "just now", "90 seconds ago", "50 minutes ago", "25 hours ago", "4 days ago",
    ]  # fmt: skip
    assert ago(NOON + timedelta(seconds=9), NOON) == "in the future of this machine's clock"


def test_a_section_without_lines_is_left_out_and_the_home_ends_a_page() -> None:
    assert section("TITLE", []) == []
    assert home_lines("h", "BOT_HOME=h ", "bot report") == [
        "", "home h", "next:", "  BOT_HOME=h bot report",
    ]  # fmt: skip
    assert home_lines("h", "", "bot report", "bot why SYMBOL") == [
        "",
        "home h",
        "next: bot report   or   bot why SYMBOL",
    ]


def test_objects_carry_money_as_text_and_moments_in_iso_form() -> None:
    told = plain_object({"a": (D("1.50"), NOON), 2: a_position(PUT, "-1"), "lot": a_lot()})
    assert told["a"] == ["1.5", "2026-11-18T17:00:00+00:00"]
    assert told["2"]["qty"] == "-1"
    assert told["lot"]["basis_tax"] == "40"
