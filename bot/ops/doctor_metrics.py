"""What `bot doctor` finds of the metrics files: half of one, another home's, one that no tick renews."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from bot.commands.metering import FOLDER
from bot.ops.finding import Finding
from bot.report.words import ago
from bot.talkers.metrics import END
from bot.wiring import House

LATE = timedelta(minutes=2)
"""How long before the newest finished tick's moment a file may have been written."""
BYTES_MOST = 4_000_000
_LINE = re.compile(r"(#.*|[a-zA-Z_:][\w:]*(\{.*\})? +[+-]?(\d[\d.eE+-]*|Inf|NaN|nan|inf)( +-?\d+)?)?", re.ASCII)
_WATCHED = re.compile(r"^escapement_watch_(timestamp_seconds|alarms)(?:\{.*\})? ([\d.eE+]+)$", re.MULTILINE)


def files_of(house: House) -> tuple[Path, Path]:
    """Give where a desk's own metrics and its watch's stand."""
    folder = house.settings.metrics_folder or house.home / FOLDER
    return folder / f"escapement_{house.desk.name}.prom", folder / f"escapement_{house.desk.name}_watch.prom"


def examine_metrics(house: House, newest: datetime | None) -> Finding:
    """Look at the desk's metrics files; `newest` is the moment of the newest finished tick."""
    path, watch = files_of(house)
    folder = path.parent
    if not folder.is_dir():
        if house.settings.metrics_folder is None:
            return Finding("good", "metrics", "none written yet")
        return Finding("look", "metrics", f"{folder} of BOT_METRICS_FOLDER is no folder", f"mkdir -p {folder}")
    if not os.access(folder, os.W_OK | os.X_OK):
        do = f"sudo chown {os.getuid()} {folder}, or name another BOT_METRICS_FOLDER"
        return Finding("look", "metrics", f"{folder} cannot be written by this user", do)
    for file in (path, watch):
        fault = half_written(file) if file.exists() else ""
        if fault:
            again = "bot watch" if file == watch else "bot tick --dry"
            return Finding("look", "metrics", f"{file}: {fault}", f"nothing: the next run writes it anew (`{again}`)")
        if file.exists() and _anothers(file, house):
            do = f"give one of the homes another name or BOT_METRICS_FOLDER; if that home is gone: rm {file}"
            return Finding("look", "metrics", f"{file} is of another home's desk of this name", do)
    if not path.exists():
        return Finding("good", "metrics", "none written yet")
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    if newest is not None and changed + LATE < newest:
        words = f"{path.name} is older than the newest tick: no tick has renewed it since"
        return Finding("look", "metrics", words, f"`bot tick --dry` says why it cannot write into {folder}")
    return Finding("good", "metrics", f"{path}, whole")


def half_written(path: Path) -> str:
    """Say what is wrong with a metrics file, or nothing where each line is one and its end is there."""
    try:
        with path.open("rb") as file:
            text = file.read(BYTES_MOST).decode("utf-8")
    except OSError as error:
        return f"it cannot be read ({error.strerror})"
    except UnicodeDecodeError:
        return "it is no text: another program wrote it, or half of it is missing"
    for number, line in enumerate(text.splitlines(), 1):
        if not _LINE.fullmatch(line):
            return f"line {number} is no metric: another program wrote it, or part of it is missing"
    return "" if text.endswith(END) else "its end is missing: half of it was written"


def _anothers(path: Path, house: House) -> bool:
    """Say whether a file is another home's; the first line names the home it is of."""
    mark = sha256(str(house.home.resolve()).encode()).hexdigest()[:12]
    try:
        with path.open(encoding="utf-8") as file:
            first = file.readline()
    except (OSError, UnicodeDecodeError):
        return False
    return first.startswith("# escapement ") and not first.rstrip().endswith(mark)


def last_watch(house: House) -> tuple[datetime, int] | None:
    """Give when `bot watch` last looked and how many alarms it had, as its metrics say; None where it left none."""
    _, watch = files_of(house)
    try:
        told = dict(_WATCHED.findall(watch.read_text(encoding="utf-8")))
        return datetime.fromtimestamp(float(told["timestamp_seconds"]), UTC), int(float(told["alarms"]))
    except (OSError, ValueError, KeyError, OverflowError):
        return None


def watched(house: House, now: datetime) -> Finding:
    """Look when `bot watch` last looked."""
    last = last_watch(house)
    do = "systemctl enable --now bot-watch@DESK.timer, or `bot watch` from any timer of its own"
    if last is None and house.settings.mode == "dry":
        return Finding("good", "watch", "it never looked here; ticks that send nothing need none")
    if last is None:
        return Finding("look", "watch", "it never looked here: nobody says when ticks stop coming", do)
    at, alarms = last
    if alarms:
        return Finding("look", "watch", f"{ago(at, now)}, with {alarms} alarms", "`bot watch`")
    if now - at > timedelta(hours=1):
        return Finding("look", "watch", f"it last looked {ago(at, now)}", do)
    return Finding("good", "watch", f"it looked {ago(at, now)} and all was well")
