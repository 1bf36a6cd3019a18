"""What must be so before units are written: the desk runs as that user, with what the units will hand it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import bot
from bot.config.deskfile import read_desk, read_text
from bot.config.effective import state_home_of_process
from bot.config.envfile import BROKER_SECRETS
from bot.config.settings import Settings, load_settings
from bot.config.statefolder import state_folder
from bot.domain.errors import ConfigError
from bot.ops.units import DROP_IN, MARK, OF_DESK, DeskUnits, Program, path_faults, read_desk_drop_in
from bot.store.database import LEDGER_NAME

OLDEST_SYSTEMD = 252
"""The oldest these units were verified with; MONITOR_* for OnFailure and %d for credentials came shortly before."""
ZONE = Path("/usr/share/zoneinfo/America/New_York")


class Place(NamedTuple):
    """Where units go and which manager runs them."""

    units: Path
    config: Path
    """Where `<desk>.secrets` lies, and board.env."""
    user_mode: bool = False


class Looked(NamedTuple):
    """What the checks found: the desk's part, its settings, every fault, and notes for the owner's eye."""

    desk: DeskUnits
    program: Program
    commands: bool
    """Whether there is a chat to listen to."""
    report: bool
    """Whether there is a channel to post to."""
    faults: tuple[str, ...]
    notes: tuple[str, ...]


def place_of(account: pwd.struct_passwd, *, user_mode: bool, root: Path = Path("/")) -> Place:
    """Give the folders of the system's manager or of a user's own, below another root where one is named."""
    if not user_mode:
        return Place(root / "etc/systemd/system", root / "etc/escapement")
    below = root / account.pw_dir.lstrip("/") / ".config"
    return Place(below / "systemd/user", below / "escapement", user_mode=True)


def this_program() -> Program:
    """Name the Python that runs and where it came from, its project, and Node where there is one."""
    node = shutil.which("node")
    project = Path(bot.__file__).resolve().parent.parent
    return Program(Path(sys.executable), project, Path(node) if node else Path("/usr/bin/node"), Path(sys.base_prefix))


def account_of(env_file: Path, user: str) -> tuple[pwd.struct_passwd, str]:
    """Give the account that units run as, the one named or the owner of the .env, and what is wrong with it."""
    try:
        account = pwd.getpwnam(user) if user else pwd.getpwuid(env_file.stat().st_uid)
    except KeyError:
        named = f"no user {user!r}" if user else f"{env_file} belongs to a user without a name"
        raise ConfigError(f"{named}: make one with `useradd --system --create-home --home-dir ...`") from None
    if account.pw_uid == 0 and user != "root":
        return account, (
            f"{env_file} belongs to root, and nothing here needs root: give the .env and its home to a user of their "
            "own (RUNBOOK, Timers), or name one with OWNER=user"
        )
    return account, ""


def look(
    name: str, env_file: Path, account: pwd.struct_passwd, place: Place, *, board: bool, program: Program
) -> Looked:
    """Check the desk with exactly what its units will have: no variable of the one who types takes part."""
    faults, notes = [], []
    secrets, told = secrets_at(place, name, account)
    faults += told
    readable = secrets is not None and os.access(secrets, os.R_OK)
    if secrets is not None and not readable:
        notes.append(f"{secrets} cannot be read by you: what stands in it was not checked")
    environ = {"SECRETS_FILE": str(secrets)} if readable else {}
    settings, called, told = settings_at(environ, env_file, program.project)
    faults += told
    if called not in ("", name):
        notes.append(f"desk.toml calls this desk {called}, and its units get the name {name}")
    commands = report = False
    home, writable = env_file.parent, [env_file.parent]
    if settings is not None:
        missing = settings.secrets_missing if secrets is None or readable else ()
        where = place.config / f"{name}.secrets"
        faults += [f"{one} (the units read {where} too)" for one in missing]
        home, writable = settings.home, [settings.home]
        known = secrets is None or readable
        commands, report = listens(settings) or not known, reaches(settings) or not known
        notes += chat_notes(settings) if known else ()
        faults += owned_by(home, account)
        if not (home / LEDGER_NAME).exists():
            notes.append("it has not ticked yet: `bot tick` once, else backups and alerts fail until the first tick")
    # One's own XDG_STATE_HOME holds for one's own units; whoever installs for another has his own.
    moved = state_home_of_process() if os.getuid() == account.pw_uid else ""
    state = state_folder({"XDG_STATE_HOME": moved}, Path(account.pw_dir), account.pw_uid)
    if not moved.startswith("/") and not Path(account.pw_dir).is_dir():
        faults.append(f"user {account.pw_name} has no home folder ({account.pw_dir}): the lock of the account "
                      "would lie where only one unit sees it; make that folder, or name another user")  # fmt: skip
    writable.append(state)
    metrics = None if settings is None else settings.metrics_folder
    if metrics is not None and not metrics.is_relative_to(home):
        writable.append(metrics)
        faults += owned_by(metrics, account)
    group = "" if place.user_mode else _group(account.pw_gid)
    desk = DeskUnits(
        name, env_file, home, tuple(writable), "" if place.user_mode else account.pw_name, group, secrets,
        state.parent if moved.startswith("/") else None, board,
    )  # fmt: skip
    faults += path_faults(env_file, *writable, program.python, program.project)
    faults += [] if place.user_mode else hidden(env_file, *writable, *program)
    faults += others_at(desk, place)
    if board:
        faults += board_faults(program)
    if not ZONE.exists():
        faults.append(f"{ZONE} is missing: install the system's time zones (Debian: apt-get install tzdata)")
    if not faults:
        faults += runs_as(account, desk, program)
    return Looked(desk, program, commands, report, tuple(faults), tuple(notes))


def settings_at(environ: dict[str, str], env_file: Path, cwd: Path) -> tuple[Settings | None, str, list[str]]:
    """Read .env and desk.toml as a unit would: the settings, the desk's own name, and every fault."""
    try:
        settings = load_settings(environ, cwd, env_file)
    except ConfigError as error:
        return None, "", list(error.faults)
    try:
        return settings, read_desk(read_text(settings.desk_file), name=str(settings.desk_file)).name, []
    except ConfigError as error:
        return settings, "", list(error.faults)


