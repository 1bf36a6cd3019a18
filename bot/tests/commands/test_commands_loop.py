"""`bot loop`: it ticks at slots of session hours by the clock it is handed, through failures and clock changes."""

from __future__ import annotations

import io
import sqlite3
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.commands.opening import open_ledger
from bot.commands.ticking import run_loop, seconds_to_slot
from bot.domain.errors import ConfigError, ForeignStore
from bot.domain.orders import OrderRequest, leg
from bot.domain.sessions import session_on, slot_of
from bot.store.lock import home_lock
from bot.tests.commands.typed import new_home
from bot.wiring import load_house, open_world

WEDNESDAY = datetime(2026, 11, 18, 17, 3, tzinfo=UTC)


class HandClock:
    """A clock that moves when somebody sleeps, and remembers for how long."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def env(tmp_path: Path) -> str:
    new_home(tmp_path)
    return str(tmp_path / ".env")


def loop(env: str, clock: HandClock, ticks: int) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        run_loop(env, dry=True, ticks=ticks, clock=clock.now, sleep=clock.sleep)
    return out.getvalue(), err.getvalue()


def test_the_loop_ticks_once_a_slot_and_stops_after_its_count(env: str) -> None:
    clock = HandClock(WEDNESDAY)
    out, err = loop(env, clock, 3)
    assert err == ""
    assert [line[:16] for line in out.splitlines() if "wanted" in line] == [
        "2026-11-18 17:15", "2026-11-18 17:30", "2026-11-18 17:45",
    ]  # fmt: skip
    assert out.splitlines()[0] == f"home {Path(env).parent / 'data'}"
    assert clock.at == datetime(2026, 11, 18, 17, 45, 1, tzinfo=UTC)


def test_the_loop_sleeps_over_the_night_and_the_weekend(env: str) -> None:
    clock = HandClock(datetime(2026, 11, 20, 20, 50, tzinfo=UTC))
    out, _ = loop(env, clock, 1)
    assert "2026-11-23 14:30" in out


def test_every_tick_of_the_loop_names_what_is_not_ours(env: str) -> None:
    clock = HandClock(WEDNESDAY)
    house = load_house(env)
    by_hand = OrderRequest(
        client_order_id="by-hand", legs=(leg("ZETA", "buy_to_open"),), qty=Decimal(1), order_type="limit",
        limit_price=Decimal("1.00"), time_in_force="gtc",
    )  # fmt: skip
    with open_ledger(house, "a test", WEDNESDAY) as journal, open_world(house, journal, None, clock.now) as world:
        world.broker.submit(by_hand)
    out, _ = loop(env, clock, 2)
    lines = out.splitlines()
    wanted = [number for number, line in enumerate(lines) if "wanted" in line]
    assert len(wanted) == 2
    for number in wanted:
        assert lines[number + 1].startswith("  not ours: order by-hand 1 (buy_to_open ZETA at 1.00, ")


def live_loop(env: str, clock: HandClock, ticks: int) -> list[str]:
    out = io.StringIO()
    text = Path(env).read_text()
    Path(env).write_text(text.replace("BOT_MODE=dry", "BOT_MODE=live"))
    with redirect_stdout(out):
        run_loop(env, dry=False, ticks=ticks, clock=clock.now, sleep=clock.sleep, meter=lambda: clock.at.timestamp())
    return out.getvalue().splitlines()


def rows_of(env: str, question: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(Path(env).parent / "data" / "ledger.sqlite") as store:
        found = store.execute(question).fetchall()
    store.close()
    return found


def test_while_orders_work_follow_ups_reprice_them_within_the_slot(env: str) -> None:
    """Design 14: own Snapshots, own rows, the same slot; one step of the ladder each, down to a fill."""
    clock = HandClock(datetime(2026, 11, 18, 15, 3, tzinfo=UTC))
    lines = live_loop(env, clock, 1)
    told = [line.strip() for line in lines if "follow-up" in line]
    assert [line.split(":")[0] for line in told] == ["follow-up 1", "follow-up 2"]
    assert "repriced EWZ" in told[0]
    assert "filled 1 EWZ" in told[1]
    assert clock.slept == [720.0, 45.0, 45.0, 1.0]
    ticks = rows_of(env, "SELECT count(*), count(DISTINCT slot), count(DISTINCT snapshot_hash) FROM ticks")
    assert ticks == [(3, 1, 3)]
    orders = rows_of(env, "SELECT client_order_id, state FROM orders ORDER BY rowid")
    assert len({name for name, _ in orders}) == len(orders) == 2
    assert {state for _, state in orders} == {"done"}


def test_a_desk_that_wants_no_follow_ups_has_none(env: str) -> None:
    desk = Path(env).parent / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace("follow_ups_max = 3", "follow_ups_max = 0"))
    clock = HandClock(datetime(2026, 11, 18, 15, 3, tzinfo=UTC))
    assert [line for line in live_loop(env, clock, 1) if "follow-up" in line] == []
    assert clock.slept == [720.0, 1.0]


def test_the_owner_can_halt_between_two_follow_ups(env: str) -> None:
    """The home is locked for each tick alone, not while it waits."""
    clock = HandClock(datetime(2026, 11, 18, 15, 3, tzinfo=UTC))
    sleep = clock.sleep

    def halt_meanwhile(seconds: float) -> None:
        if seconds == 45.0:
            with home_lock(Path(env).parent / "data", "bot halt stop", clock.at):
                (Path(env).parent / "data" / "held").touch()
        sleep(seconds)

    clock.sleep = halt_meanwhile  # type: ignore[method-assign]
    lines = live_loop(env, clock, 1)
    assert (Path(env).parent / "data" / "held").exists()
    assert [line for line in lines if "failed" in line] == []


def test_a_follow_up_that_finds_the_home_taken_ends_the_series_and_is_said(env: str) -> None:
    clock = HandClock(datetime(2026, 11, 18, 15, 3, tzinfo=UTC))
    held = home_lock(Path(env).parent / "data", "bot halt stop", clock.at)
    sleep = clock.sleep

    def take_it(seconds: float) -> None:
        if seconds == 45.0:
            held.__enter__()
        sleep(seconds)

    clock.sleep = take_it  # type: ignore[method-assign]
    lines = live_loop(env, clock, 1)
    held.__exit__(None, None, None)
    told = [line for line in lines if "follow-up" in line]
    assert len(told) == 1
    assert "follow-up 1 failed" in told[0]
    assert "in use by" in told[0]


def test_a_tick_that_cannot_run_is_said_and_the_next_one_comes(env: str) -> None:
    clock = HandClock(WEDNESDAY)
    home = Path(env).parent / "data"
    held = home_lock(home, "bot simulate", WEDNESDAY)
    held.__enter__()
    ends = iter((False, True))
    sleep = clock.sleep

    def let_go_after_the_first(seconds: float) -> None:
        sleep(seconds)
        if seconds == 1.0 and not next(ends, True):
            held.__exit__(None, None, None)

    clock.sleep = let_go_after_the_first  # type: ignore[method-assign]
    out, err = loop(env, clock, 2)
    assert "is in use by" in err
    assert [line[:16] for line in out.splitlines() if "wanted" in line] == ["2026-11-18 17:30"]


def test_a_wrong_configuration_ends_the_loop(env: str) -> None:
    Path(env).write_text("BOT_MODE=lively\n")
    with pytest.raises(ConfigError, match="BOT_MODE"):
        loop(env, HandClock(WEDNESDAY), 0)


def test_a_home_of_another_account_ends_the_loop(env: str) -> None:
    loop(env, HandClock(WEDNESDAY), 1)
    with sqlite3.connect(Path(env).parent / "data" / "ledger.sqlite") as store:
        store.execute("UPDATE stamp SET environment = 'live'")
    store.close()
    with pytest.raises(ForeignStore, match="BOT_HOME"):
        loop(env, HandClock(WEDNESDAY + timedelta(hours=1)), 0)


@pytest.mark.parametrize(
    ("now", "coming"),
    [
        ("2026-11-18T17:00:00", "2026-11-18T17:00:00"),
        ("2026-11-18T17:00:00.900000", "2026-11-18T17:00:00.900000"),
        ("2026-11-18T17:00:01", "2026-11-18T17:15:00"),
        ("2026-11-18T20:45:01", "2026-11-19T14:30:00"),
        ("2026-11-18T14:29:59", "2026-11-18T14:30:00"),
        ("2026-11-18T03:00:00", "2026-11-18T14:30:00"),
        ("2026-11-27T17:45:30", "2026-11-30T14:30:00"),
        ("2026-11-26T15:00:00", "2026-11-27T14:30:00"),
        # Daylight saving begins on 2026-03-08: the Friday before opens at 14:30 UTC, the Monday after at 13:30.
        ("2026-03-06T22:00:00", "2026-03-09T13:30:00"),
        ("2026-03-08T06:59:59", "2026-03-09T13:30:00"),
        ("2026-03-08T07:00:00", "2026-03-09T13:30:00"),
        # It ends on 2026-11-01: Friday opened at 13:30 UTC, Monday opens at 14:30.
        ("2026-10-30T20:00:00", "2026-11-02T14:30:00"),
        ("2026-11-01T05:30:00", "2026-11-02T14:30:00"),
        ("2026-11-01T06:30:00", "2026-11-02T14:30:00"),
        ("2026-11-02T13:30:00", "2026-11-02T14:30:00"),
    ],
)
def test_the_next_slot_is_in_session_hours_of_new_york(now: str, coming: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expected = datetime.fromisoformat(coming).replace(tzinfo=UTC)
    assert seconds_to_slot(at) == pytest.approx((expected - at).total_seconds())


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [("2026-03-06", "14:30", "21:00"), ("2026-03-09", "13:30", "20:00"), ("2026-10-30", "13:30", "20:00"),
     ("2026-11-02", "14:30", "21:00")],
)  # fmt: skip
def test_sessions_around_a_clock_change_open_at_the_right_utc_moment(day: str, opens: str, closes: str) -> None:
    session = session_on(date.fromisoformat(day))
    assert session is not None
    assert (f"{session.open_at:%H:%M}", f"{session.close_at:%H:%M}") == (opens, closes)
    assert slot_of(session.open_at) == session.open_at
    slots = int((session.close_at - session.open_at) / timedelta(minutes=15))
    assert slots == 26


def test_slots_of_the_hour_that_happens_twice_are_different_moments() -> None:
    first = datetime(2026, 11, 1, 5, 37, tzinfo=UTC)
    second = first + timedelta(hours=1)
    assert slot_of(second) - slot_of(first) == timedelta(hours=1)
