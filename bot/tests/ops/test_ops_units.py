"""`bot units`: what is said, written and run for a desk; systemctl is a script on the PATH that keeps its words."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.commands.installing import Steps, carry_out, install_steps, run_install, systemctl, uninstall_steps
from bot.domain.errors import BotError, ConfigError, StoreError, UsageError
from bot.ops import unit_checks
from bot.ops.unit_checks import Looked, Place, account_of, desks_at, look, place_of, this_program
from bot.ops.units import BOARD, MARK, DeskUnits, Program, desk_drop_in, path_faults, read_desk_drop_in

ME = pwd.getpwuid(os.getuid())
HOOK = "https://discord.com/" + "api/webhooks"
TOKEN = "123456:canaryABCDEFGHIJKLMNOPQRSTUV"


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Make a desk with its home, as `bot init` does."""
    path = tmp_path / "desk" / ".env"
    path.parent.mkdir()
    done = CliRunner().invoke(app, ["init", "--env", str(path)])
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a systemctl on the PATH that writes down its words; a file named `refuse` makes it refuse those."""
    script = tmp_path / "path" / "systemctl"
    script.parent.mkdir()
    script.write_text(
        f"#!/bin/sh\ncase \"$*\" in *--version*) cat {tmp_path}/version; exit 0;; esac\n"
        f"echo \"$*\" >> {tmp_path}/said\n"
        f"case \"$*\" in *$(cat {tmp_path}/refuse 2>/dev/null || echo nothing-at-all)*) echo no >&2; exit 1;; esac\n"
    )  # fmt: skip
    script.chmod(0o755)
    (tmp_path / "version").write_text("systemd 252 (252.38-1)\n+PAM\n")
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return tmp_path / "said"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give folders for units and secrets."""
    (tmp_path / "config").mkdir()
    return Place(tmp_path / "units", tmp_path / "config", user_mode=True)


def looked(env_file: Path, place: Place, name: str = "wheel", *, board: bool = False) -> Looked:
    """Look at a desk as the user who tests."""
    return look(name, env_file, ME, place, board=board, program=this_program())


def a_desk(name: str = "wheel", *, board: bool = False) -> DeskUnits:
    """Give a desk of a system's manager."""
    home = Path(f"/srv/{name}/data")
    writable = (home, Path("/var/lib/esc/.local/state/escapement"))
    return DeskUnits(name, Path(f"/srv/{name}/.env"), home, writable, "esc", "esc", None, None, board)


def found(desk: DeskUnits, *, commands: bool = False) -> Looked:
    """Give checks that found nothing wrong."""
    return Looked(desk, this_program(), commands, True, (), ())


