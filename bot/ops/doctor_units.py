"""What `bot doctor` finds of systemd's units and timers for this desk; it waits seconds at most and sets nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bot.config.settings import Settings
from bot.ops.finding import Finding
from bot.ops.unit_checks import desks_at, listens, reaches
from bot.report.words import count

ASK_SECONDS = 3.0
RUNNING = Path("/run/systemd/system")
"""There exactly where systemd runs this machine."""
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path.home() / ".config/systemd/user")
PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,Result,NextElapseUSecRealtime,LastTriggerUSec,User"
TICKS = ("bot-tick", "bot-tick-24x7")
LOOP = "bot-loop"
WANTED = ("bot-watch", "bot-alerts", "bot-backup")
"""Timers that a desk with a tick timer should have beside it, and what is missing without."""
_LACKS = {
    "bot-watch": "nobody notices when ticks stop",
    "bot-alerts": "alerts are written and nobody delivers them",
    "bot-backup": "no backup is made by itself",
    "bot-report": "a channel is set, and no daily report is posted",
    "bot-commands": "the chat is set up, and nobody listens to it",
}
_ID = re.compile(r"(?P<kind>bot-[\w-]+?)@(?P<instance>.+)\.(?P<type>timer|service)$")

Ask = Callable[[bool], str | None]
"""Gives what `systemctl show` says of the bot's units, of the system or (True) of this user; None where it cannot."""


class Unit(NamedTuple):
    """One unit as systemd shows it."""

    kind: str
    instance: str
    type: str
    facts: dict[str, str]
    user: bool

    @property
    def on(self) -> bool:
        """Say whether it is at work or will be after the next start of the machine."""
        return self.facts.get("ActiveState") == "active" or self.facts.get("UnitFileState") == "enabled"

    @property
    def name(self) -> str:
        """Give its name as systemctl takes it."""
        return f"{self.kind}@{self.instance}.{self.type}"

    @property
    def ctl(self) -> str:
        """Give the command that speaks to whoever runs it."""
        return "systemctl --user" if self.user else "sudo systemctl"


def ask_systemctl(of_user: bool) -> str | None:
    """Ask systemd for the bot's units; None where it does not run, is not there, or does not answer in time."""
    program = shutil.which("systemctl")
    if program is None or not RUNNING.is_dir():
        return None
    words = [
        program,
        *(["--user"] if of_user else []),
        "show",
        "--no-pager",
        "--all",
        f"--property={PROPERTIES}",
        "bot-*",
    ]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=ASK_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout if done.returncode == 0 else None


def units_of(text: str, *, user: bool) -> Iterator[Unit]:
    """Read what `systemctl show` printed: blocks of NAME=value, one a unit."""
    for block in re.split(r"\n\s*\n", text.strip()):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        found = _ID.match(facts.get("Id", ""))
        if found and facts.get("LoadState") == "loaded":
            yield Unit(found["kind"], unescaped(found["instance"]), found["type"], facts, user)


def unescaped(instance: str) -> str:
    """Give an instance's name as it was before systemd escaped it.

    >>> unescaped("my\\\\x2ddesk")
    'my-desk'
    """
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), instance)


def names_of(home: Path, desk: str, folders: Iterable[Path] = UNIT_FOLDERS) -> frozenset[str]:
    """Give the names under which units were installed for a home; without any, the desk's own name."""
    found: set[str] = set()
    for folder in folders:
        with suppress(OSError, ValueError):
            found |= {one.name for one in desks_at(folder) if one.home.resolve() == home.resolve()}
    return frozenset(found or {desk})


def installed_elsewhere(home: Path, desk: str, folders: Iterable[Path] = UNIT_FOLDERS) -> Iterator[Finding]:
    """Say that a desk's units were installed for another home, as before a restore: they can write nowhere else."""
    known: list[tuple[str, Path]] = []
    for folder in folders:
        with suppress(OSError, ValueError):
            known += [(one.name, one.home) for one in desks_at(folder)]
    if any(one.resolve() == home.resolve() for _, one in known):
        return
    for name, other in known:
        if name == desk:
            words = f"those of {desk} were installed for {other} and can write nowhere else; this home is {home}"
            yield Finding("look", "installed for", words, f"make install-systemd DESK={desk} ENV_FILE=... APPLY=1")


