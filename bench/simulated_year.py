"""A simulated year of ten symbols as a whole process, with the store on disk.

The desk is the balanced profile at 100,000 USD with one number changed: it sells no put below 13 % a year
instead of 7 %. That yield is not always there, so that it goes on reading chains after its first entries; a desk
that is fully invested asks for none.
"""

from __future__ import annotations

import json

from bench.desks import TEN, a_desk, set_number
from bench.harness import against, bot, finish, line, median, run_process, title

ROUNDS = 3


def main() -> None:
    """Measure and print."""
    title("bot simulate --days 252, ten symbols, 100,000 USD, balanced but no put below 13 % a year, whole process")
    with a_desk(TEN, "100000") as env:
        set_number(env, "put_yield_min", "0.13")
        words = ("--days", "252", "--until", "2026-11-18", "--json")
        runs = [
            run_process(bot("simulate", "--env", str(env), "--home", str(env.parent / f"year-{turn}"), *words))
            for turn in range(ROUNDS)
        ]
    told = json.loads(runs[-1].output)
    wall = median([run.wall for run in runs])
    for what in ("ticks", "chains_priced", "contracts_priced", "intents_judged", "ledger_bytes", "snapshot_bytes"):
        line(what.replace("_", " "), f"{told[what]:,}")
    line("wall time, start-up included", f"{wall:.1f} s")
    line("peak memory", f"{median([run.peak_mib for run in runs]):.0f} MiB")
    stages = told["stage_milliseconds_per_tick"]
    for stage, milliseconds in sorted(stages.items(), key=lambda pair: -pair[1]):
        line(f"  of a tick: {stage}", f"{milliseconds:.2f} ms")
    busy = told["ticks_with_three_chains_fraction"]
    finish([
        against("ticks per second, start-up included", told["ticks"] / wall, "", at_least=250),
        against("fraction of ticks that price three chains or more", busy, "", at_least=0.2),
    ])  # fmt: skip


if __name__ == "__main__":
    main()