def secrets_at(place: Place, name: str, account: pwd.struct_passwd) -> tuple[Path | None, list[str]]:
    """Find the desk's file of secrets, where there is one, and what is wrong with its owner or mode."""
    path = place.config / f"{name}.secrets"
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None, []
    except PermissionError:
        return path, []
    faults = []
    if facts.st_mode & 0o077:
        faults.append(f"{path} holds secrets and others may read it: chmod 600 {path}")
    if facts.st_uid not in (0, account.pw_uid):
        faults.append(f"{path} belongs to another user: chown {account.pw_name} {path}")
    return path, faults


def listens(settings: Settings) -> bool:
    """Say whether commands come by chat: a bot, the one chat, and somebody who may."""
    channels = settings.channels
    chat = channels.telegram_chat.lstrip("-").isdigit() and bool(channels.admins or channels.operators)
    return chat and "TELEGRAM_BOT_TOKEN" in settings.secrets.names()


def reaches(settings: Settings) -> bool:
    """Say whether there is any channel that a report can be posted to."""
    names, channels = settings.secrets.names(), settings.channels
    telegram = "TELEGRAM_BOT_TOKEN" in names and bool(channels.telegram_chat)
    return "DISCORD_WEBHOOK_URL" in names or telegram or channels.mail is not None


def chat_notes(settings: Settings) -> tuple[str, ...]:
    """Say what is left off because nobody can be reached, and what to set for it."""
    lacks = []
    if not reaches(settings):
        lacks.append("no daily report, and alerts stay in the ledger: set DISCORD_WEBHOOK_URL, Telegram or SMTP_HOST")
    if not listens(settings):
        lacks.append(
            "no commands by chat: they want TELEGRAM_BOT_TOKEN, TELEGRAM_CHAT_ID (a number) and TELEGRAM_ADMINS"
        )
    return tuple(lacks)


