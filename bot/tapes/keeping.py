"""Writing a tape: into a folder of its own beside the others, which takes the name only when all of it is on disk."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bot.domain.errors import StoreError, UsageError
from bot.tapes.facts import CATALOGUE, FileFacts, Kind, SeriesFacts, TapeFacts

if TYPE_CHECKING:
    import numpy.typing as npt

    from bot.tapes.tape import BarColumns

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
NAME_MOST = 60


class Draft:
    """A tape that is being written. Nothing of it shows under its name before `keep`."""

    def __init__(self, staged: Path) -> None:
        self.staged = staged
        self.files: list[FileFacts] = []
        self.series: list[SeriesFacts] = []

    def add_bars(self, symbol: str, columns: BarColumns, *, volume: bool = True) -> None:
        """Write one symbol's bars; at least one, in order."""
        import numpy as np

        file = f"bars-{len(self.series):04d}"
        rows = np.stack([columns.starts, columns.ends, columns.open, columns.high, columns.low, columns.close])
        self.add_array(f"{file}.npy", rows.astype("<i8"))
        self.add_array(f"{file}-volume.npy", columns.volume.astype("<f8"))
        ends = columns.ends
        self.add_series(
            "bars", symbol, file, len(ends), int(ends[0]), int(ends[-1]), places=columns.places, volume=volume
        )

    def add_series(
        self, kind: Kind, symbol: str, file: str, rows: int, first: float, last: float, *, places: int = 0,
        volume: bool = True, name: str = "",
    ) -> None:  # fmt: skip
        """Name a series in the catalogue; `first` and `last` in seconds UTC."""
        moments = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC)
        self.series.append(
            SeriesFacts(
                kind=kind, symbol=symbol, file=file, rows=rows, first_at=moments[0], last_at=moments[1], places=places,
                volume=volume, name=name,
            )
        )  # fmt: skip

    def add_array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write one array as a file."""
        import numpy as np

        with (self.staged / name).open("wb") as file:
            np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        self._count_in(name)

    def add_bytes(self, name: str, parts: Iterable[bytes]) -> None:
        """Write one file from its parts."""
        with (self.staged / name).open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        self._count_in(name)

    def _count_in(self, name: str) -> None:
        self.files.append(file_facts(self.staged / name, name))


@contextmanager
def drafting(folder: Path, name: str, *, replace: bool = False) -> Iterator[Draft]:
    """Give a draft of a tape; what was written is gone again where its making ends in an error.

    Raises UsageError for a name that cannot be or is taken, StoreError where the disk refuses.
    """
    check_name(folder, name, replace=replace)
    staged = folder / f".{name}.{os.getpid()}.part"
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(staged, ignore_errors=True)
            staged.mkdir()
            yield Draft(staged)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        what = "the disk is full" if full else str(error)
        todo = "make room or set BOT_TAPES to a folder on another disk" if full else "see to that folder"
        raise StoreError(f"tape {name} cannot be written in {folder}: {what}; nothing was kept: {todo}") from error


def check_name(folder: Path, name: str, *, replace: bool) -> None:
    """Refuse a name that no tape can have, or that one has already."""
    if not name or name[0] in ".-" or set(name) - LETTERS or len(name) > NAME_MOST:
        raise UsageError(
            f"a tape's name has letters, digits, '.', '_' and '-' ({NAME_MOST} at most), got {name[:70]!r}"
        )
    if (folder / name).exists() and not replace:
        raise UsageError(f"there is a tape {name} in {folder} already: take another name, or add --replace")
    if (folder / name).exists() and not (folder / name / CATALOGUE).is_file():
        raise UsageError(f"{folder / name} is no tape and is not replaced: take another name, or see to BOT_TAPES")


def keep(draft: Draft, folder: Path, facts: TapeFacts) -> TapeFacts:
    """Write the catalogue and give the draft its name, in place of the tape that had it; gives the whole catalogue."""
    whole = msgspec.structs.replace(facts, files=tuple(draft.files), series=tuple(draft.series))
    text = msgspec.json.format(msgspec.json.encode(whole, order="deterministic"), indent=1)
    with (draft.staged / CATALOGUE).open("wb") as file:
        file.write(text + b"\n")
        file.flush()
        os.fsync(file.fileno())
    target, old = folder / facts.name, folder / f".{facts.name}.{os.getpid()}.old"
    if target.exists():
        target.rename(old)
    try:
        draft.staged.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)
    place = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
    return whole


def file_facts(path: Path, name: str = "") -> FileFacts:
    """Give a file's size and SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return FileFacts(name=name or path.name, size=path.stat().st_size, sha256=digest.hexdigest())
