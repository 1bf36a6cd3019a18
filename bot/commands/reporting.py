"""`bot report` with a picture, and `bot report --post`: the day's report to the owner's channels, once a day."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bot.commands.day_facts import day_points, day_report
from bot.commands.looking import nothing_yet, read_day_option, run_report, typed_before
from bot.commands.opening import log_of, warn
from bot.commands.report_posting import Came, Told, channels_of, post_of, post_report, shapes_of
from bot.domain.alerts import Channel
from bot.domain.errors import StoreError, UsageError
from bot.domain.sessions import new_york_day
from bot.domain.slots import walk
from bot.report.chart import alt_text, picture
from bot.report.day import DayReport
from bot.report.performance import Point
from bot.report.week_lines import day_words
from bot.report.words import new_york
from bot.store.alerting import open_outbox
from bot.store.lock import HOME_ADVICE, held
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.store.reports import any_report, days_waiting, read_report, report_key
from bot.wiring import House, known_sessions, load_house, wall_clock

LOCK_NAME = "report.lock"
NO_LIBRARY = "no picture: matplotlib is not installed (`pip install matplotlib`)"


class Asked(NamedTuple):
    """What was typed beside `bot report`."""

    day: str = ""
    post: bool = False
    again: bool = False
    channel: str = ""
    png: str = ""
    as_json: bool = False


class Chosen(NamedTuple):
    """The days to post, the newest last, and what is said of the choice."""

    days: tuple[date, ...]
    words: str = ""


def run_reporting(env: str, asked: Asked) -> None:
    """Print a day's report, or write its picture, or post it."""
    if not asked.post:
        if asked.again or asked.channel:
            raise UsageError("--again and --channel belong to --post: they say how a report is posted")
        run_report(env, day=asked.day, as_json=asked.as_json)
        if asked.png:
            _write_picture(env, asked)
        return
    if asked.as_json:
        raise UsageError("--json prints the report and --post posts it: type one of them")
    run_post(env, asked)


def run_post(env: str, asked: Asked) -> None:
    """Post the report of the session that began last, or of --day; 1 where a channel does not have it."""
    house, now = load_house(env), wall_clock()
    warn(house)
    channels = channels_of(house, asked.channel)
    wanted = read_day_option(asked.day)
    if not ledger_exists(house.home):
        raise StoreError(nothing_yet(house, typed_before(env, house)))
    who = f"bot report, since {now:%Y-%m-%d %H:%M:%S} UTC"
    with held(house.home / LOCK_NAME, f"the report of {house.home}", who, HOME_ADVICE.format(house.home)):
        with open_for_questions(house.home) as ledger:
            if not ledger.session_days(1):
                raise StoreError(nothing_yet(house, typed_before(env, house)))
            chosen = choose_days(ledger, house, channels, wanted, now)
            told = [_told(ledger, house, day, now) for day in chosen.days]
        if chosen.words:
            print(chosen.words)
        came = [one for report in told for one in _post_all(house, channels, report, again=asked.again)]
    if told and asked.png:
        _keep_png(asked.png, told[-1].png, told[-1].alt)
    print(f"home {house.home}")
    if not all(one.good for one in came):
        raise SystemExit(1)


