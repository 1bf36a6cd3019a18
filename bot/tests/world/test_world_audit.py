"""A run of real ticks, orders repriced, positions assigned and all, is sound to the last row."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from bot.store.verifying import find_faults
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, sessions_from

HALF_HOURS = tuple(timedelta(minutes=minutes) for minutes in range(15, 385, 30))
SYMBOLS = ("EWZ", "FXI", "GDX", "SLV", "XLE", "XLF")


def test_a_record_of_real_ticks_is_sound(tmp_path: Path) -> None:
    house = make_house(tmp_path / "desk", choice_of("balanced", 25_000, SYMBOLS), 15)
    with run_in(house) as run:
        for moment in moments_in(sessions_from(date(2026, 1, 20), 40), HALF_HOURS):
            run.tick_at(moment)
        connection = run.journal.database.connection
        for table in ("fills", "leg_ends", "refusals", "notes", "income_daily", "position_days"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, table
        assert list(find_faults(connection, house.home)) == []
