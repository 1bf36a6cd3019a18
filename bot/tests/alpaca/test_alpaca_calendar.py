"""A calendar that differs from the shipped table: told as a note, and followed by whatever looks ahead."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.commands.ticking import run_loop
from bot.tests.alpaca.desk import AlpacaDesk
from bot.wiring import known_sessions, load_house


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as opened:
        yield opened


def without_tomorrow(desk: AlpacaDesk) -> str:
    """Let the broker have no session on the day after the world's; gives that day."""
    day = (desk.world.at + timedelta(days=1)).date().isoformat()
    keep: Any = lambda rows: [row for row in rows if row["date"] != day]  # noqa: E731
    desk.world.spoil("/v2/calendar$", change=keep)
    return day


def test_a_difference_is_a_note_and_no_error(desk: AlpacaDesk, capsys: pytest.CaptureFixture[str]) -> None:
    day = without_tomorrow(desk)
    result = desk.tick(dry=True)
    assert result.errors == ()
    assert result.snapshot.remarks == (
        f"calendar: the broker is closed on {day}, the shipped table has a session; the broker's is used",
    )


def test_the_loop_and_status_follow_the_brokers_calendar(desk: AlpacaDesk) -> None:
    day = without_tomorrow(desk)
    desk.tick(dry=True)
    told: list[str] = []

    class Stop(Exception):
        pass

    def sleep(seconds: float) -> None:
        told.append(f"{evening + timedelta(seconds=seconds):%Y-%m-%d %H:%M}")
        raise Stop

    evening = desk.world.at.replace(hour=22)
    with desk.settings():
        house = load_house(str(desk.folder / ".env"))
        assert known_sessions(house, desk.world.now)(evening.date() + timedelta(days=1)) is None
        with pytest.raises(Stop):
            run_loop(str(desk.folder / ".env"), dry=True, ticks=1, clock=lambda: evening, sleep=sleep)
    assert told == [f"{evening + timedelta(days=2):%Y-%m-%d} 14:30"]
    assert told[0][:10] > day


def test_status_tells_the_note(desk: AlpacaDesk) -> None:
    day = without_tomorrow(desk)
    desk.tick(dry=True)
    status = json.loads(desk.command("status", "--json").stdout)
    assert status["tick"]["errors"] == []
    assert f"closed on {day}" in status["tick"]["remarks"][0]
    assert f"note: calendar: the broker is closed on {day}" in " ".join(desk.command("status").stdout.split())
