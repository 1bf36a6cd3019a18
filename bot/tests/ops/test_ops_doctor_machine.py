"""The doctor on the program and the machine: zone data, packages, the disk's kind, and who holds the lock."""

from __future__ import annotations

import fcntl
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot import __version__
from bot.ops.doctor_machine import HELD_LOOK, examine_machine, file_system, folder, is_held, kind_of, lock
from bot.ops.doctor_program import calendar_end, examine_program, zone
from bot.store.lock import LOCK_NAME, home_lock

NOON = datetime(2026, 11, 18, 17, tzinfo=UTC)


def test_the_program_this_runs_on_is_fit() -> None:
    found = {one.what: one for one in examine_program(__version__)}
    assert {found[what].level for what in ("python", "sqlite", "zone data", "written by")} == {"good"}
    assert "both sides of both changes" in found["zone data"].words


def test_a_home_written_by_another_program_is_told_with_the_way_up() -> None:
    found = {one.what: one for one in examine_program("0.0.1")}["written by"]
    assert (found.level, "0.0.1" in found.words, "bot upgrade --check" in found.do) == ("look", True, True)


def test_a_package_of_another_version_is_named_with_the_command(tmp_path: Path) -> None:
    lock_file = tmp_path / "requirements.lock"
    lock_file.write_text("msgspec==0.0.1 \\\n    --hash=sha256:00\ncolorama==1 ; sys_platform == 'win32'\n")
    found = {one.what: one for one in examine_program("", lock_file)}["packages"]
    assert found.level == "look"
    assert "tested with 0.0.1" in found.words
    assert "colorama" not in found.words
    assert found.do.endswith(f"-m pip install -r {lock_file}")
    assert {one.what: one for one in examine_program("", tmp_path / "none")}["packages"].level == "good"


@pytest.mark.parametrize(
    ("name", "level"), [("America/New_York", "good"), ("America/Chicago", "stop"), ("No/Where", "stop")]
)
def test_zone_data_that_is_missing_or_an_hour_off_stops(name: str, level: str) -> None:
    assert zone(name).level == level


@pytest.mark.parametrize(
    ("day", "level"), [(date(2026, 1, 1), "good"), (date(2030, 12, 1), "look"), (date(2031, 1, 2), "stop")]
)
def test_the_end_of_the_shipped_calendar_is_seen_coming(day: date, level: str) -> None:
    assert calendar_end(day).level == level


def test_the_kind_of_a_disk_is_that_of_the_longest_mount_above_it(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/a / ext4 rw 0 0\nserver:/x /srv/my\\040desk nfs4 rw 0 0\ntmpfs /run tmpfs rw 0 0\n")
    assert kind_of(Path("/srv/my desk/data"), mounts) == "nfs4"
    assert kind_of(Path("/srv/my"), mounts) == "ext4"
    assert file_system(Path("/run/home"), mounts).level == "look"
    assert file_system(Path("/srv/my desk"), mounts).level == "stop"
    assert file_system(Path("/home"), mounts).level == "good"
    assert file_system(Path("/home"), tmp_path / "none").words == "not told on this machine"


def test_a_free_lock_names_who_had_it_last_and_is_not_taken(tmp_path: Path) -> None:
    assert lock(tmp_path, NOON).words == "free; nobody held it yet"
    with home_lock(tmp_path, "bot tick", NOON):
        pass
    found = lock(tmp_path, NOON)
    assert (found.level, found.words.startswith("free; last held by process")) == ("good", True)


def test_a_held_lock_is_told_without_turning_its_holder_away(tmp_path: Path) -> None:
    with home_lock(tmp_path, "bot tick", NOON):
        found = lock(tmp_path, NOON + timedelta(seconds=5))
        late = lock(tmp_path, NOON + HELD_LOOK + timedelta(seconds=1))
    assert (found.level, f"held by process {os.getpid()}, bot tick" in found.words) == ("good", True)
    assert (late.level, f"ps {os.getpid()}" in late.do) == ("look", True)


def test_a_lock_under_another_name_is_no_lock_of_this_home(tmp_path: Path) -> None:
    with (tmp_path / "other").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        (tmp_path / LOCK_NAME).write_text("process 1, bot tick\n")
        assert is_held((tmp_path / LOCK_NAME).stat(), Path("/proc/locks")) is False
        assert is_held((tmp_path / "other").stat(), Path("/proc/locks")) is True
    assert is_held((tmp_path / "other").stat(), tmp_path / "none") is None


def test_a_lock_that_is_a_folder_stops_with_what_removes_it(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).mkdir()
    found = lock(tmp_path, NOON)
    assert (found.level, found.do) == ("stop", f"rm -r {tmp_path / LOCK_NAME}")


def test_an_open_home_and_a_missing_one_are_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert (folder(tmp_path).level, folder(tmp_path).do) == ("look", f"chmod 700 {tmp_path}")
    assert folder(tmp_path / "none").level == "stop"


@pytest.mark.parametrize(
    ("changed", "what", "level"),
    [
        ({"f_bavail": 1_000_000}, "disk", "good"), ({"f_bavail": 100_000}, "disk", "look"),
        ({"f_bavail": 100}, "disk", "stop"), ({"f_flag": os.ST_RDONLY}, "disk", "stop"),
        ({"f_favail": 0}, "inodes", "stop"), ({"f_favail": 10}, "inodes", "look"), ({"f_files": 0}, "inodes", "good"),
    ],
)  # fmt: skip
def test_room_on_the_disk_is_judged_as_a_tick_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: dict[str, int], what: str, level: str
) -> None:
    class Disk:
        f_bavail, f_bfree, f_blocks, f_frsize, f_bsize = 10_000_000, 10_000_000, 10_000_000, 4096, 4096
        f_flag, f_files, f_favail = 0, 10_000_000, 10_000_000

    for name, value in changed.items():
        setattr(Disk, name, value)
    monkeypatch.setattr(os, "statvfs", lambda path: Disk)
    found = {one.what: one for one in examine_machine(tmp_path, NOON)}[what]
    assert found.level == level, found
    assert bool(found.do) or level == "good"
