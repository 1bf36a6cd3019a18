"""systemd's units: the templates of `systemd/` made into the files of one machine, with one instance per desk.

What is the same for all desks stands in the template; what is one desk's own (user, .env, home, secrets) in a drop-in
beside it. Texts only: nothing is read of this machine but the templates, nothing is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bot.domain.errors import ConfigError

HARDENING = "hardening.conf"
BOARD = "bot-dashboard.service"
FAILED = "bot-failed@.service"
MARK = "# Written by `bot units install`; `bot units uninstall` takes it away. Change it there, not here."
RUNS = {"session": "bot-tick@{}.timer", "always": "bot-tick-24x7@{}.timer", "loop": "bot-loop@{}.service"}
"""What starts ticks: one of these, never two."""
TIMERS = ("watch", "backup", "vacuum", "drill", "alerts")
"""What runs beside them at every desk."""
TALKING = ("report", "commands")
"""What runs only where there is a channel to post to, or a chat to listen to."""
OF_DESK = "bot-watch@{}.service.d"
"""The drop-in folder that every installed desk has."""
DROP_IN = "desk.conf"

# A user's own manager cannot do these: they need root's powers or a mount namespace. What is left is judged by the
# kernel's system call filter, which it can set.
LEFT_OUT_FOR_USERS = frozenset({
    "AmbientCapabilities", "CapabilityBoundingSet", "DevicePolicy", "IPAddressDeny", "KeyringMode", "PrivateDevices",
    "PrivateTmp", "PrivateUsers", "ProcSubset", "ProtectClock", "ProtectControlGroups", "ProtectHome",
    "ProtectHostname", "ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectProc",
    "ProtectSystem", "RemoveIPC",
})  # fmt: skip
_SYSTEM_TARGETS = ("network-online.target", "time-sync.target")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_WORD = re.compile(r"/[A-Za-z0-9._/@+:,=~-]*")
_UNDER_HOME = ("/home", "/root", "/run/user")


class Program(NamedTuple):
    """What the units start: the Python of the environment, the project's folder, and Node where there is a board."""

    python: Path
    project: Path
    node: Path = Path("/usr/bin/node")
    base: Path = Path("/usr")
    """Where the environment's Python itself was installed; an environment only points there."""


class DeskUnits(NamedTuple):
    """One desk's own part. `secrets` is a file of NAME=value lines, or nothing; `user` is empty in a user's manager."""

    name: str
    env_file: Path
    home: Path
    writable: tuple[Path, ...]
    """Folders that ticks write to: the home first, the locks of accounts, the metrics."""
    user: str = ""
    group: str = ""
    secrets: Path | None = None
    state_home: Path | None = None
    """XDG_STATE_HOME, where it is not the usual one."""
    board: bool = False


def name_fault(name: str) -> str:
    """Say what is wrong with a desk's name, or nothing.

    >>> name_fault("wheel")
    ''
    >>> name_fault("My Wheel")
    'expected a desk such as wheel: lower-case letters, digits, - and _, at most 32, got a text of 8 characters'
    """
    if _NAME.fullmatch(name):
        return ""
    words = "expected a desk such as wheel: lower-case letters, digits, - and _, at most 32"
    return f"{words}, got a text of {len(name)} characters" if name else f"{words}, got nothing"


def path_faults(*paths: Path) -> list[str]:
    """Name the paths that a unit file cannot spell plainly: systemd gives blanks, quotes, % and $ a meaning."""
    return [
        f"{path}: a unit needs an absolute path of letters, digits and ._/@+:,=~- alone: move or rename it"
        for path in paths
        if not _WORD.fullmatch(str(path))
    ]


def templates_at(project: Path) -> Path:
    """Give the folder of the templates; raises ConfigError where the program came without them."""
    folder = project / "systemd"
    if not (folder / HARDENING).is_file():
        raise ConfigError(f"{folder} has no units: they come with the project's folder, run it from there")
    return folder


def rendered(templates: Path, program: Program, *, user_mode: bool, board: bool) -> dict[str, str]:
    """Give each unit's file name and its text for this machine."""
    hardening = (templates / HARDENING).read_text()
    plain = "\n".join(line for line in hardening.splitlines() if line and not line.startswith("#"))
    known = {"PYTHON": program.python, "PROJECT": program.project, "NODE": program.node}
    found = {}
    for path in sorted(templates.glob("bot-*")):
        if path.name == BOARD and not board:
            continue
        text = path.read_text().replace("@HARDENING@", plain)
        for word, value in known.items():
            text = text.replace(f"@{word}@", str(value))
        found[path.name] = f"{MARK}\n{_for_users(text) if user_mode else text}"
    return found


