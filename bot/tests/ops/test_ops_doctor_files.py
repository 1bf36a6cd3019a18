"""The doctor on a home's files: open ones, locked ones, somebody else's, and what nobody tends."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.ops.doctor_files import examine_files
from bot.ops.finding import Finding
from bot.store.journal import LedgerJournal
from bot.tests.builders import NOON
from bot.tests.commands.typed import AT, new_home, typed
from bot.tests.store.scene import a_tick
from bot.wiring import House, load_house

DAY = timedelta(days=1)


@pytest.fixture
def house(tmp_path: Path) -> House:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    return load_house(str(tmp_path / ".env"))


def found(house: House, what: str, days: int = 3) -> list[Finding]:
    return [one for one in examine_files(house, NOON + days * DAY) if one.what == what]


def test_a_home_as_the_program_makes_it_is_good(house: House) -> None:
    assert {one.level for one in examine_files(house, NOON + 3 * DAY)} == {"good"}


@pytest.mark.parametrize(
    ("name", "mode", "shown"),
    [("desk.toml", 0o644, "desk.toml is open"), ("logs", 0o750, "logs is open"), ("snapshots", 0o711, "snapshots is")],
)
def test_what_others_may_read_wants_a_look_and_the_command_that_mends_it(
    house: House, name: str, mode: int, shown: str
) -> None:
    (house.home / name).chmod(mode)
    (one,) = found(house, "files")
    assert (one.level, shown in one.words) == ("look", True)
    assert one.do == f"chmod -R go-rwx {house.home}"


@pytest.mark.parametrize(("name", "mode"), [("ledger.sqlite", 0o400), ("logs", 0o600), ("desk.toml", 0o200)])
def test_what_its_owner_cannot_use_stops(house: House, name: str, mode: int) -> None:
    before = (house.home / name).stat().st_mode
    (house.home / name).chmod(mode)
    (one,) = found(house, "files")
    (house.home / name).chmod(before)
    assert (one.level, name in one.words, "chmod -R u+rwX" in one.do) == ("stop", True, True)


def test_files_of_another_user_stop(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tick that root ran once leaves files that the timer's user cannot write."""
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    (one,) = found(house, "files")
    assert (one.level, " more are of another user" in one.words) == ("stop", True)
    assert f"chown -R {uid + 1}" in one.do


def test_a_halt_file_made_by_hand_is_well_and_a_link_is_not_followed(house: House, tmp_path: Path) -> None:
    (house.home / "HALT").write_text("")
    (house.home / "HALT").chmod(0o644)
    (tmp_path / "open").write_text("")
    (tmp_path / "open").chmod(0o666)
    (house.home / "link").symlink_to(tmp_path / "open")
    assert [one.level for one in found(house, "files")] == ["good"]


def test_a_log_that_nobody_tends_wants_a_look(house: House) -> None:
    (one,) = found(house, "log")
    assert (one.level, one.words[:7], one.words.endswith("kept 400 days")) == ("good", "1 file,", True)
    (late,) = found(house, "log", days=60)
    assert (late.level, "`bot vacuum`" in late.do) == ("look", True)


def test_months_due_for_thinning_want_a_look(tmp_path: Path) -> None:
    home = tmp_path / "desk"
    journal = LedgerJournal(home, "desk", synchronous="NORMAL")
    for days in (0, 31):
        a_tick(journal, NOON + days * DAY)
    journal.close()
    desk = read_desk(desk_text("balanced"))
    house = SimpleNamespace(home=home, desk=desk)
    assert found(house, "snapshots", days=400) == []  # type: ignore[arg-type]
    (one,) = found(house, "snapshots", days=420)  # type: ignore[arg-type]
    assert one == Finding(
        "look", "snapshots", "Snapshots of 1 month are older than 400 days: due for thinning", "`bot vacuum`"
    )
