"""`bot drill`: the failures others paid for, played against this desk.toml; a whole drill is sealed in the ledger."""

from __future__ import annotations

import sys
from datetime import datetime
from time import perf_counter
from typing import get_args

import msgspec

from bot import __version__
from bot.commands.looking import print_json
from bot.commands.opening import open_ledger, say_home, warn
from bot.domain.errors import UsageError
from bot.drill.playing import SCENES, Drilled, Outcome, Removed, chosen, drill
from bot.drill.stage import WORLDS, WorldName
from bot.report.words import count
from bot.store.drills import DrillRow, keep_drill
from bot.wiring import House, load_house, wall_clock

BOTH = "both"


def run_drill(env: str, *, only: str, world: str, seed: int, as_json: bool, removals: bool) -> None:
    """Play the drill in homes of its own, print every scene, seal a whole one; ends with 1 unless it passed."""
    worlds, scenes = _worlds(world), chosen(only)
    house = load_house(env)
    warn(house)
    began = perf_counter()
    if not as_json:
        print(f"drill of {house.settings.desk_file}, seed {seed}, on {' and '.join(worlds)}, in homes of its own")
    found = drill(house.desk, seed, worlds=worlds, scenes=scenes, removals=removals, shown=_quiet if as_json else _show)
    seconds = perf_counter() - began
    whole = not only and worlds == WORLDS
    head = _seal(house, found, wall_clock()) if whole else ""
    if as_json:
        print_json(_object(house, found, head, seconds))
        say_home(house)
    else:
        for line in _last_lines(house, found, head, seconds, whole=whole):
            print(line)
    if not found.passed:
        raise SystemExit(1)


def _worlds(world: str) -> tuple[WorldName, ...]:
    if world == BOTH:
        return WORLDS
    if world not in WORLDS:
        raise UsageError(f"--world takes {', '.join(get_args(WorldName))} or {BOTH}, got {world!r}")
    return (world,)


def _seal(house: House, found: Drilled, at: datetime) -> str:
    """Keep a whole drill in the ledger; the home's lock is held for this write alone."""
    row = DrillRow(
        at=at, code_version=__version__, desk_hash=house.desk_hash, seed=found.seed, worlds=",".join(found.worlds),
        passed=found.passed, scenes_passed=found.count("passed"), scenes_failed=found.count("failed"),
        scenes_off=found.count("off"), removals=len(found.removals),
        removals_missed=sum(1 for one in found.removals if one.noticed is False),
        result_json=msgspec.json.encode(
            {"outcomes": found.outcomes, "removals": found.removals}
        ).decode(),
    )  # fmt: skip
    with open_ledger(house, "bot drill", at) as journal:
        return keep_drill(journal.database, row)


def _quiet(one: Outcome | Removed) -> None:
    """Say nothing yet: one object follows at the end."""


def _show(one: Outcome | Removed) -> None:
    if isinstance(one, Outcome):
        print(outcome_line(one), flush=True)
    else:
        print(removed_line(one), flush=True)
    sys.stdout.flush()


def outcome_line(one: Outcome) -> str:
    """Say one scene in a line: failure, world, verdict, what was played and seen, and what it leans on."""
    head = f"{one.failure:<4}{one.world:<10} {one.status.upper():<7} {one.name}: {one.played}"
    if one.status == "off":
        return f"{head} -- WARNING: {'; '.join(one.seen)}"
    leans = f" [{', '.join(one.guards)}]" if one.guards else ""
    seen = "; ".join((*(f"NOT AS IT MUST BE: {fault}" for fault in one.faults), *one.seen))
    return f"{head} -- {seen}{leans}"


def removed_line(one: Removed) -> str:
    """Say what became of a scene without a guard."""
    word = {True: "missed, as it must be", False: "NOT MISSED", None: "not tried"}[one.noticed]
    return f"without {one.guard}: {one.scene} on {one.world}: {word}: {one.words}"


def _last_lines(house: House, found: Drilled, head: str, seconds: float, *, whole: bool) -> list[str]:
    counts = ", ".join(f"{found.count(word)} {word}" for word in ("passed", "failed", "off"))
    lines = [f"{'PASSED' if found.passed else 'FAILED'}: {counts} in {seconds:.0f} s"]
    if found.richer > 1:
        lines.append(f"played with {found.richer} times the cash of [simulator]: with its own nothing could be opened")
    if found.removals:
        missed = sum(1 for one in found.removals if one.noticed)
        lines.append(f"guards taken away: {count(len(found.removals), 'time')}, {missed} times the drill noticed")
    if not whole:
        lines.append("part of a drill is not sealed and counts for nothing: `bot drill` plays all of it")
    elif head:
        lines.append(f"sealed as {head[:16]}   home {house.home}")
    return lines


def _object(house: House, found: Drilled, head: str, seconds: float) -> dict[str, object]:
    return {
        "home": str(house.home), "passed": found.passed, "seed": found.seed, "worlds": list(found.worlds),
        "begins": found.begins.isoformat(), "code_version": __version__, "desk_hash": house.desk_hash,
        "scenes": {word: found.count(word) for word in ("passed", "failed", "off")}, "seconds": round(seconds, 2),
        "richer": found.richer, "sealed": head, "outcomes": msgspec.to_builtins(found.outcomes),
        "removals": msgspec.to_builtins(found.removals),
    }  # fmt: skip


__all__ = ["SCENES", "outcome_line", "removed_line", "run_drill"]
