"""The units of `systemd/`, as systemd itself reads them: clean, hardened, and on time on both sides of summer time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
import typer.main

from bot.cli import app
from bot.domain.sessions import NEW_YORK, session_on
from bot.ops.units import (
    BOARD,
    FAILED,
    HARDENING,
    RUNS,
    DeskUnits,
    Program,
    all_units,
    board_drop_in,
    desk_files,
    rendered,
    wanted_units,
)
from bot.wiring import DEADLINE_SECONDS

ROOT = Path(__file__).resolve().parents[3]
TEMPLATES = ROOT / "systemd"
PERIOD = 900
MOST = 15  # tenths: an exposure of 1.5
ANALYZE = shutil.which("systemd-analyze")
analyzed = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here: apt-get install systemd")

# What each service must say. The exceptions are stated: which unit, which line, what stands there and why.
REQUIRED = {
    "NoNewPrivileges": "yes", "UMask": "0077", "CapabilityBoundingSet": "", "AmbientCapabilities": "",
    "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
    "DevicePolicy": "closed", "PrivateUsers": "yes", "ProtectHostname": "yes", "ProtectClock": "yes",
    "ProtectKernelTunables": "yes", "ProtectKernelModules": "yes", "ProtectKernelLogs": "yes",
    "ProtectControlGroups": "yes", "ProtectProc": "invisible", "ProcSubset": "pid",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces": "yes", "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes", "RemoveIPC": "yes", "KeyringMode": "private", "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes", "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service ~@privileged @resources", "SystemCallErrorNumber": "EPERM",
}  # fmt: skip
NO_NETWORK = ("backup", "vacuum", "drill", "failed")
EXCEPTIONS = {
    (BOARD, "MemoryDenyWriteExecute"): "no",  # V8 compiles as it runs
    **{(f"bot-{kind}@.service", "RestrictAddressFamilies"): "AF_UNIX" for kind in NO_NETWORK},
}
SILENT = ("bot-failed@.service", "bot-alerts@.service", "bot-commands@.service", BOARD)
"""Services without OnFailure: what it would say goes through them, or nobody's money hangs on them."""

PROGRAM = Program(Path(sys.executable), ROOT, Path(shutil.which("node") or "/bin/true"))


def a_desk(folder: Path) -> DeskUnits:
    """Give a desk whose home lies in a folder, run by a user that every Debian has."""
    return DeskUnits(
        "demo", folder / ".env", folder / "home", (folder / "home", folder / "state"), "daemon", "daemon",
        folder / "demo.secrets", None, True,
    )  # fmt: skip


def staged(folder: Path, *, user_mode: bool = False, templates: Path = TEMPLATES) -> Path:
    """Write all units with one desk's own part into a folder."""
    desk = a_desk(folder)
    desk = desk._replace(user="", group="") if user_mode else desk
    units = rendered(templates, PROGRAM, user_mode=user_mode, board=True)
    texts = units | desk_files(desk, PROGRAM, units) | {f"{BOARD}.d/desk.conf": board_drop_in((desk,), PROGRAM)}
    for name, text in texts.items():
        path = folder / "units" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "units"


def instances(kind: str = "") -> list[str]:
    """Name every unit as it runs for the desk demo."""
    return [instance(path.name) for path in sorted(TEMPLATES.glob(f"bot-*{kind}"))]


def instance(name: str) -> str:
    """Name a unit as it runs for the desk demo; the handler of failures runs for a unit."""
    return name.replace("@.", "@bot-tick@demo." if name == FAILED else "@demo.")


def analyze(units: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Ask systemd-analyze about units in a folder, with nothing of this machine's own settings."""
    assert ANALYZE is not None
    environ = {
        "PATH": os.environ["PATH"], "SYSTEMD_UNIT_PATH": f"{units}:", "TZ": "UTC", "LANG": "C", "SYSTEMD_PAGER": "",
        "XDG_RUNTIME_DIR": str(units), "HOME": str(units), "SYSTEMD_COLORS": "0",
    }  # fmt: skip
    return subprocess.run([ANALYZE, *words], env=environ, capture_output=True, text=True, check=False, timeout=60)


def keys(text: str) -> dict[str, str]:
    """Read what a unit's text comes to: the last value of each key, or all of them where lines add up."""
    found: dict[str, str] = {}
    adds = ("SystemCallFilter", "OnCalendar", "Conflicts", "RestrictAddressFamilies", "Environment")
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            lists = key in adds and found.get(key) and value != "none"
            found[key] = f"{found[key]} {value}" if lists and found[key] != "none" else value
    return found


def unit(name: str) -> dict[str, str]:
    """Give a template's keys as they are rendered."""
    return keys(rendered(TEMPLATES, PROGRAM, user_mode=False, board=True)[name])


def seconds(span: str) -> int:
    """Count the seconds of a span such as 14min."""
    number, word = re.fullmatch(r"(\d+)(s|min|h)", span).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "min": 60, "h": 3600}[word]


