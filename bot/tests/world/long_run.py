"""A long run of whole sessions in one process of its own: what it decided, and what it holds on to.

`python -m bot.tests.world.long_run HOME SESSIONS` prints the ledger's hash, memory and handles as one JSON object.
"""

from __future__ import annotations

import gc
import json
import os
import sys
from datetime import date, timedelta
from pathlib import Path

from bot.markets.synthetic_money import dollars
from bot.store.chain import head
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, sessions_from

FIRST_DAY, SEED = date(2025, 1, 2), 15
NAMES = ("EWZ", "FXI", "GDX", "XLF")
EVERY_SLOT = tuple(timedelta(minutes=15 * slot) for slot in range(26))
WARM_SHARE = 0.5
"""Of the sessions: by then every memo is as full as it gets."""


def resident_kib() -> int:
    """Give the memory this process holds, in KiB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def blocks() -> int:
    """Count what this process has allocated beside its memos of functions, which have an end and take years to it."""
    for one in gc.get_objects():
        if isinstance(one, type(dollars)):
            one.cache_clear()
    gc.collect()
    return sys.getallocatedblocks()


def handles() -> int:
    """Count the open files, sockets and pipes of this process."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the listing itself is no Path's business


def main() -> None:
    """Run, and print what it came to."""
    home, sessions = Path(sys.argv[1]), int(sys.argv[2])
    days = sessions_from(FIRST_DAY, sessions)
    warm = days[int(sessions * WARM_SHARE)].open_at
    told: dict[str, object] = {}
    ticks = orders = 0
    with run_in(make_house(home, choice_of("balanced", 40_000, NAMES), SEED)) as run:
        for moment in moments_in(days, EVERY_SLOT):
            if moment >= warm and "warm_kib" not in told:
                told |= {"warm_kib": resident_kib(), "warm_handles": handles(), "warm_blocks": blocks()}
            ticks, orders = ticks + 1, orders + len(run.tick_at(moment).orders)
        told |= {"kib": resident_kib(), "handles": handles(), "blocks": blocks()}
        told |= {"head": head(run.journal.database.connection), "ticks": ticks, "orders": orders}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
