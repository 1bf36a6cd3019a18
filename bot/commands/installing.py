"""`bot units install` and `bot units uninstall`: said first, done only when told to."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bot.config.settings import load_settings
from bot.domain.errors import ConfigError, StoreError, UsageError
from bot.ops.unit_checks import (
    OLDEST_SYSTEMD,
    Looked,
    Place,
    account_of,
    desks_at,
    look,
    not_ours,
    place_of,
    this_program,
)
from bot.ops.units import (
    BOARD,
    DROP_IN,
    MARK,
    RUNS,
    DeskUnits,
    Program,
    all_units,
    board_drop_in,
    desk_files,
    name_fault,
    rendered,
    templates_at,
    wanted_units,
)

Call = Callable[[tuple[str, ...]], str]


class Steps(NamedTuple):
    """What is to be done, in this order: written and read anew, switched off, removed, switched on.

    A unit must be known before it can be switched off, and is switched off before its file goes.
    """

    files: dict[Path, str]
    off: tuple[str, ...]
    gone: tuple[Path, ...]
    on: tuple[str, ...]
    start_anew: tuple[str, ...]
    """Services that run on and must take up what changed: started, or stopped and started."""


def run_install(
    env: str, *, desk: str, user_mode: bool, run: str, board: bool, user: str, apply: bool, texts: bool, root: str
) -> None:
    """Check the desk, say what would be written and run, and with `apply` do it."""
    if run not in RUNS:
        raise UsageError(f"expected --run {', '.join(RUNS)}, got {run!r}")
    if name_fault(desk):
        raise UsageError(name_fault(desk))
    env_file = _env_file(env)
    account, fault = account_of(env_file, user or (pwd.getpwuid(os.getuid()).pw_name if user_mode else ""))
    place = place_of(account, user_mode=user_mode, root=Path(root or "/"))
    found = look(desk, env_file, account, place, board=board, program=this_program())
    faults = [fault, *found.faults, *_manager_faults(account, place, apply=apply, staged=bool(root))]
    steps = install_steps(found, place, run)
    faults += not_ours(tuple(steps.files))
    print(f"desk {desk}: home {found.desk.home}, user {account.pw_name}, units in {place.units}")
    for note in found.notes:
        print(f"  {note}")
    if found.desk.secrets is None:
        print(f"  no secrets in {place.config}/{desk}.secrets: only what .env holds or names is used")
    _tell(steps, place, texts=texts)
    if any(faults):
        print("not like this:", flush=True)
        raise ConfigError([one for one in faults if one])
    if apply:
        if not root:
            _make_state(found.desk, account)
        carry_out(steps, place, None if root else systemctl(place))
    _last_words(desk, account, place, done=apply, again="install")


def run_uninstall(*, desk: str, user_mode: bool, apply: bool, root: str) -> None:
    """Say what would be switched off and removed, and with `apply` do it; home, .env and secrets stay."""
    if name_fault(desk):
        raise UsageError(name_fault(desk))
    account = pwd.getpwuid(os.getuid())
    place = place_of(account, user_mode=user_mode, root=Path(root or "/"))
    faults = _manager_faults(account, place, apply=apply, staged=bool(root))
    if all(one.name != desk for one in desks_at(place.units)):
        names = ", ".join(one.name for one in desks_at(place.units)) or "none"
        faults.append(f"no desk {desk} is installed in {place.units} (there: {names})")
    if faults:
        raise ConfigError(faults)
    steps = uninstall_steps(desk, place, this_program())
    print(f"desk {desk}, units in {place.units}: its home, .env and secrets stay; a tick under way ends by itself")
    _tell(steps, place, texts=False)
    if apply:
        carry_out(steps, place, None if root else systemctl(place))
    _last_words(desk, account, place, done=apply, again="uninstall")


def install_steps(found: Looked, place: Place, run: str) -> Steps:
    """Work out what an installation writes and runs; what is as it should be is written no second time."""
    desk, program = found.desk, found.program
    boards = _boards(place, desk.name) + ((desk,) if desk.board else ())
    units = rendered(templates_at(program.project), program, user_mode=place.user_mode, board=bool(boards))
    texts = units | desk_files(desk, program, units)
    if boards:
        texts[f"{BOARD}.d/{DROP_IN}"] = board_drop_in(boards, program)
    on = wanted_units(desk.name, run, report=found.report, commands=found.commands)
    running = (RUNS[run].format(desk.name),) if run == "loop" else ()
    gone = () if boards else _board_files(place)
    return Steps(
        off=tuple(one for one in all_units(desk.name) if one not in on) + ((BOARD,) if gone else ()),
        files={place.units / name: text for name, text in texts.items()},
        gone=gone,
        on=tuple(one for one in on if one not in running),
        start_anew=running + ((BOARD,) if boards else ()),
    )


def uninstall_steps(name: str, place: Place, program: Program) -> Steps:
    """Work out what a desk's removal takes away: its own part, and with the last desk the units themselves."""
    gone = [path for path in sorted(place.units.glob(f"bot-*@{name}.service.d/{DROP_IN}")) if _is_ours(path)]
    off, files = all_units(name), {}
    left = tuple(one for one in desks_at(place.units) if one.name != name)
    boards = _boards(place, name)
    anew: tuple[str, ...] = ()
    if boards and (place.units / BOARD).exists():
        files[place.units / f"{BOARD}.d/{DROP_IN}"] = board_drop_in(boards, program)
        anew = (BOARD,)
    elif _board_files(place):
        off = (*off, BOARD)
        gone += _board_files(place)
    if not left:
        gone += [path for path in sorted(place.units.glob("bot-*@.*")) if path.is_file() and _is_ours(path)]
    return Steps(files, off, tuple(dict.fromkeys(gone)), (), anew)