def weaknesses(name: str, text: str) -> list[str]:
    """Name each line of the hardening that a service lacks."""
    said = keys(text)
    return [key for key, value in REQUIRED.items() if said.get(key) != EXCEPTIONS.get((name, key), value)]


@analyzed
@pytest.mark.parametrize("user_mode", [False, True])
def test_systemd_reads_every_unit_without_a_word(tmp_path: Path, user_mode: bool) -> None:
    units = staged(tmp_path, user_mode=user_mode)
    done = analyze(units, *(["--user"] if user_mode else []), "verify", "--man=no", *instances())
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@analyzed
def test_a_misspelt_line_is_noticed(tmp_path: Path) -> None:
    units = staged(tmp_path)
    path = units / "bot-tick@.service"
    path.write_text(path.read_text().replace("ProtectSystem=", "ProtectSytem="))
    assert "ProtectSytem" in analyze(units, "verify", "--man=no", "bot-tick@demo.service").stderr


@analyzed
@pytest.mark.parametrize("under_home", [False, True])
def test_no_service_is_exposed_to_more_than_one_and_a_half(tmp_path: Path, under_home: bool) -> None:
    units = staged(tmp_path)
    for path in units.glob("*.d/desk.conf"):
        if under_home:  # the program in somebody's home folder must be seen there
            path.write_text(path.read_text() + "ProtectHome=read-only\n")
    for path in units.glob("bot-*@.service"):
        shutil.copy(path, units / instance(path.name))
    for name in instances(".service"):
        done = analyze(units, "security", "--offline=true", "--no-pager", f"--threshold={MOST}", str(units / name))
        assert done.returncode == 0, done.stdout[-200:]
        assert "Overall exposure level" in done.stdout


@analyzed
def test_a_service_without_its_hardening_is_over_the_threshold(tmp_path: Path) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    (tmp_path / "templates" / HARDENING).write_text("NoNewPrivileges=yes\n")
    units = staged(tmp_path, templates=tmp_path / "templates")
    path = units / "bot-tick@.service"
    assert analyze(units, "security", "--offline=true", f"--threshold={MOST}", str(path)).returncode != 0


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("bot-*.service")), ids=lambda path: path.name)
def test_every_service_says_every_line_of_the_hardening(path: Path) -> None:
    assert weaknesses(path.name, rendered(TEMPLATES, PROGRAM, user_mode=False, board=True)[path.name]) == []


@pytest.mark.parametrize("key", sorted(REQUIRED))
def test_taking_one_line_of_the_hardening_away_is_noticed(tmp_path: Path, key: str) -> None:
    shutil.copytree(TEMPLATES, tmp_path / "templates")
    path = tmp_path / "templates" / HARDENING
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith(f"{key}=")))
    text = rendered(tmp_path / "templates", PROGRAM, user_mode=False, board=False)["bot-tick@.service"]
    assert weaknesses("bot-tick@.service", text) == [key]


def test_what_needs_no_network_is_given_none() -> None:
    for kind in NO_NETWORK:
        assert unit(f"bot-{kind}@.service")["IPAddressDeny"] == "any"
    assert "IPAddressDeny" not in unit("bot-tick@.service")


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("bot-*@.service")), ids=lambda path: path.name)
def test_every_service_starts_a_command_that_there_is(path: Path) -> None:
    words = unit(path.name)["ExecStart"].split()
    assert words[:3] == [sys.executable, "-m", "bot"]
    command = typer.main.get_command(app)
    rest = words[3:]
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, f"{path.name}: there is no command `bot {' '.join(words[3:])}`"
        command = command.commands[rest.pop(0)]
    assert not hasattr(command, "commands"), f"{path.name}: {words[3:]} is a group, not a command"
    known = {option for one in command.params for option in one.opts}
    assert {word for word in rest if word.startswith("--")} <= known, f"{path.name}: {rest}, known are {sorted(known)}"
    assert "--env" in known  # BOT_ENV of the desk's own part reaches it


def test_the_board_starts_the_server_that_there_is() -> None:
    said = unit(BOARD)
    assert (Path(said["WorkingDirectory"]) / said["ExecStart"].split()[1]).is_file()