def owned_by(folder: Path, account: pwd.struct_passwd) -> list[str]:
    """Name a folder that is missing or another's."""
    try:
        facts = folder.stat()
    except OSError as error:
        return [f"{folder}: {error.strerror}: `bot init` makes a home, mkdir any other folder"]
    if not stat.S_ISDIR(facts.st_mode):
        return [f"{folder} is no folder"]
    if facts.st_uid != account.pw_uid:
        return [f"{folder} does not belong to {account.pw_name}, who ticks there: chown -R {account.pw_name} {folder}"]
    return []


def hidden(*paths: Path) -> list[str]:
    """Name the paths that no unit would see, for each has a /tmp of its own."""
    return [
        f"{path} lies in a folder for temporary files, and every unit has one of its own: put it elsewhere"
        for path in dict.fromkeys(paths)
        if path.is_relative_to("/tmp") or path.is_relative_to("/var/tmp")
    ]


def desks_at(units: Path) -> tuple[DeskUnits, ...]:
    """List the desks whose units lie in a folder."""
    found = []
    for path in sorted(units.glob(f"{OF_DESK.format('*')}/{DROP_IN}")):
        desk = read_desk_drop_in(path.read_text())
        if desk is not None:
            found.append(desk)
    return tuple(found)


def others_at(desk: DeskUnits, place: Place) -> list[str]:
    """Name another desk with the same home, and a board whose homes are another user's."""
    faults = []
    for one in desks_at(place.units):
        if one.name == desk.name:
            continue
        if one.home == desk.home:
            faults.append(f"desk {one.name} has the home {desk.home} already: uninstall it first, or use its name")
        if desk.board and one.board and one.user != desk.user:
            faults.append(f"the board runs as {one.user} for desk {one.name} and cannot show a home of {desk.user}")
    return faults


def board_faults(program: Program) -> list[str]:
    """Say what a board lacks before it can be served."""
    faults = []
    if not program.node.is_file():
        faults.append("the board needs Node 20.9 or newer, and no `node` is on the PATH")
    if not (program.project / "dashboard/.next/BUILD_ID").is_file():
        faults.append(f"the board is not built yet: `make -C {program.project} dashboard` once, then Ctrl-C")
    return faults + path_faults(program.node)


def runs_as(account: pwd.struct_passwd, desk: DeskUnits, program: Program) -> list[str]:
    """Start the program as that user with that .env; what keeps it from reading them is a fault.

    Only root can become another: anybody else looks as himself, and then only where he is that user.
    """
    if os.getuid() not in (0, account.pw_uid):
        return []
    other = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
    words = [str(program.python), "-m", "bot", "config", "check", "--json"]
    environ = {"PATH": "/usr/bin:/bin", "HOME": account.pw_dir, "BOT_ENV": str(desk.env_file), "LANG": "C.UTF-8"}
    try:
        done = subprocess.run(words, cwd=program.project, env=environ, capture_output=True, text=True, timeout=60,
                              check=False, **other)  # type: ignore[call-overload]  # fmt: skip
        told = json.loads(done.stdout)["faults"]
    except (OSError, subprocess.TimeoutExpired) as error:
        return [f"{account.pw_name} cannot start {program.python} in {program.project}: {error}"]
    except (ValueError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return [f"{account.pw_name} cannot run {' '.join(words)} in {program.project}: {last}"]
    return [f"as {account.pw_name}: {one}" for one in told if not one.startswith(BROKER_SECRETS)]


def not_ours(paths: tuple[Path, ...]) -> list[str]:
    """Name the files that stand where ours would and were not written by us."""
    return [
        f"{path} stands there and was not written by `bot units install`: move it away"
        for path in paths
        if path.is_file() and not path.read_text(errors="replace").startswith(MARK)
    ]


def _group(gid: int) -> str:
    import grp

    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