def carry_out(steps: Steps, place: Place, call: Call | None) -> None:
    """Do the steps; without a manager (a staging folder) files alone are written."""
    for path, text in steps.files.items():
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}.new")
            fresh.write_text(text)
            fresh.chmod(0o644)
            fresh.replace(path)
    if call is not None:
        call(("daemon-reload",))
        if steps.off:
            call(("disable", "--now", *steps.off))
    for path in steps.gone:
        path.unlink(missing_ok=True)
        if path.parent != place.units and not any(path.parent.iterdir()):
            path.parent.rmdir()
    if call is None:
        return
    if steps.gone:
        call(("daemon-reload",))
    if steps.on:
        call(("enable", "--now", *steps.on))
    if steps.start_anew:
        call(("enable", *steps.start_anew))
        call(("restart", *steps.start_anew))


def systemctl(place: Place) -> Call:
    """Give the manager's command; a word it refuses is a StoreError with what it said."""

    def call(words: tuple[str, ...]) -> str:
        whole = ("systemctl", *(("--user",) if place.user_mode else ()), *words)
        try:
            done = subprocess.run(whole, capture_output=True, text=True, check=False, timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(f"{' '.join(whole)}: {error}: is this machine run by systemd?") from error
        if done.returncode != 0:
            said = done.stderr.strip() or f"it ended with {done.returncode}"
            raise StoreError(f"{' '.join(whole)}: {said}; mend that and type it again: what is done stays done")
        return done.stdout

    return call


def _env_file(env: str) -> Path:
    if env:
        return Path(env).expanduser().absolute()
    found = load_settings({}, Path.cwd()).env_file
    if found is None:
        raise ConfigError("no .env here: name the desk's with ENV_FILE=/path/.env (`bot init` writes one)")
    return found.absolute()


def _manager_faults(account: pwd.struct_passwd, place: Place, *, apply: bool, staged: bool) -> list[str]:
    if staged:
        return []
    faults = []
    if place.user_mode and os.getuid() != account.pw_uid:
        faults.append(f"a user's units are installed by that user: log in as {account.pw_name}")
    if apply and not place.user_mode and os.getuid() != 0:
        faults.append(f"{place.units} is root's: type it with sudo, or USER_UNITS=1 for units of your own")
    try:
        said = systemctl(place)(("--version",))
    except StoreError as error:
        return [*faults, f"systemd is not here ({error})"]
    version = re.match(r"systemd (\d+)", said)
    if version is None or int(version[1]) < OLDEST_SYSTEMD:
        here = version[1] if version else "one that does not say"
        faults.append(f"these units want systemd {OLDEST_SYSTEMD} or newer, here is {here}: use `bot loop` or cron")
    return faults


def _make_state(desk: DeskUnits, account: pwd.struct_passwd) -> None:
    """Make the folder of account locks, as that user's own: a unit that may write there does not start without it."""
    missing = [path for path in (desk.writable[1], *desk.writable[1].parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(mode=0o700)
        os.chown(path, account.pw_uid, account.pw_gid)


def _is_ours(path: Path) -> bool:
    return path.read_text(errors="replace").startswith(MARK)


def _boards(place: Place, but: str) -> tuple[DeskUnits, ...]:
    return tuple(one for one in desks_at(place.units) if one.board and one.name != but)


def _board_files(place: Place) -> tuple[Path, ...]:
    found = (place.units / BOARD, place.units / f"{BOARD}.d/{DROP_IN}")
    return tuple(path for path in found if path.is_file() and _is_ours(path))


def _tell(steps: Steps, place: Place, *, texts: bool) -> None:
    manager = "systemctl --user" if place.user_mode else "systemctl"
    shown = False
    for path, text in steps.files.items():
        state = "write" if not path.is_file() else "change" if path.read_text() != text else "leave"
        print(f"{state:<7} {path.relative_to(place.units)}")
        # A desk's own part is the same text beside each of its services: it is shown once.
        own = path.name == DROP_IN and "X-Escapement" in text
        if (texts or own) and not (own and shown):
            print("".join(f"        | {line}\n" for line in text.splitlines()), end="")
        shown = shown or own
    print(f"run     {manager} daemon-reload")
    if steps.off:
        print(f"run     {manager} disable --now  (whichever of them is on)")
        print("".join(f"          {unit}\n" for unit in steps.off), end="")
    for path in steps.gone:
        print(f"remove  {path.relative_to(place.units)}")
    if steps.gone:
        print(f"run     {manager} daemon-reload")
    for words, units in (("enable --now", steps.on), ("enable, then restart", steps.start_anew)):
        if units:
            print(f"run     {manager} {words}")
            print(
                "".join(f"          {unit:<34} {_about(unit, steps, place)}".rstrip() + "\n" for unit in units), end=""
            )


def _about(unit: str, steps: Steps, place: Place) -> str:
    """Give a unit's own description of itself, without what all have in common."""
    text = steps.files.get(place.units / re.sub(r"@[^.]*\.", "@.", unit), "")
    found = re.search(r"^Description=Escapement(?:, desk %i)?: (.*)$", text, re.MULTILINE)
    return found[1] if found else ""


def _last_words(desk: str, account: pwd.struct_passwd, place: Place, *, done: bool, again: str) -> None:
    if not done:
        print(f"nothing was done: the same with APPLY=1 (`bot units {again} ... --apply`) does it")
        return
    print("done")
    if again == "uninstall":
        return
    user = " --user" if place.user_mode else ""
    print(f"  systemctl{user} list-timers 'bot-*@{desk}.timer'     when each comes next")
    print(f"  journalctl{user} -u 'bot-*@{desk}.service' -f        what they say")
    if place.user_mode and not Path("/var/lib/systemd/linger", account.pw_name).exists():
        print(f"  without this they end when you log out: loginctl enable-linger {account.pw_name}")