def choose_days(
    ledger: Ledger, house: House, channels: Iterable[Channel], wanted: date | None, now: datetime
) -> Chosen:
    """Choose which days to post: the one asked for, else that of the session which began last today.

    The report of the session before goes along where it never went out and reports are the habit: a timer that was
    missed is made up for. So are reports a channel asked to wait for. On a day without a session, or before today's,
    nothing else is posted.
    """
    today, on = new_york_day(now), known_sessions(house, lambda: now)
    if wanted is not None:
        if wanted > today:
            raise UsageError(f"--day {wanted}: that day has not come; today is {today} in New York")
        if wanted not in ledger.session_days(10_000) and on(wanted) is None:
            raise UsageError(f"--day {wanted}: {day_words(wanted)} has no session; the last before it is that of "
                             f"{walk(on, wanted, -1).day}")  # fmt: skip
        return Chosen((wanted,))
    channels = tuple(channels)
    session, last = on(today), walk(on, today, -1).day
    waiting = tuple(day for day in days_waiting(ledger.connection, channels, now) if day != today)
    before, key = tuple(day for day in waiting if day != last), report_key(last)
    late = last in ledger.session_days(10) and any(
        any_report(ledger.connection, name, last) and read_report(ledger.connection, name, key) is None
        for name in channels
    )
    if session is not None and session.open_at <= now:
        if late:
            return Chosen((*before, last, today), f"posting the report of {last} too, which is late")
        return Chosen((*waiting, today))
    words = f"{day_words(today)} {today.year} has no session"
    if session is not None:
        words = f"today's session opens at {new_york(session.open_at)}"
    if late:
        return Chosen((*before, last), f"{words}; posting the report of {last}, which is late")
    if waiting:
        return Chosen(waiting, f"{words}; posting what waited")
    return Chosen((), f"{words}: nothing is posted; `bot report --post --day {last}` posts the last one")


def _told(ledger: Ledger, house: House, day: date, now: datetime) -> Told:
    report, points = day_report(ledger, house, day, now), day_points(ledger, day)
    png, said = draw(report, points)
    if said:
        print(said)
    return shapes_of(report, png, alt_text(report, points), now, house.settings.secrets.mask)


def _post_all(house: House, channels: Mapping[Channel, str], told: Told, *, again: bool) -> list[Came]:
    """Post one day's report to every channel; none waits for another, and none hinders it."""
    found = []
    with closing(log_of(house, "bot report", wall_clock)) as log, open_outbox(house.home) as database:
        for channel, address_hash in channels.items():
            post = post_of(house, channel, address_hash, told)
            same = house.desk.alerts.same_minutes
            came = post_report(database, post, told, wall_clock, same, again=again)
            came = came._replace(words=house.settings.secrets.mask(came.words))
            log.say("report", day=told.day.isoformat(), channel=channel, good=came.good, message=came.words)
            print(f"report of {told.day}{', so far' if told.so_far else ''}: {channel}: {came.words}")
            found.append(came)
    return found


def draw(report: DayReport, points: tuple[Point, ...]) -> tuple[bytes | None, str]:
    """Draw the picture where its library is there; gives what is missing otherwise.

    The library keeps its list of fonts in a folder that is gone afterwards: a service may have no home to write to.
    """
    before = os.environ.get("MPLCONFIGDIR")
    with TemporaryDirectory(prefix="bot-report-") as folder:
        os.environ["MPLCONFIGDIR"] = folder
        try:
            return picture(report, points), ""
        except ImportError:
            return None, NO_LIBRARY
        finally:
            _restore("MPLCONFIGDIR", before)


def _restore(name: str, before: str | None) -> None:
    if before is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = before


def _write_picture(env: str, asked: Asked) -> None:
    """Draw the picture of the day that was printed, into a file."""
    house, now, wanted = load_house(env), wall_clock(), read_day_option(asked.day)
    with open_for_questions(house.home) as ledger:
        day = wanted or max(one for one in ledger.session_days(10_000) if one <= new_york_day(now))
        report, points = day_report(ledger, house, day, now), day_points(ledger, day)
    png, said = draw(report, points)
    if png is None:
        raise StoreError(said or f"there is nothing to draw on {day}")
    _keep_png(asked.png, png, alt_text(report, points))


def _keep_png(path: str, png: bytes | None, alt: str) -> None:
    if png is None:
        return
    try:
        Path(path).expanduser().write_bytes(png)
    except OSError as error:
        raise StoreError(f"cannot write {path} ({error.strerror}): name a file in a folder you may write to") from error
    print(f"picture {path}: {alt}", file=sys.stderr)
