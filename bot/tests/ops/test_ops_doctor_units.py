"""The doctor on systemd's units: what `systemctl show` prints is read, nothing is set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.config.settings import load_settings
from bot.ops import doctor_units
from bot.ops.doctor_units import ask_systemctl, examine_units, installed_elsewhere, names_of, talking_of
from bot.ops.finding import Finding
from bot.ops.units import DeskUnits, Program, desk_drop_in

WHEEL = frozenset({"wheel"})


def unit(name: str, active: str = "active", file: str = "enabled", **facts: str) -> str:
    told = {"Id": name, "LoadState": "loaded", "ActiveState": active, "UnitFileState": file, **facts}
    return "\n".join(f"{key}={value}" for key, value in told.items())


def asked(*units: str) -> Callable[[bool], str | None]:
    return lambda user: None if user else "\n\n".join(units)


HEALTHY = (
    unit("bot-tick@wheel.timer", NextElapseUSecRealtime="Mon 2026-11-23 14:30:00 UTC"),
    unit("bot-tick@wheel.service", "inactive", "static"),
    unit("bot-watch@wheel.timer"),
    unit("bot-alerts@wheel.timer"),
    unit("bot-backup@wheel.timer"),
    unit("bot-loop@wheel.service", "inactive", "disabled"),
)


def found(*units: str, owner: str = "") -> dict[str, Finding]:
    return {one.what: one for one in examine_units(WHEEL, asked(*units), owner=owner)}


def test_a_desk_with_its_timers_is_good_and_says_when_it_ticks_next() -> None:
    seen = found(*HEALTHY)
    assert {one.level for one in seen.values()} == {"good"}
    assert seen["ticking"].words == "bot-tick@wheel.timer, next Mon 2026-11-23 14:30:00 UTC"


@pytest.mark.parametrize(
    ("units", "what", "level", "do"),
    [
        ((*HEALTHY[:5], unit("bot-loop@wheel.service")), "ticking", "stop", "disable --now bot-loop@wheel.service"),
        ((*HEALTHY, unit("bot-tick-24x7@wheel.timer")), "ticking", "stop", "disable --now bot-tick-24x7@wheel.timer"),
        (HEALTHY[1:], "ticking", "look", "enable --now bot-tick@wheel.timer"),
        ((unit("bot-tick@wheel.timer", "inactive"), *HEALTHY[1:]), "ticking", "look", "start bot-tick@wheel.timer"),
        (
            (unit("bot-tick@wheel.timer", "active", "disabled"), *HEALTHY[1:]),
            "ticking",
            "look",
            "enable bot-tick@wheel",
        ),
        ((*HEALTHY[:2], *HEALTHY[3:]), "watch", "look", "enable --now bot-watch@wheel.timer"),
        (
            (*HEALTHY, unit("bot-report@wheel.service", "failed", Result="timeout")),
            "units",
            "look",
            "journalctl -u bot-report@wheel.service -n 30",
        ),
        ((unit("bot-tick@other.timer"),), "timers", "look", "make install-systemd DESK=wheel"),
        ((), "timers", "look", "make install-systemd DESK=wheel"),
    ],
)
def test_what_is_amiss_is_told_with_its_command(units: tuple[str, ...], what: str, level: str, do: str) -> None:
    seen = found(*units)
    assert (seen[what].level, do in seen[what].do) == (level, True), seen[what]


def test_a_channel_without_the_timer_that_reports_or_listens_is_told(tmp_path: Path) -> None:
    chat = {"TELEGRAM_BOT_TOKEN": f"123456:{'A' * 35}", "TELEGRAM_CHAT_ID": "-1001", "TELEGRAM_ADMINS": "7"}
    wanted = talking_of(load_settings({"BOT_HOME": "x", **chat}, tmp_path))
    assert wanted == ("bot-report", "bot-commands")
    seen = {one.what: one for one in examine_units(WHEEL, asked(*HEALTHY), talking=wanted)}
    assert seen["report"].level == "look"
    assert seen["report"].do.endswith("enable --now bot-report@wheel.timer")
    assert seen["commands"].words == "its timer is not running: the chat is set up, and nobody listens to it"
    assert talking_of(load_settings({"BOT_HOME": "x"}, tmp_path)) == ()


def test_a_loop_alone_is_as_good_as_a_timer() -> None:
    assert found(*HEALTHY[2:5], unit("bot-loop@wheel.service"))["ticking"].level == "good"


def test_a_board_of_another_user_stops_for_it_can_keep_ticks_from_writing() -> None:
    board = unit("bot-dashboard.service", User="www")
    assert found(*HEALTHY, board, owner="bot")["dashboard"].level == "stop"
    assert found(*HEALTHY, unit("bot-dashboard.service", User="bot"), owner="bot")["dashboard"].level == "good"


def test_without_systemd_nothing_is_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor_units, "RUNNING", tmp_path / "none")
    assert ask_systemctl(False) is None
    (one,) = examine_units(WHEEL, lambda user: None)
    assert (one.level, one.what) == ("good", "systemd")


def test_a_systemctl_that_hangs_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "systemctl"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(doctor_units, "RUNNING", tmp_path)
    monkeypatch.setattr(doctor_units, "ASK_SECONDS", 0.2)
    assert ask_systemctl(False) is None


def test_systemctl_is_asked_to_show_and_nothing_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\necho Id=bot-tick@wheel.timer\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(doctor_units, "RUNNING", tmp_path)
    assert "bot-tick@wheel.timer" in (ask_systemctl(True) or "")
    assert (tmp_path / "asked").read_text().startswith("--user show ")


def test_a_home_without_installed_units_is_looked_for_by_its_name(tmp_path: Path) -> None:
    assert names_of(tmp_path, "main", (tmp_path,)) == {"main"}


def test_units_that_were_installed_for_the_home_before_a_restore_are_named(tmp_path: Path) -> None:
    program = Program(Path("/usr/bin/python3"), Path("/opt/escapement"))
    desk = DeskUnits("wheel", tmp_path / ".env", tmp_path / "old", (tmp_path / "old",))
    drop_in = tmp_path / "bot-watch@wheel.service.d" / "desk.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(desk_drop_in(desk, program))
    (one,) = installed_elsewhere(tmp_path / "new", "wheel", (tmp_path,))
    assert (one.level, f"installed for {tmp_path / 'old'}" in one.words) == ("look", True)
    assert one.do == "make install-systemd DESK=wheel ENV_FILE=... APPLY=1"
    assert list(installed_elsewhere(tmp_path / "old", "wheel", (tmp_path,))) == []
    assert list(installed_elsewhere(tmp_path / "new", "main", (tmp_path,))) == []
