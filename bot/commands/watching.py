"""`bot watch`: the alarm when ticks do not come or the record was changed."""

from __future__ import annotations

import json
import sys

from bot.commands.alerting import tell_watch
from bot.commands.metering import keep_watched
from bot.commands.opening import open_ledger, warn
from bot.domain.errors import BotError
from bot.domain.sessions import NEW_YORK
from bot.ops.watch import Watched, look, ping_outside, stop_by_file
from bot.store.alarms import raise_alarm
from bot.wiring import House, load_house, wall_clock


def run_watch(env: str, *, as_json: bool) -> None:
    """Look, halt what must be halted, ping when all is well; an alarm goes to standard error and exits with 1."""
    house = load_house(env)
    warn(house)
    seen = look(house, wall_clock())
    held, failed = _reduce_only(house, seen)
    done = tuple(one for one in (stop_by_file(house, seen), held, failed) if one)
    seen = ping_outside(house, seen)
    untold = tell_watch(house, seen, failed)
    if untold:
        seen = seen._replace(warnings=(*seen.warnings, f"alerts: {untold}"))
    unwritten = keep_watched(house, seen)
    if unwritten:
        seen = seen._replace(warnings=(*seen.warnings, unwritten))
    for line in (*(f"ALARM: {one}" for one in seen.alarms), *done, *(f"warning: {one}" for one in seen.warnings)):
        print(f"bot: {line}", file=sys.stderr)
    if as_json:
        print(json.dumps(watch_object(house, seen, done)))
    elif not seen.alarms:
        print(f"{_well(seen)}   home {house.home}")
    if seen.alarms:
        raise SystemExit(1)


def _well(seen: Watched) -> str:
    """Say in one line that nothing is amiss, and since when."""
    ticked = "no tick was due yet"
    if seen.newest is not None:
        ticked = f"newest tick {seen.newest.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"
    return f"all is well: {ticked}, the record holds{', pinged' if seen.pinged else ''}"


def _reduce_only(house: House, seen: Watched) -> tuple[str, str]:
    """Hold the desk at reduce_only where ticks do not come and the record is sound: (what was set, why it was not)."""
    if not seen.dead or seen.faults:
        return "", ""
    try:
        with open_ledger(house, "bot watch", seen.at) as journal:
            new = raise_alarm(journal.database, seen.at, seen.dead)
    except BotError as error:
        return "", f"reduce_only could not be set: {error}"
    return f"{'set' if new else 'still'} reduce_only; it clears by itself after good ticks, or by `bot resume`", ""


def watch_object(house: House, seen: Watched, done: tuple[str, ...]) -> dict[str, object]:
    """Give what was seen and done as one plain object."""
    return {
        "home": str(house.home),
        "at": seen.at.isoformat(),
        "well": not seen.alarms,
        "alarms": list(seen.alarms),
        "done": list(done),
        "warnings": list(seen.warnings),
        "newest_tick": None if seen.newest is None else seen.newest.isoformat(),
        "missed_slots": [slot.isoformat() for slot in seen.missed],
        "chain_faults": list(seen.faults),
        "pinged": seen.pinged,
    }