def test_a_tick_has_time_for_its_deadline_and_is_stopped_before_the_next_slot() -> None:
    """(C001)"""
    said = unit("bot-tick@.service")
    assert said["Type"] == "oneshot"
    assert "Restart" not in said
    assert DEADLINE_SECONDS + 30 <= seconds(said["TimeoutStartSec"]) < PERIOD
    assert seconds(said["TimeoutStartSec"]) < seconds(said["StartLimitIntervalSec"]) < PERIOD
    assert int(said["StartLimitBurst"]) <= 2
    assert said["SuccessExitStatus"] == "75"
    assert seconds(unit("bot-commands@.service")["TimeoutStartSec"]) >= DEADLINE_SECONDS + 30  # it may run a tick


def test_timer_and_loop_end_each_other_both_ways() -> None:
    """(C001)"""
    loop, session, always = (RUNS[run].format("%i") for run in ("loop", "session", "always"))
    assert set(unit("bot-loop@.service")["Conflicts"].split()) == {session, always}
    assert set(unit("bot-tick@.timer")["Conflicts"].split()) == {loop, always}
    assert set(unit("bot-tick-24x7@.timer")["Conflicts"].split()) == {loop, session}
    assert unit("bot-tick-24x7@.timer")["Unit"] == "bot-tick@%i.service"


def test_the_loop_stops_as_ctrl_c_does_and_is_not_started_again_by_a_wrong_configuration() -> None:
    """(A072, A073)"""
    said = unit("bot-loop@.service")
    assert (said["KillSignal"], said["SuccessExitStatus"], said["Restart"]) == ("SIGINT", "130", "on-failure")
    assert "78" in said["RestartPreventExitStatus"].split()
    assert seconds(said["RestartSec"]) * int(said["StartLimitBurst"]) < seconds(said["StartLimitIntervalSec"])


def test_whatever_starts_again_does_so_within_its_own_start_limit() -> None:
    """Else systemd would try for ever, and OnFailure would never tell."""
    for path in TEMPLATES.glob("bot-*.service"):
        said = unit(path.name)
        if "Restart" in said:
            tries = seconds(said["RestartSec"]) * int(said["StartLimitBurst"])
            assert tries < seconds(said["StartLimitIntervalSec"]), path.name


def test_a_failed_unit_becomes_an_alert_and_a_failed_alert_does_not() -> None:
    for path in TEMPLATES.glob("bot-*.service"):
        told = unit(path.name).get("OnFailure")
        assert told == (None if path.name in SILENT else "bot-failed@%N.service"), path.name


def test_each_unit_has_a_handler_of_its_own(tmp_path: Path) -> None:
    """systemd names the unit that failed only to a handler that no other unit names."""
    folders = {path.parent.name for path in staged(tmp_path).glob("bot-failed@*.d/desk.conf")}
    loud = [path.name for path in TEMPLATES.glob("bot-*.service") if path.name not in SILENT]
    assert folders == {f"bot-failed@{name.replace('@.', '@demo.')}.d" for name in loud}
    assert "--unit %i.service" in unit(FAILED)["ExecStart"]


def test_only_report_backup_and_drill_are_caught_up() -> None:
    """(C001) A missed tick is a gap in the record."""
    late = {path.name for path in TEMPLATES.glob("*.timer") if unit(path.name)["Persistent"] == "true"}
    assert late == {"bot-report@.timer", "bot-backup@.timer", "bot-drill@.timer"}
    for path in TEMPLATES.glob("*.timer"):
        said = unit(path.name)
        assert (said["AccuracySec"], said["RandomizedDelaySec"]) == ("1s", "0"), path.name
        assert (TEMPLATES / said.get("Unit", path.name.replace(".timer", ".service")).replace("%i", "")).is_file()


def test_what_is_switched_on_exists() -> None:
    every = {name for run in RUNS for name in wanted_units("demo", run, report=True, commands=True)}
    assert every == set(all_units("demo"))
    assert every <= set(instances())


def test_every_unit_named_in_the_documents_exists() -> None:
    known = {path.name for path in TEMPLATES.glob("bot-*")}
    for path in (*ROOT.glob("*.md"), ROOT / "Makefile"):
        for stem, _, kind in re.findall(r"\b(bot-[a-z0-9-]+(@)?)[\w%]*\.(timer|service)\b", path.read_text()):
            assert f"{stem}.{kind}" in known, f"{path.name} names {stem}.{kind}"


