"""The log's files: reading them back, compressing old ones, and dropping those past their days.

A file of a day is plain while it is young and gzip after. Its compressed form takes its place by a rename, so that a
process killed at any moment leaves the lines in one of the two, or the same lines in both, which counts once.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

PLAIN_DAYS = 30
"""Days after which a file is compressed."""
QUICK_BYTES = 8 * 1024 * 1024
"""Larger files are left to `bot vacuum`: a tick has other things to do."""
GZIP = 31
"""What zlib calls the gzip format with its largest window."""
TEMPORARY = ".new-"
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})\.jsonl(\.gz)?")


class Tidied(NamedTuple):
    """What became of old files."""

    compressed: int = 0
    removed: int = 0
    faults: tuple[str, ...] = ()


def days_of(folder: Path) -> dict[date, list[Path]]:
    """List the days that have a log, oldest first, each with its file or its two; compressed ones come first."""
    found: dict[date, list[Path]] = {}
    try:
        paths = sorted(folder.iterdir(), reverse=True)
    except OSError:
        return {}
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            try:
                found.setdefault(date.fromisoformat(match.group(1)), []).append(path)
            except ValueError:
                continue  # a name like a day that is none
    return dict(sorted(found.items()))


def tidy(folder: Path, today: date, keep_days: int | None, *, most: int | None = None) -> Tidied:
    """Drop files past their days and compress those older than a month; `most` bounds how many, for a tick.

    Never raises for what the disk refuses: it is said, and the file stays as it is.
    """
    compressed = removed = 0
    faults: list[str] = []
    for day, paths in days_of(folder).items():
        age = (today - day).days
        due = age > PLAIN_DAYS and any(path.suffix != ".gz" for path in paths)
        if most is not None and compressed + removed >= most:
            break
        try:
            if keep_days is not None and age > keep_days:
                for path in paths:
                    path.unlink()
                removed += 1
            elif due and (most is None or paths[-1].stat().st_size <= QUICK_BYTES):
                compress(folder / f"{day}.jsonl")
                compressed += 1
        except (OSError, zlib.error) as error:
            faults.append(f"{paths[-1]}: {getattr(error, 'strerror', None) or error}")
            if most is not None:
                break
    return Tidied(compressed, removed, tuple(faults))


def compress(plain: Path) -> None:
    """Put a file's compressed form in its place. Killed at any step, what it held is neither lost nor doubled.

    Where a compressed file stands already (a clock was set back, or a process died before the plain one was removed),
    what that lacks is added to it.
    """
    packed = plain.with_name(f"{plain.name}.gz")
    former = packed.read_bytes() if packed.exists() else b""
    lines = plain.read_bytes()
    if not (former and unpack(former).endswith(lines)):
        temporary = plain.with_name(f"{TEMPORARY}{plain.name}.gz")
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(former)  # members of a gzip file follow one another
            packer = zlib.compressobj(6, zlib.DEFLATED, GZIP)
            file.write(packer.compress(lines) + packer.flush())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(packed)
        _sync(plain.parent)
    plain.unlink()
    _sync(plain.parent)


def unpack(packed: bytes) -> bytes:
    """Give what a gzip file holds, all its members; what of a damaged one can be read. Raises zlib.error for none."""
    parts = []
    while packed:
        reader = zlib.decompressobj(GZIP)
        parts.append(reader.decompress(packed))
        packed = reader.unused_data
    return b"".join(parts)


def lines_of(folder: Path, first: date, last: date) -> Iterator[dict[str, Any]]:
    """Give the lines of the days first..last, oldest file first; what is no line (torn, edited) is passed over.

    Raises OSError where a file cannot be read and zlib.error where it cannot be unpacked.
    """
    for day, paths in days_of(folder).items():
        if not first <= day <= last:
            continue
        text = b""
        for path in paths:
            held = path.read_bytes()
            held = unpack(held) if path.suffix == ".gz" else held
            text += b"" if held and text.endswith(held) else held
        for line in text.splitlines():
            try:
                told = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            if isinstance(told, dict) and isinstance(told.get("ts"), str) and isinstance(told.get("kind"), str):
                yield told


def oldest_plain(folder: Path, today: date) -> int:
    """Count the plain files that should have been compressed a week ago or more: nobody keeps this log."""
    late = timedelta(days=PLAIN_DAYS + 7)
    return sum(
        1 for day, paths in days_of(folder).items() if today - day > late and any(one.suffix != ".gz" for one in paths)
    )


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