def _for_users(text: str) -> str:
    kept = []
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key in LEFT_OUT_FOR_USERS or (key in ("After", "Wants") and value.split()[0] in _SYSTEM_TARGETS):
            continue
        kept.append(line.replace("WantedBy=multi-user.target", "WantedBy=default.target"))
    return "\n".join(kept) + "\n"


def desk_drop_in(desk: DeskUnits, program: Program) -> str:
    """Give the text of a desk's own part, the same for each of its services."""
    lines = [
        MARK, "[X-Escapement]", f"Desk={desk.name}", f"Home={desk.home}", f"User={desk.user}",
        f"Board={'yes' if desk.board else 'no'}", "", "[Service]", f"Environment=BOT_ENV={desk.env_file}",
    ]  # fmt: skip
    if desk.state_home is not None:
        lines.append(f"Environment=XDG_STATE_HOME={desk.state_home}")
    if desk.user:
        lines += _confined(desk, program)
        if desk.secrets is not None:
            # systemd reads the file as root and shows the service a copy that nobody else can read.
            lines += [f"LoadCredential=secrets:{desk.secrets}", "Environment=SECRETS_FILE=%d/secrets"]
    elif desk.secrets is not None:
        lines.append(f"Environment=SECRETS_FILE={desk.secrets}")
    return "\n".join(lines) + "\n"


def board_drop_in(desks: tuple[DeskUnits, ...], program: Program) -> str:
    """Give the text of the board's own part: which homes it shows, as which user."""
    homes = ",".join(f"{one.name}={one.home}" for one in desks)
    lines = [MARK, "[Service]", f"Environment=DASHBOARD_HOMES={homes}"]
    first = desks[0]
    if first.user:
        every = tuple(dict.fromkeys(path for one in desks for path in one.writable[:1]))
        lines += _confined(first._replace(writable=every), program)
    return "\n".join(lines) + "\n"


def _confined(desk: DeskUnits, program: Program) -> list[str]:
    lines = [f"User={desk.user}", f"Group={desk.group}", f"ReadWritePaths={' '.join(map(str, desk.writable))}"]
    seen = (program.python, program.base, program.project, program.node, desk.env_file, *desk.writable)
    if any(str(path).startswith(f"{top}/") for path in seen for top in _UNDER_HOME):
        # The program or the home lies in somebody's home folder: that must be seen, and may not be written to.
        lines.append("ProtectHome=read-only")
    return lines


def desk_files(desk: DeskUnits, program: Program, units: Mapping[str, str]) -> dict[str, str]:
    """Give a desk's own files by their place below the folder of units; `units` are the rendered texts by name."""
    text = desk_drop_in(desk, program)
    found = [name.replace("@.", f"@{desk.name}.") for name in units if name.endswith("@.service") and name != FAILED]
    # The handler of failures has an instance for each unit that names it, not for the desk.
    told = [
        name.removesuffix(".service") for name in units if f"OnFailure={FAILED.replace('@.', '@%N.')}" in units[name]
    ]
    found += [FAILED.replace("@.", f"@{name}{desk.name}.") for name in told]
    return {f"{name}.d/{DROP_IN}": text for name in found}


def read_desk_drop_in(text: str) -> DeskUnits | None:
    """Read back which desk a drop-in is of: name, home, user, group, and whether the board shows it."""
    lines = text.splitlines()
    found = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("Environment="))
    if lines[:1] != [MARK] or "Desk" not in found or "Home" not in found:
        return None
    home = Path(found["Home"])
    return DeskUnits(
        name=found["Desk"], env_file=Path("/"), home=home, writable=(home,), user=found.get("User", ""),
        group=found.get("Group", ""), board=found.get("Board") == "yes",
    )  # fmt: skip


def wanted_units(name: str, run: str, *, report: bool, commands: bool) -> tuple[str, ...]:
    """Name the units that are switched on for a desk; what starts ticks comes last."""
    talking = (kind for kind, wanted in zip(TALKING, (report, commands), strict=True) if wanted)
    return (*(f"bot-{kind}@{name}.timer" for kind in (*TIMERS, *talking)), RUNS[run].format(name))


def all_units(name: str) -> tuple[str, ...]:
    """Name every unit that may be switched on for a desk."""
    return (*(RUNS[run].format(name) for run in RUNS), *(f"bot-{kind}@{name}.timer" for kind in (*TIMERS, *TALKING)))
