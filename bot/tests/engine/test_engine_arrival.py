"""Which session it is: the broker's calendar decides the days it names, the shipped table the others (wheel 1.21)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain.errors import BotError, BrokerRefused, BrokerUnreachable, MarketError, OutOfTime, RefusalCode
from bot.domain.sessions import Session, session_on, sessions_between
from bot.engine.arrival import arrive, calendar_differences, session_facts
from bot.tests.builders import NOON
from bot.tests.engine.hands import HandBroker

TODAY = NOON.date()
WINDOW = (TODAY - timedelta(days=7), TODAY + timedelta(days=30))
FRIDAY = date(2026, 11, 27)  # closes at 13:00


class Calendared(HandBroker):
    """A broker with a calendar of its own, or one that cannot be read."""

    def __init__(self, *sessions: Session, fails: BotError | None = None) -> None:
        super().__init__()
        self.sessions = sessions
        self.fails = fails
        self.asked: list[tuple[date, date]] = []

    def read_calendar(self, first: date, last: date) -> tuple[Session, ...]:
        self.calls.append("calendar")
        self.asked.append((first, last))
        if self.fails is not None:
            raise self.fails
        return self.sessions


def shipped(*, but: dict[date, Session | None] | None = None) -> tuple[Session, ...]:
    """The shipped sessions of the window, some replaced or (None) taken out, some added."""
    days = {session.day: session for session in sessions_between(*WINDOW)} | (but or {})
    return tuple(session for _, session in sorted(days.items()) if session is not None)


def a_day(day: date, opens: int = 14, closes: int = 21) -> Session:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return Session(
        day=day, open_at=start + timedelta(hours=opens, minutes=30), close_at=start + timedelta(hours=closes)
    )


def test_the_account_is_read_first_and_alone_then_the_calendar_around_today() -> None:
    broker = Calendared(*shipped())
    found = arrive(broker, NOON)
    assert broker.calls == ["account", "calendar"]
    assert broker.asked == [WINDOW]
    assert (found.account, found.errors, found.remarks) == (broker.account, (), ())
    assert found.session == session_facts(NOON)


def test_an_early_close_only_the_broker_knows_is_taken_and_named() -> None:
    found = arrive(Calendared(*shipped(but={TODAY: a_day(TODAY, closes=18)})), NOON + timedelta(hours=1, minutes=30))
    assert found.session.close_at == datetime(2026, 11, 18, 18, 0, tzinfo=UTC)
    assert not found.session.is_open
    assert found.errors == ()
    assert found.remarks == (
        "calendar: the broker closes at 13:00 on 2026-11-18, the shipped table says 16:00; the broker's is used",
    )


def test_a_day_the_broker_leaves_out_between_others_is_closed() -> None:
    found = arrive(Calendared(*shipped(but={TODAY: None})), NOON)
    assert (found.session.day, found.session.is_open) == (date(2026, 11, 19), False)
    assert found.session.previous_day == date(2026, 11, 17)
    assert found.errors == ()
    assert found.remarks == (
        "calendar: the broker is closed on 2026-11-18, the shipped table has a session; the broker's is used",
    )


def test_a_session_only_the_broker_has_and_another_opening_are_taken_and_named() -> None:
    thanksgiving = date(2026, 11, 26)
    calendar = shipped(but={thanksgiving: a_day(thanksgiving), FRIDAY: a_day(FRIDAY, opens=15, closes=18)})
    assert session_facts(datetime(2026, 11, 26, 16, tzinfo=UTC), calendar).is_open
    assert not session_facts(datetime(2026, 11, 26, 16, tzinfo=UTC)).is_open
    assert calendar_differences(calendar) == (
        "calendar: the shipped table is closed on 2026-11-26, the broker has a session; the broker's is used",
        "calendar: the broker opens at 10:30 on 2026-11-27, the shipped table says 09:30; the broker's is used",
    )


def test_days_outside_what_the_broker_names_are_the_shipped_tables() -> None:
    alone = (a_day(TODAY),)
    found = session_facts(NOON, alone)
    assert (found.previous_day, found.next_day) == (date(2026, 11, 17), date(2026, 11, 19))
    assert calendar_differences(alone) == ()


@pytest.mark.parametrize(
    "fault", [BrokerUnreachable("no answer in 10 s"), BrokerRefused(RefusalCode.NOT_FOUND, "no such page", status=404)]
)
def test_a_calendar_that_cannot_be_read_is_named_and_the_shipped_table_serves(fault: BotError) -> None:
    found = arrive(Calendared(fails=fault), NOON)
    assert found.session == session_facts(NOON)
    assert found.errors == (f"the broker's calendar could not be read ({fault}): the shipped table serves",)


def test_past_the_shipped_table_the_brokers_calendar_decides() -> None:
    at = datetime(2031, 1, 8, 17, tzinfo=UTC)
    with pytest.raises(MarketError, match="broker's calendar"):
        session_facts(at)
    days = [date(2031, 1, day) for day in (7, 8, 9)]
    found = arrive(Calendared(*(a_day(day) for day in days)), at)
    assert (found.session.previous_day, found.session.day, found.session.next_day) == tuple(days)
    assert found.session.is_open
    assert found.errors == ()


def test_past_the_shipped_table_a_failing_calendar_is_a_refusal() -> None:
    with pytest.raises(MarketError, match="knows 1998 to 2030"):
        arrive(Calendared(fails=BrokerUnreachable("down")), datetime(2031, 1, 8, 17, tzinfo=UTC))


def test_a_calendar_without_any_session_is_not_believed() -> None:
    first, last = a_day(date(2026, 11, 2)), a_day(date(2027, 2, 1))
    with pytest.raises(MarketError, match="cannot be right"):
        session_facts(NOON, (first, last))


def test_no_read_begins_after_the_deadline() -> None:
    broker = Calendared(*shipped())
    with pytest.raises(OutOfTime, match="the account"):
        arrive(broker, NOON, lambda: True)
    assert broker.calls == []
    with pytest.raises(OutOfTime, match="the calendar"):
        arrive(broker, NOON, lambda: bool(broker.calls))
    assert broker.calls == ["account"]


def test_the_shipped_table_is_what_it_was() -> None:
    session = session_on(FRIDAY)
    assert session is not None
    assert calendar_differences((a_day(FRIDAY, closes=18),)) == ()
    assert session.early
