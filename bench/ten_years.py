"""The wheel on ten symbols over ten years of 15-minute session ticks, in memory, as a whole process.

The desk is that of `simulated_year`: balanced at 100,000 USD, no put below 12.2 % a year, so that it goes on reading
chains. Every tick is `engine.tick.tick` with every gate; verdicts are counted, nothing is written. The embedded market
begins in 2020 elsewhere; here it begins before the first session, so that every tick has prices.
"""

from __future__ import annotations

import json
import sys
from datetime import date

from bench.desks import TEN, a_desk, set_number
from bench.harness import against, finish, line, python, run_process, title

LAST = date(2026, 11, 18)
SESSIONS = 2_520
ANCHOR = date(2016, 1, 4)
"""The embedded market's first day: months before the first session, so that bars and events look back on something."""
WINDOW = 60
"""Sessions at either end over which calls are counted."""


def main() -> None:
    """Measure and print, or be the measured process."""
    if sys.argv[1:2] == ["run"]:
        _run(sys.argv[2], counting=False)
        return
    if sys.argv[1:2] == ["count"]:
        _run(sys.argv[2], counting=True)
        return
    title(f"the wheel, ten symbols, {SESSIONS} sessions of 15-minute ticks in memory, whole process")
    with a_desk(TEN, "100000") as env:
        set_number(env, "put_yield_min", "0.122")
        runs = [run_process(python("-m", "bench.ten_years", "run", str(env))) for _ in range(2)]
        counted = json.loads(run_process(python("-m", "bench.ten_years", "count", str(env))).output)
    told = [json.loads(run.output) for run in runs]
    best = min(run.wall for run in runs)
    for what in ("ticks", "chains", "contracts", "intents", "approved", "orders", "fills"):
        line(what, f"{told[0][what]:,}")
    for stage, milliseconds in sorted(told[0]["stages"].items(), key=lambda pair: -pair[1]):
        line(f"  of a tick: {stage}", f"{milliseconds:.3f} ms")
    line("ticks per second, start-up included", f"{told[0]['ticks'] / best:,.0f}")
    line("equity at the end", told[0]["equity"])
    finish([
        against("wall time, start-up included", best, " s", at_most=60),
        against("peak memory", max(run.peak_mib for run in runs), " MiB", at_most=500),
        against("fraction of ticks that price three chains or more", told[0]["busy"], "", at_least=0.2),
        against("runs of one seed that differ", float(told[0]["digest"] != told[1]["digest"]), "", at_most=0),
        against(f"calls a tick, last {WINDOW} sessions over first", counted["ratio"], "x", at_most=1.05),
    ])  # fmt: skip


def _run(env: str, *, counting: bool) -> None:
    """Run the span and print what came of it; counting, only both ends are looked at, tick by tick alike."""
    from msgspec.structs import replace

    from bot.commands.backtesting import Planned, backtest
    from bot.commands.simulating import chosen_sessions
    from bot.markets.synthetic import SyntheticMarket
    from bot.research.running import Span
    from bot.wiring import load_house, wall_clock

    house = load_house(env)
    house = house._replace(settings=replace(house.settings, mode="live"))  # simulated money: its orders are sent
    sessions = tuple(chosen_sessions(SESSIONS, LAST.isoformat(), wall_clock()))
    market = SyntheticMarket(house.desk.simulator.seed, anchor=ANCHOR)
    planned = Planned(house, market, Span(sessions), data_hash="embedded")
    if counting:
        print(json.dumps({"ratio": _calls_ratio(planned)}))
        return
    facts = backtest(planned)
    print(
        json.dumps({
            "ticks": facts.ticks, "chains": facts.chains, "contracts": facts.contracts, "intents": facts.intents,
            "approved": facts.approved, "orders": facts.orders, "fills": facts.fills, "stages": dict(facts.stages),
            "busy": facts.ticks_with_three_chains / facts.ticks, "digest": facts.digest,
            "equity": str(facts.days[-1].equity),
        })
    )  # fmt: skip


def _calls_ratio(planned: object) -> float:
    """Count Python and C calls a tick by what they were for, at both ends of the run; give the larger ratio.

    A tick with chains makes more calls than one without, so ticks are compared with those of their own kind: as many
    chains read, positions held and orders alive.
    """
    from collections import defaultdict

    from bot.commands.backtesting import Planned, memory_book, memory_world
    from bot.engine.tick import tick

    assert isinstance(planned, Planned)
    sessions = planned.span.sessions
    clock = [sessions[0].open_at]
    world, _ = memory_world(planned.house, planned.market, lambda: clock[0])
    book = memory_book(planned.house, 900)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    ends: tuple[dict[tuple[int, int, int], list[int]], ...] = (defaultdict(list), defaultdict(list))
    first, last = range(WINDOW, 2 * WINDOW), range(len(sessions) - WINDOW, len(sessions))
    for place, session in enumerate(sessions):
        side = 0 if place in first else 1 if place in last else None
        at = session.open_at
        while at < session.close_at:
            clock[0] = at
            calls = 0
            if side is not None:
                sys.setprofile(count)
            result = tick(world, book)
            sys.setprofile(None)
            if side is not None:
                seen = result.snapshot
                ends[side][len(seen.chains), len(seen.positions), len(seen.own_orders)].append(calls)
            at += planned.span.step
    common = [kind for kind in ends[0] if len(ends[0][kind]) >= 3 and len(ends[1].get(kind, ())) >= 3]
    assert common, "no kind of tick stands at both ends: widen the window"
    before = sum(_middle(ends[0][kind]) * len(ends[1][kind]) for kind in common)
    after = sum(_middle(ends[1][kind]) * len(ends[1][kind]) for kind in common)
    return after / before


def _middle(values: list[int]) -> float:
    return float(sorted(values)[len(values) // 2])


if __name__ == "__main__":
    main()