def tree(folder: Path) -> dict[str, str]:
    """Read every file below a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_without_apply_nothing_is_written_and_nothing_run(
    env_file: Path, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.installing.place_of", lambda *_, **__: Place(tmp_path / "units", tmp_path, True))
    before = tree(tmp_path)
    run_install(str(env_file), desk="wheel", user_mode=False, run="session", board=False, user=ME.pw_name, apply=False,
                texts=False, root="")  # fmt: skip
    told = capsys.readouterr().out
    assert tree(tmp_path) == before
    assert not said.exists()
    assert "write   bot-tick@.timer\n" in told
    assert "bot-tick@wheel.timer               ticks in session hours" in told
    assert f"| Environment=BOT_ENV={env_file}" in told
    assert "nothing was done: the same with APPLY=1" in told


def test_with_apply_it_is_done_and_says_what_to_look_at(
    env_file: Path, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.installing.place_of", lambda *_, **__: Place(tmp_path / "units", tmp_path, True))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    run_install(str(env_file), desk="wheel", user_mode=True, run="loop", board=False, user="", apply=True, texts=False,
                root="")  # fmt: skip
    told = capsys.readouterr().out
    assert said.read_text().splitlines()[-1] == "--user restart bot-loop@wheel.service"
    # A unit whose ReadWritePaths are missing does not start.
    assert (tmp_path / "state" / "escapement").stat().st_mode & 0o777 == 0o700
    assert "journalctl --user -u 'bot-*@wheel.service' -f" in told
    assert f"loginctl enable-linger {ME.pw_name}" in told


def test_faults_come_with_the_plan_and_nothing_is_done(
    env_file: Path, said: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.installing.place_of", lambda *_, **__: Place(tmp_path / "units", tmp_path, True))
    shutil.rmtree(env_file.parent / "data")
    with pytest.raises(ConfigError, match="`bot init` makes a home"):
        run_install(str(env_file), desk="wheel", user_mode=True, run="loop", board=False, user="", apply=True,
                    texts=False, root="")  # fmt: skip
    assert "bot-loop@wheel.service" in capsys.readouterr().out
    assert not (tmp_path / "units").exists()
    assert not said.exists()


def test_apply_writes_and_runs_what_was_said_and_a_second_time_changes_nothing(
    env_file: Path, place: Place, said: Path
) -> None:
    for _ in range(2):
        seen = looked(env_file, place)
        assert seen.faults == ()
        steps = install_steps(seen, place, "session")
        carry_out(steps, place, systemctl(place))
        assert said.read_text().splitlines() == [
            "--user daemon-reload",
            "--user disable --now bot-tick-24x7@wheel.timer bot-loop@wheel.service bot-report@wheel.timer "
            "bot-commands@wheel.timer",
            "--user enable --now bot-watch@wheel.timer bot-backup@wheel.timer bot-vacuum@wheel.timer "
            "bot-drill@wheel.timer bot-alerts@wheel.timer bot-tick@wheel.timer",
        ]
        said.unlink()
        texts = tree(place.units)
        stamps = {path: path.stat().st_mtime_ns for path in place.units.rglob("*.timer")}
    assert {path: path.stat().st_mtime_ns for path in place.units.rglob("*.timer")} == stamps
    assert all(text.startswith(MARK) for text in texts.values())
    assert "@PYTHON@" not in "".join(texts.values())
    assert f"ExecStart={sys.executable} -m bot tick\n" in texts["bot-tick@.service"]
    assert "ProtectSystem" not in texts["bot-tick@.service"]  # a user's manager cannot
    assert "SystemCallFilter=@system-service" in texts["bot-tick@.service"]


def test_the_loop_takes_the_timers_place_and_is_started_anew(place: Place, said: Path) -> None:
    place = place._replace(user_mode=False)
    carry_out(install_steps(found(a_desk()), place, "loop"), place, systemctl(place))
    words = said.read_text().splitlines()
    assert words[1] == "disable --now bot-tick@wheel.timer bot-tick-24x7@wheel.timer bot-commands@wheel.timer"
    assert "bot-loop@wheel.service" not in words[2]
    assert words[3:] == ["enable bot-loop@wheel.service", "restart bot-loop@wheel.service"]


def test_uninstall_takes_away_what_was_written_and_nothing_else(place: Place, said: Path) -> None:
    place.units.mkdir()
    (place.units / "bot-tick@wheel.service.d").mkdir()
    strange = {"bot-mine.service": "mine", "bot-tick@wheel.service.d/override.conf": "[Service]\nNice=1\n",
               "bot-other@.service": "[Service]\n"}  # fmt: skip
    for name, text in strange.items():
        (place.units / name).write_text(text)
    (place.config / "wheel.secrets").write_text("ALPACA_API_KEY=x\n")
    for name in ("wheel", "spare"):
        carry_out(install_steps(found(a_desk(name)), place, "session"), place, None)
    assert [one.name for one in desks_at(place.units)] == ["spare", "wheel"]
    carry_out(uninstall_steps("spare", place, this_program()), place, systemctl(place))
    assert [one.name for one in desks_at(place.units)] == ["wheel"]
    assert (place.units / "bot-tick@.timer").exists()  # the other desk needs it
    assert "bot-tick@spare.timer" in said.read_text()
    assert "wheel" not in said.read_text()
    carry_out(uninstall_steps("wheel", place, this_program()), place, systemctl(place))
    assert tree(place.units) == strange
    assert (place.config / "wheel.secrets").exists()


def test_the_board_shows_every_desk_that_asked_and_goes_with_the_last(place: Place) -> None:
    own = place.units / f"{BOARD}.d/desk.conf"
    for name in ("wheel", "spare"):
        carry_out(install_steps(found(a_desk(name, board=True)), place, "session"), place, None)
    assert "Environment=DASHBOARD_HOMES=wheel=/srv/wheel/data,spare=/srv/spare/data\n" in own.read_text()
    assert "ReadWritePaths=/srv/wheel/data /srv/spare/data\n" in own.read_text()
    steps = uninstall_steps("wheel", place, this_program())
    assert steps.start_anew == (BOARD,)
    carry_out(steps, place, None)
    assert "Environment=DASHBOARD_HOMES=spare=/srv/spare/data\n" in own.read_text()
    steps = install_steps(found(a_desk("spare")), place, "session")  # installed again, without the board
    assert BOARD in steps.off
    carry_out(steps, place, None)
    assert not own.parent.exists()
    assert not (place.units / BOARD).exists()


def test_secrets_arrive_as_a_credential_where_root_installs_and_by_name_elsewhere(place: Place) -> None:
    desk = a_desk()._replace(secrets=Path("/etc/escapement/wheel.secrets"))
    text = desk_drop_in(desk, this_program())
    assert "LoadCredential=secrets:/etc/escapement/wheel.secrets\nEnvironment=SECRETS_FILE=%d/secrets\n" in text
    assert "LoadCredential" not in desk_drop_in(a_desk(), this_program())  # a missing one would keep the unit down
    mine = desk_drop_in(desk._replace(user=""), this_program())
    assert "LoadCredential" not in mine
    assert "Environment=SECRETS_FILE=/etc/escapement/wheel.secrets\n" in mine


def test_no_secret_is_said_or_written(env_file: Path, place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = place.config / "wheel.secrets"
    path.write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\n")
    path.chmod(0o600)
    with env_file.open("a") as file:
        file.write("TELEGRAM_ADMINS=12345\nTELEGRAM_CHAT_ID=-10012345\n")
    seen = looked(env_file, place)
    assert seen.faults == ()
    assert seen.commands
    assert seen.report
    steps = install_steps(seen, place, "session")
    assert "bot-commands@wheel.timer" in steps.on
    assert TOKEN not in "".join(steps.files.values()) + repr(seen) + capsys.readouterr().out


@pytest.mark.parametrize(
    ("lines", "report", "commands"),
    [
        ("", False, False),
        (f"TELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=@news\nTELEGRAM_ADMINS=1\n", True, False),
        (f"TELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=5\n", True, False),
        (f"TELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_CHAT_ID=5\nTELEGRAM_OPERATORS=1\n", True, True),
        (f"DISCORD_WEBHOOK_URL={HOOK}/12345/abcDEF\n", True, False),
        ("SMTP_HOST=smtp.example.com\nSMTP_FROM=a@example.com\nSMTP_TO=b@example.com\n", True, False),
    ],
)
def test_what_talks_is_switched_on_where_it_has_somebody_to_talk_to(
    env_file: Path, place: Place, lines: str, report: bool, commands: bool
) -> None:
    """Else its timer would fail every minute, or every evening."""
    with env_file.open("a") as file:
        file.write(lines)
    seen = looked(env_file, place)
    assert (seen.faults, seen.report, seen.commands) == ((), report, commands)
    on = install_steps(seen, place, "session").on
    assert ("bot-report@wheel.timer" in on, "bot-commands@wheel.timer" in on) == (report, commands)
    assert any("no commands by chat" in one for one in seen.notes) is not commands


def test_secrets_that_others_may_read_are_refused(env_file: Path, place: Place) -> None:
    path = place.config / "wheel.secrets"
    path.write_text("ALPACA_API_KEY=x\n")
    path.chmod(0o644)
    assert looked(env_file, place).faults == (f"{path} holds secrets and others may read it: chmod 600 {path}",)


def test_a_variable_of_ones_own_shell_takes_no_part(
    env_file: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(D030) What works by hand because of an exported key would fail in the unit, every quarter of an hour."""
    env_file.write_text(env_file.read_text().replace("BOT_BROKER=simulator", "BOT_BROKER=alpaca"))
    monkeypatch.setenv("ALPACA_API_KEY", "canary")
    monkeypatch.setenv("ALPACA_SECRET_KEY", "c" * 40)
    faults = looked(env_file, place).faults
    assert len(faults) == 2
    assert all("is not set" in one and f"(the units read {place.config}/wheel.secrets too)" in one for one in faults)