def examine_units(
    names: frozenset[str], ask: Ask = ask_systemctl, *, owner: str = "", talking: tuple[str, ...] = ()
) -> Iterator[Finding]:
    """Look at the units of one desk, by the names it was installed under; `owner` is the user whose home it is.

    `talking` are the kinds of timers that its channels want beside those of every desk.
    """
    desk = min(names)
    texts = [(user, ask(user)) for user in (False, True)]
    if all(text is None for _, text in texts):
        yield Finding("good", "systemd", "it does not run here or does not answer: another timer must tick")
        return
    units = [one for user, text in texts if text for one in units_of(text, user=user)]
    mine = [one for one in units if one.instance in names]
    if not mine:
        others = sorted({one.instance for one in units})
        beside = f"; there are units of {', '.join(others[:3])}" if others else ""
        yield Finding("look", "timers", f"none for the desk {desk}{beside}", f"make install-systemd DESK={desk}")
        return
    yield _ticking(desk, mine)
    yield from _beside(mine, (*WANTED, *talking))
    yield from _failed(mine)
    yield from _board(texts[0][1] or "", owner)


def _board(text: str, owner: str) -> Iterator[Finding]:
    """Look whose the board is: what another user's reading leaves beside the ledger can keep ticks from writing."""
    for block in re.split(r"\n\s*\n", text):
        facts = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        user = facts.get("User", "") or "root"
        if facts.get("Id") != "bot-dashboard.service" or facts.get("ActiveState") != "active":
            continue
        if owner and user not in (owner, "root"):
            words = f"bot-dashboard.service runs as {user}, the home is {owner}'s: it can leave files no tick can write"
            yield Finding("stop", "dashboard", words, f"set User={owner}: sudo systemctl edit bot-dashboard.service")
        else:
            yield Finding("good", "dashboard", f"bot-dashboard.service runs as {user}")


def _ticking(desk: str, mine: Iterable[Unit]) -> Finding:
    """Look that exactly one thing ticks: a timer or the loop."""
    timers = [one for one in mine if one.kind in TICKS and one.type == "timer" and one.on]
    loops = [one for one in mine if one.kind == LOOP and one.type == "service" and one.on]
    if loops and timers:
        words = f"{timers[0].name} and {loops[0].name} are both on: two things tick one desk"
        return Finding("stop", "ticking", words, f"{loops[0].ctl} disable --now {loops[0].name}")
    if len({one.kind for one in timers}) > 1:
        words = f"{' and '.join(one.name for one in timers)} are both on"
        return Finding("stop", "ticking", words, f"{timers[0].ctl} disable --now {timers[-1].name}")
    if not timers and not loops:
        known = next((one for one in mine if one.kind in TICKS and one.type == "timer"), None)
        name, ctl = (known.name, known.ctl) if known else (f"bot-tick@{desk}.timer", "sudo systemctl")
        return Finding("look", "ticking", "neither a tick timer nor the loop is on", f"{ctl} enable --now {name}")
    (one, *_) = timers or loops
    if one.facts.get("ActiveState") != "active":
        words = f"{one.name} is enabled and not running"
        return Finding("look", "ticking", words, f"{one.ctl} start {one.name}")
    if one.facts.get("UnitFileState") not in ("enabled", "enabled-runtime", None, ""):
        words = f"{one.name} runs, and will not after the next start of the machine"
        return Finding("look", "ticking", words, f"{one.ctl} enable {one.name}")
    return Finding("good", "ticking", f"{one.name}{_next(one)}")


def talking_of(settings: Settings) -> tuple[str, ...]:
    """Name the timers that the channels of a desk want: one that posts, and one that listens."""
    return ("bot-report",) * reaches(settings) + ("bot-commands",) * listens(settings)


def _beside(mine: list[Unit], wanted: tuple[str, ...]) -> Iterator[Finding]:
    for kind in wanted:
        timer = next((one for one in mine if one.kind == kind and one.type == "timer"), None)
        if timer is not None and timer.facts.get("ActiveState") == "active":
            yield Finding("good", kind.removeprefix("bot-"), f"{timer.name}{_next(timer)}")
        else:
            instance, ctl = mine[0].instance, mine[0].ctl
            words = f"its timer is not running: {_LACKS[kind]}"
            yield Finding("look", kind.removeprefix("bot-"), words, f"{ctl} enable --now {kind}@{instance}.timer")


def _failed(mine: list[Unit]) -> Iterator[Finding]:
    failed = [one for one in mine if one.facts.get("ActiveState") == "failed"]
    if not failed:
        return
    first = failed[0]
    words = f"{', '.join(one.name for one in failed)} ended badly ({first.facts.get('Result', '')})"
    user = "--user " if first.user else ""
    yield Finding("look", "units", f"{count(len(failed), 'unit')}: {words}", f"journalctl {user}-u {first.name} -n 30")


def _next(unit: Unit) -> str:
    told = unit.facts.get("NextElapseUSecRealtime", "")
    return f", next {told}" if told and told not in ("0", "infinity", "n/a") else ", running"
