"""Earnings dates out of other people's files: one meaning each, faults by row, doing it twice changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ConfigError
from bot.domain.market import Earnings
from bot.markets.earnings import earnings_status, read_earnings
from bot.markets.earnings_import import Imported, calendar_text, merge, read_foreign

CHECKED = date(2026, 11, 2)
WANTED = frozenset({"ACME", "BOLT", "BRK.B"})


def read(text: str, as_of: date = CHECKED) -> Imported:
    return read_foreign(text, "other.csv", wanted=WANTED, as_of=as_of)


def a_release(day: str = "2026-11-24", when: str = "amc", as_of: date = CHECKED, symbol: str = "ACME") -> Earnings:
    return Earnings(symbol=symbol, day=date.fromisoformat(day), when=when, as_of=as_of)  # type: ignore[arg-type]


def only(text: str) -> Earnings:
    (release,) = read(text).releases
    return release


@pytest.mark.parametrize(
    "text",
    [
        "symbol,date,when,as_of\nACME,2026-11-24,amc,2026-11-02\n",
        "symbol,name,reportDate,fiscalDateEnding,estimate,currency,timeOfTheDay\n"
        "ACME,Acme Inc,2026-11-24,2026-09-30,1.2,USD,post-market\n",
        "act_symbol,date,when\nACME,2026-11-24,After market close\n",
        "Ticker;Earnings Date;Time\nacme;Nov 24, 2026;time-after-hours\n",
        "Symbol\tDate\tHour\nACME\t24-Nov-2026\tAMC\n",
        "\ufeffdate,symbol,time\r\n20261124,ACME,16:05\r\n",
        '"Ticker","Company","Earnings Date","Call Time"\n"ACME","Acme, Inc.","November 24th, 2026","4:30 PM ET"\n',
        "ticker|releaseDate|timing\nACME|2026-11-24T21:05:00Z|afterhours\n",
    ],
)
def test_files_of_many_makers_tell_the_same_release(text: str) -> None:
    assert only(text) == a_release()


@pytest.mark.parametrize(
    ("words", "when"),
    [
        ("bmo", "bmo"), ("Before Market Open", "bmo"), ("time-pre-market", "bmo"), ("pre-market", "bmo"),
        ("08:30", "bmo"), ("9:29 am", "bmo"), ("amc", "amc"), ("AFTER-HOURS", "amc"), ("4:00 PM", "amc"),
        ("16:00", "amc"), ("", "unknown"), ("time-not-supplied", "unknown"), ("--", "unknown"), ("TBD", "unknown"),
        ("9:30", "unknown"), ("15:59", "unknown"), ("00:00", "unknown"), ("During Market Hours", "unknown"),
    ],
)  # fmt: skip
def test_the_time_of_day_is_known_by_many_words(words: str, when: str) -> None:
    assert only(f"symbol,date,when\nACME,2026-11-24,{words}\n").when == when


@pytest.mark.parametrize("words", ["noonish", "25:00", "12:75", "Q3", "soon after"])
def test_words_nobody_knows_are_a_fault_and_no_guess(words: str) -> None:
    imported = read(f"symbol,date,when\nACME,2026-11-24,{words}\n")
    assert imported.releases == ()
    assert imported.faults[0].startswith("other.csv:2: ACME: when: ")


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-11-24", "2026-11-24"), ("2026/11/24", "2026-11-24"), ("2026-1-5", "2026-01-05"),
        ("11/24/2026", "2026-11-24"), ("24/11/2026", "2026-11-24"), ("24.11.2026", "2026-11-24"),
        ("12/12/2026", "2026-12-12"), ("Nov. 24, 2026", "2026-11-24"), ("24 november 2026", "2026-11-24"),
        ("2026-11-24T00:00:00Z", "2026-11-24"), ("2026-11-25T01:30:00+00:00", "2026-11-24"),
        ("2026-11-24 23:30:00", "2026-11-24"),
    ],
)  # fmt: skip
def test_a_day_that_can_be_read_in_one_way_is_read(text: str, day: str) -> None:
    assert str(only(f'symbol,date\nACME,"{text}"\n').day) == day


@pytest.mark.parametrize("text", ["03/04/2026", "3.4.2026", "03-04-2026"])
def test_a_day_that_can_be_read_in_two_ways_is_a_fault(text: str) -> None:
    (fault,) = read(f"symbol,date\nACME,{text}\n").faults
    assert "2026-03-04 or 2026-04-03: write it as 2026-01-29" in fault


@pytest.mark.parametrize(("proof", "day"), [("11/24/2026", "2026-03-04"), ("24/11/2026", "2026-04-03")])
def test_another_row_of_the_file_may_prove_which_number_is_the_day(proof: str, day: str) -> None:
    imported = read(f"symbol,date\nACME,03/04/2026\nBOLT,{proof}\n")
    assert imported.faults == ()
    assert str(imported.releases[0].day) == day


def test_rows_that_prove_both_ways_prove_nothing() -> None:
    imported = read("symbol,date\nACME,03/04/2026\nBOLT,11/24/2026\nBOLT,24/12/2026\n")
    assert len(imported.faults) == 1


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-02-30", "20261301", "31 Foo 2026", "31/02/2026", "11/24/26"]
)
def test_what_is_no_day_is_named_with_its_row(text: str) -> None:
    imported = read(f"symbol,date\nBOLT,2026-11-24\nACME,{text}\n")
    assert imported.faults[0].startswith("other.csv:3: ACME: date: ")
    assert len(imported.releases) == 1


def test_other_names_are_left_out_whatever_stands_in_their_rows() -> None:
    imported = read("symbol,date\nZZZ,soon\n0A1.LN,never\n,\nACME,2026-11-24\n\n,,\n")
    assert (len(imported.releases), imported.left_out, imported.faults) == (1, 2 + 0, ())


@pytest.mark.parametrize("name", ["BRK.B", "BRK-B", "brk/b"])
def test_share_classes_are_written_as_this_house_does(name: str) -> None:
    assert only(f"symbol,date\n{name},2026-11-24\n").symbol == "BRK.B"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("name,date", "no column is called symbol"), ("symbol,fiscalDateEnding", "no column is called date"),
        ("symbol,ticker,date", "'symbol', 'ticker' could all be the symbol"), ("", "no column is called symbol"),
    ],
)  # fmt: skip
def test_a_header_that_does_not_tell_is_refused(header: str, words: str) -> None:
    with pytest.raises(ConfigError, match=r"other\.csv") as caught:
        read(f"{header}\nACME,2026-11-24,x\n")
    assert words in str(caught.value)


def test_text_that_is_no_csv_is_refused() -> None:
    with pytest.raises(ConfigError, match="this is no CSV"):
        read('symbol,date\nACME,"' + "x" * 200_000 + '"\n')


def test_a_row_checked_in_the_future_is_a_fault() -> None:
    (fault,) = read("symbol,date,as_of\nACME,2026-11-24,2026-11-03\n").faults
    assert fault == "other.csv:2: ACME: as of: 2026-11-03 is later than 2026-11-02"


# merging


def merged(known: Mapping[str, tuple[Earnings, ...]], *releases: Earnings, tells_when: bool = True) -> tuple[
    dict[str, tuple[Earnings, ...]], list[str]
]:  # fmt: skip
    calendar, changes = merge(known, Imported(releases, (), 0, tells_when))
    return calendar, [one.what for one in changes]


def test_a_new_release_is_added_and_others_stay() -> None:
    other = a_release(symbol="BOLT")
    calendar, what = merged({"BOLT": (other,)}, a_release())
    assert (calendar, what) == ({"ACME": (a_release(),), "BOLT": (other,)}, ["new"])


def test_doing_it_twice_changes_nothing() -> None:
    once, _ = merged({}, a_release(), a_release("2027-02-20"))
    again, what = merged(once, a_release(), a_release("2027-02-20"))
    assert (again, what) == (once, [])


def test_a_release_that_moved_drives_its_former_date_out() -> None:
    later = a_release("2026-11-30", as_of=CHECKED + timedelta(days=3))
    assert merged({"ACME": (a_release(),)}, later) == ({"ACME": (later,)}, ["moved"])


def test_the_release_before_and_the_one_after_are_not_driven_out() -> None:
    past, ahead = a_release("2026-10-27", as_of=date(2026, 10, 20)), a_release("2027-02-20")
    calendar, what = merged({"ACME": (past, ahead)}, a_release())
    assert (calendar["ACME"], what) == ((past, a_release(), ahead), ["new"])


def test_a_past_release_drives_out_nothing_that_lies_ahead() -> None:
    ahead = a_release("2026-11-24")
    calendar, what = merged({"ACME": (ahead,)}, a_release("2026-10-27"))
    assert (calendar["ACME"], what) == ((a_release("2026-10-27"), ahead), ["new"])


def test_what_was_checked_earlier_changes_nothing() -> None:
    old = a_release("2026-11-30", as_of=CHECKED - timedelta(days=1))
    assert merged({"ACME": (a_release(),)}, old) == ({"ACME": (a_release(),)}, [])


def test_checking_again_makes_a_stale_date_known() -> None:
    day = CHECKED + timedelta(days=15)
    known = {"ACME": (a_release(),)}
    assert earnings_status(known, "ACME", "stock", day) == "stale"
    calendar, what = merged(known, a_release(as_of=day))
    assert (earnings_status(calendar, "ACME", "stock", day), what) == ("known", ["checked again"])


def test_a_file_without_times_leaves_the_known_time() -> None:
    bare = a_release(when="unknown", as_of=CHECKED + timedelta(days=1))
    calendar, what = merged({"ACME": (a_release(),)}, bare, tells_when=False)
    assert (calendar["ACME"][0].when, what) == ("amc", ["checked again"])
    calendar, what = merged({"ACME": (a_release(),)}, bare, tells_when=True)
    assert (calendar["ACME"][0].when, what) == ("unknown", ["time"])


def test_two_rows_that_differ_on_the_time_make_it_unknown() -> None:
    calendar, what = merged({}, a_release(), a_release(when="bmo"))
    assert (calendar["ACME"], what) == ((a_release(when="unknown"),), ["new"])


def test_two_dates_of_one_file_both_count() -> None:
    pair = (a_release("2026-11-24"), a_release("2026-11-25"))
    once, _ = merged({"ACME": (a_release("2026-11-23"),)}, *pair)
    assert once["ACME"] == pair
    assert merged(once, *pair) == (once, [])


RELEASES = st.lists(
    st.builds(
        a_release,
        day=st.integers(0, 200).map(lambda days: str(date(2026, 9, 1) + timedelta(days=days))),
        when=st.sampled_from(["bmo", "amc", "unknown"]),
        as_of=st.integers(0, 60).map(lambda days: date(2026, 9, 1) + timedelta(days=days)),
        symbol=st.sampled_from(["ACME", "BOLT"]),
    ),
    max_size=8,
)


@given(before=RELEASES, releases=RELEASES, tells_when=st.booleans())
def test_any_file_merges_once_and_what_is_written_reads_back(
    before: list[Earnings], releases: list[Earnings], tells_when: bool
) -> None:
    known, _ = merge({}, Imported(tuple(before), (), 0, True))
    imported = Imported(tuple(releases), (), 0, tells_when)
    once, _ = merge(known, imported)
    again, changes = merge(once, imported)
    assert (again, changes) == (once, ())
    assert read_earnings(calendar_text(once).splitlines()) == once
