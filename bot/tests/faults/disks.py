"""Where to let a disk go wrong, and what a command must say when it did."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from bot.tests.faults.processes import Ended
from bot.tests.faults.soaking import SOAK

CUTS = ("died", "power", "mixed")
ROOM = ("write", "pwrite", "pwrite64", "make", "mkdir")
NOT_TORN = [("torn", name) for name in ("make", "mkdir", "unlink", "ftruncate", "ftruncate64")]
"""What is done whole or not at all."""
DURABLE = ("fsync", "fdatasync", "rename")


def told(ended: Ended, where: str, words: tuple[str, ...]) -> list[str]:
    """Name what is wrong with the words of a command that the disk refused."""
    found = [f"{where}: it was killed"] if ended.code < 0 else []
    if ended.code not in (0, 1, 75) or "Traceback" in ended.said:
        found.append(f"{where}: it ended with {ended.code}: {ended.said}")
    if ended.code and not any(word in ended.said for word in ("bot: ", "LEFT: ")):
        found.append(f"{where}: it ended with {ended.code} and gave no reason: {ended.said}")
    if words[:1] in ((), ("tick",)):
        # What is no BotError ends `bot loop`, which must go on when there is room again.
        found += [f"{where}: the disk's own words came through: {ended.said}"] * ("mend that on" in ended.said)
    return found


def clear(here: Path) -> None:
    """Take the room of a play back."""
    for left in here.parent.glob(f"{here.name}*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def ends(asked: Sequence[str], dice: random.Random) -> list[int]:
    """Give by number each sync and rename, and of a row of the same operation on one file the ends and one between."""
    found: list[int] = []
    for name, row in groupby(enumerate(asked, 1), key=lambda one: one[1]):
        numbers = [nth for nth, _ in row]
        between = [numbers[0], dice.choice(numbers), numbers[-1]]
        found += numbers if name.startswith(DURABLE) else sorted(set(between))
    return found


def cuts(asked: Sequence[str], dice: random.Random, few: int) -> list[tuple[int, str, str]]:
    """Choose where to cut: in few places; in a soak at each end, and after each durable step in every way."""
    found: list[tuple[int, str, str]] = []
    for nth in ends(asked, dice):
        name = asked[nth - 1]
        if name.startswith(DURABLE):
            found += [(nth, "after", cut) for cut in CUTS] + [(nth, "before", dice.choice(CUTS))]
        else:
            found.append((nth, dice.choice(("after", "torn")), dice.choice(CUTS)))
    return found if SOAK else dice.sample(found, few)