def test_what_keeps_a_desk_from_running_is_named_at_once(env_file: Path, place: Place) -> None:
    desk = env_file.parent / "data" / "desk.toml"
    desk.write_text(desk.read_text().replace("config_version", "config_verzion"))
    assert "desk.toml: config_version: expected" in " ".join(looked(env_file, place).faults)
    shutil.rmtree(env_file.parent / "data")
    assert "`bot init` makes a home" in " ".join(looked(env_file, place).faults)


def test_two_desks_on_one_home_are_refused(env_file: Path, place: Place) -> None:
    carry_out(install_steps(looked(env_file, place), place, "session"), place, None)
    faults = looked(env_file, place, "again").faults
    assert len(faults) == 1
    assert faults[0].startswith("desk wheel has the home")


def test_a_file_that_is_not_ours_is_left_alone(env_file: Path, tmp_path: Path) -> None:
    where = place_of(ME, user_mode=True, root=tmp_path)
    where.units.mkdir(parents=True)
    (where.units / "bot-tick@.timer").write_text("[Timer]\n")
    with pytest.raises(ConfigError, match="was not written by"):
        run_install(str(env_file), desk="wheel", user_mode=True, run="session", board=False, user="", apply=True,
                    texts=False, root=str(tmp_path))  # fmt: skip
    assert tree(where.units) == {"bot-tick@.timer": "[Timer]\n"}