def elapses(units: Path, timer: str, begin: datetime, end: datetime) -> list[datetime]:
    """Ask systemd for every moment at which a timer elapses, from its own lines."""
    found = set()
    most = {"bot-tick@.timer": 260, "bot-alerts@.timer": 130, "bot-commands@.timer": 130}.get(timer, 700)
    for line in (TEMPLATES / timer).read_text().splitlines():
        if not line.startswith("OnCalendar="):
            continue
        base = f"--base-time={begin - timedelta(seconds=1):%Y-%m-%d %H:%M:%S} UTC"
        told = analyze(units, "calendar", base, f"--iterations={most}", line.partition("=")[2]).stdout
        texts = re.findall(r"(?:Next elapse|Iter\. #\d+): \w{3} ([\d-]+ [\d:]+) UTC", told)
        assert texts, told
        found |= {datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts}
    return sorted(one for one in found if begin <= one < end)


def days(begin: datetime, end: datetime) -> list[date]:
    """List the New York days between two moments at midnight UTC."""
    return [begin.date() + timedelta(days=number) for number in range((end - begin).days)]


# Ten days around each change of 2026: 8 March and 1 November, and the week in which London and New York disagree.
CHANGES = [
    (datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 3, 14, tzinfo=UTC)),
    (datetime(2026, 10, 28, tzinfo=UTC), datetime(2026, 11, 7, tzinfo=UTC)),
]


@analyzed
@pytest.mark.parametrize(("begin", "end"), CHANGES)
def test_ticks_come_at_every_slot_of_a_session_and_at_its_close(tmp_path: Path, begin: datetime, end: datetime) -> None:
    """(C001) On both sides of summer time; at no weekend, and not a quarter after the close."""
    expected = []
    for day in days(begin, end):
        session = session_on(day)
        if session is not None:
            moment = session.open_at
            while moment <= session.close_at:
                expected.append(moment)
                moment += timedelta(seconds=PERIOD)
    found = elapses(tmp_path, "bot-tick@.timer", begin, end)
    assert found == expected
    assert {one.astimezone(NEW_YORK).time() for one in found} >= {time(9, 30), time(15, 45), time(16, 0)}
    assert len({one.hour for one in found if one.minute == 30}) == 8  # both opens: 13:30 and 14:30 UTC


@analyzed
def test_on_a_half_day_ticks_go_on_to_come_and_the_bot_decides(tmp_path: Path) -> None:
    begin = datetime(2026, 11, 27, tzinfo=UTC)
    session = session_on(date(2026, 11, 27))
    assert session is not None
    assert session.early
    found = elapses(tmp_path, "bot-tick@.timer", begin, begin + timedelta(days=1))
    assert session.open_at in found
    assert session.close_at in found
    assert len(found) == 27


@analyzed
@pytest.mark.parametrize(("begin", "end"), CHANGES)
def test_the_report_comes_after_every_close(tmp_path: Path, begin: datetime, end: datetime) -> None:
    """(C006)"""
    found = elapses(tmp_path, "bot-report@.timer", begin, end)
    assert [one.date() for one in found] == [day for day in days(begin, end) if day.weekday() < 5]
    for one in found:
        session = session_on(one.date())
        assert (one.hour, one.minute) == (22, 30)
        assert session is None or one > session.close_at + timedelta(hours=1)


@analyzed
@pytest.mark.parametrize(("begin", "end"), CHANGES)
def test_around_the_clock_no_quarter_is_left_out_or_doubled(tmp_path: Path, begin: datetime, end: datetime) -> None:
    begin += timedelta(days=3)
    expected = [begin + number * timedelta(seconds=PERIOD) for number in range(96 * 3)]
    assert elapses(tmp_path, "bot-tick-24x7@.timer", begin, begin + timedelta(days=3)) == expected


@analyzed
def test_the_others_come_as_often_as_they_should_and_not_with_a_tick(tmp_path: Path) -> None:
    begin = datetime(2026, 3, 7, tzinfo=UTC)
    week = begin + timedelta(days=7)
    counts = {
        "bot-watch@.timer": 4 * 24 * 7,
        "bot-backup@.timer": 24 * 7,
        "bot-vacuum@.timer": 1,
        "bot-drill@.timer": 1,
    }
    for timer, number in counts.items():
        found = elapses(tmp_path, timer, begin, week)
        assert len(found) == number, timer
        assert all(one.minute % 15 for one in found), timer
        if number == 1:
            assert found[0].weekday() >= 5, timer
    for timer in ("bot-alerts@.timer", "bot-commands@.timer"):
        found = elapses(tmp_path, timer, begin, begin + timedelta(hours=2))
        assert len(found) == 120, timer
        assert all(one.second for one in found), timer