def test_an_old_systemd_is_refused(env_file: Path, said: Path, tmp_path: Path) -> None:
    (tmp_path / "version").write_text("systemd 249 (249.11)\n")
    with pytest.raises(ConfigError, match="want systemd 252 or newer, here is 249"):
        run_install(str(env_file), desk="wheel", user_mode=True, run="session", board=False, user="", apply=False,
                    texts=False, root="")  # fmt: skip


def test_what_systemctl_refuses_is_said_with_its_words(place: Place, said: Path, tmp_path: Path) -> None:
    (tmp_path / "refuse").write_text("daemon-reload")
    with pytest.raises(StoreError, match=r"systemctl --user daemon-reload: no; mend that"):
        carry_out(Steps({}, ("a.timer",), (), (), ()), place, systemctl(place))
    assert said.read_text() == "--user daemon-reload\n"  # and goes no further


def test_a_user_without_a_home_folder_is_refused(env_file: Path, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account's lock would lie in /tmp, and each unit has a /tmp of its own."""
    monkeypatch.delenv("XDG_STATE_HOME")
    lost = pwd.struct_passwd((*ME[:5], "/nowhere/at/all", ME.pw_shell))
    seen = look("wheel", env_file, lost, place, board=False, program=this_program())
    assert "has no home folder" in " ".join(seen.faults)


def test_ones_own_state_folder_goes_into_ones_own_units(
    env_file: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    seen = looked(env_file, place)
    assert seen.desk.writable[1] == tmp_path / "state" / "escapement"
    assert f"Environment=XDG_STATE_HOME={tmp_path}/state\n" in desk_drop_in(seen.desk, seen.program)


def test_the_metrics_folder_may_be_written_to(env_file: Path, place: Place, tmp_path: Path) -> None:
    with env_file.open("a") as file:
        file.write(f"BOT_METRICS_FOLDER={tmp_path}/prometheus\n")
    assert "mkdir any other folder" in " ".join(looked(env_file, place).faults)
    (tmp_path / "prometheus").mkdir()
    seen = looked(env_file, place)
    assert seen.faults == ()
    assert f"{tmp_path}/prometheus" in desk_drop_in(seen.desk._replace(user="x"), seen.program)


def test_a_program_in_somebodys_home_folder_is_shown_and_not_written_to() -> None:
    away = Program(Path("/opt/escapement/.venv/bin/python"), Path("/opt/escapement"))
    mine = Path("/home", "someone", "escapement")
    near = Program(mine / ".venv/bin/python", mine)
    assert "ProtectHome" not in desk_drop_in(a_desk(), away)
    pyenv = away._replace(base=Path("/root/.pyenv/versions/3.11"))  # an environment points to its Python
    assert desk_drop_in(a_desk(), pyenv).splitlines()[-1] == "ProtectHome=read-only"
    assert desk_drop_in(a_desk(), near).splitlines()[-1] == "ProtectHome=read-only"


def test_what_lies_in_a_folder_for_temporary_files_is_refused_for_the_systems_units(
    env_file: Path, place: Place
) -> None:
    """PrivateTmp gives each unit a /tmp of its own: home and .env would not be there."""
    told = unit_checks.hidden(Path("/tmp/desk/.env"), Path("/var/tmp/x"), Path("/srv/tmp"))
    assert [one.split()[0] for one in told] == ["/tmp/desk/.env", "/var/tmp/x"]
    if env_file.is_relative_to("/tmp"):
        assert "folder for temporary files" in " ".join(looked(env_file, place._replace(user_mode=False)).faults)


def test_paths_that_systemd_would_read_otherwise_are_refused() -> None:
    assert path_faults(Path("/srv/wheel/data"), Path("/opt/a-b_c@1,2/.env")) == []
    for strange in ("/srv/my desk", "/srv/50%", "/srv/$HOME", '/srv/"x"', "/srv/a\nUser=root", "relative"):
        assert len(path_faults(Path(strange))) == 1, strange


def test_a_desk_reads_back_from_its_own_part() -> None:
    desk = a_desk(board=True)
    read = read_desk_drop_in(desk_drop_in(desk, this_program()))
    assert read is not None
    assert (read.name, read.home, read.user, read.board) == (desk.name, desk.home, "esc", True)
    assert read_desk_drop_in("[Service]\nUser=x\n") is None


def test_a_program_that_cannot_start_is_a_fault(place: Place) -> None:
    desk = a_desk()
    told = unit_checks.runs_as(ME, desk, Program(Path("/nowhere/python"), Path("/")))
    assert told == [f"{ME.pw_name} cannot start /nowhere/python in /: [Errno 2] No such file or directory: "
                    "'/nowhere/python'"]  # fmt: skip


@pytest.mark.skipif(os.getuid() != 0, reason="only root's own .env belongs to root")
def test_a_desk_of_root_is_refused_unless_root_was_named(env_file: Path) -> None:
    assert "nothing here needs root" in account_of(env_file, "")[1]
    assert account_of(env_file, "root")[1] == ""


@pytest.mark.parametrize("name", ["", "My", "a/b", "x" * 33, "-a", "ä", "a.b", "a\nb"])
def test_a_strange_name_is_refused(env_file: Path, name: str) -> None:
    with pytest.raises(UsageError, match="expected a desk such as wheel"):
        run_install(str(env_file), desk=name, user_mode=True, run="session", board=False, user="", apply=False,
                    texts=False, root="/x")  # fmt: skip


def test_the_commands_install_and_uninstall_into_a_staging_folder(env_file: Path, tmp_path: Path) -> None:
    words = ["--desk", "wheel", "--user-units", "--root", str(tmp_path / "root"), "--apply"]
    done = CliRunner().invoke(app, ["units", "install", "--env", str(env_file), "--run", "always", *words])
    assert done.exit_code == 0, done.exception
    assert "bot-tick-24x7@wheel.timer          ticks around the clock" in done.stdout
    assert len(tree(tmp_path / "root")) > 25
    done = CliRunner().invoke(app, ["units", "uninstall", *words])
    assert done.exit_code == 0, done.exception
    assert tree(tmp_path / "root") == {}
    done = CliRunner().invoke(app, ["units", "uninstall", *words])
    assert isinstance(done.exception, BotError)
    assert "no desk wheel is installed" in str(done.exception)


@pytest.mark.skipif(shutil.which("systemctl") is None, reason="systemctl is not here: apt-get install systemd")
def test_systemctl_itself_switches_these_units_on_and_off(tmp_path: Path) -> None:
    """Offline, on a folder: what is enabled is linked, what was off may be switched off again, nothing is left."""
    place = place_of(ME, user_mode=False, root=tmp_path)
    steps = install_steps(found(a_desk(), commands=True), place, "session")
    carry_out(steps, place, None)

    def call(word: str, units: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        words = ["systemctl", f"--root={tmp_path}", word, *units]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    assert call("disable", steps.off).returncode == 0
    assert call("enable", steps.on).returncode == 0
    wants = sorted(path.name for path in place.units.glob("*.wants/*"))
    assert wants == sorted(steps.on)
    gone = uninstall_steps("wheel", place, this_program())
    assert call("disable", gone.off).returncode == 0
    carry_out(gone, place, None)
    assert tree(place.units) == {}
