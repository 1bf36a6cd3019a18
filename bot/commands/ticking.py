"""`bot tick` and `bot loop`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from bot.commands.opening import open_ledger, say_home, warn
from bot.domain.errors import BotError, ConfigError, ForeignStore, UsageError
from bot.domain.sessions import NEW_YORK, new_york_day, next_session, session_at, session_on, slot_of
from bot.engine.ports import TickResult
from bot.engine.tick import tick
from bot.wiring import House, load_house, make_book, moment, open_world, wall_clock


def run_tick(env: str, *, dry: bool, live: bool, at: str, everything: bool, as_json: bool) -> None:
    """Run one tick and print it; `live` asserts BOT_MODE=live and never raises it."""
    if dry and live:
        raise UsageError("--dry and --live exclude each other; --dry always wins, so say one")
    house = load_house(env)
    if live and house.settings.mode != "live":
        origin = house.settings.origins.get("BOT_MODE", "default")
        raise ConfigError(
            f"--live was asked for and BOT_MODE is {house.settings.mode} ({origin}): set BOT_MODE=live there first; "
            "this option only asserts it"
        )
    warn(house)
    result = one_tick(house, dry=dry, at=moment(at, house.settings, wall_clock()), command="bot tick")
    print_tick(env, result, house, everything=everything, as_json=as_json)


def one_tick(
    house: House, *, dry: bool, at: datetime | None, command: str, clock: Callable[[], datetime] = wall_clock
) -> TickResult:
    """Run one tick under the home's lock, at a fixed moment or by the clock."""
    with open_ledger(house, command, clock()) as journal:
        journal.keep_config(house.hash, house.desk_text, house.settings_json, at or clock())
        with open_world(house, journal, at, clock) as world:
            return tick(world, make_book(house, dry=dry))


def print_tick(env: str, result: TickResult, house: House, *, everything: bool, as_json: bool) -> None:
    """Print a tick as one JSON object, or as a picture with the home in use."""
    if as_json:
        import msgspec

        from bot.report.tick_json import tick_object

        sys.stdout.write(msgspec.json.encode(tick_object(result)).decode() + "\n")
        say_home(house)
        return
    from bot.commands.looking import typed_before
    from bot.report.tick_text import picture_console, tick_picture

    console = picture_console()
    for part in tick_picture(result, str(house.home), everything=everything, prefix=typed_before(env, house)):
        # What must be copied in one piece, such as a path, says so; rich would break it at the terminal's edge.
        console.print(part, soft_wrap=bool(getattr(part, "no_wrap", False)))


def run_loop(
    env: str,
    *,
    dry: bool,
    ticks: int,
    clock: Callable[[], datetime] = wall_clock,
    sleep: Callable[[float], None] | None = None,
) -> None:
    """Tick at every slot of session hours until stopped; a failed tick is said and the next one comes.

    Configuration is read anew for each tick. A wrong one, or a home of another account, ends the loop with 78.
    """
    import time

    house = load_house(env)
    warn(house)
    print(f"home {house.home}", flush=True)
    pause = sleep or time.sleep
    done = 0
    while ticks == 0 or done < ticks:
        wait = seconds_to_slot(clock())
        if wait > 0:
            moment_to_come = (clock() + timedelta(seconds=wait)).astimezone(NEW_YORK)
            print(f"next tick {moment_to_come:%a %Y-%m-%d %H:%M} New York", flush=True)
            pause(wait)
        try:
            result = one_tick(load_house(env), dry=dry, at=None, command="bot loop", clock=clock)
            print(f"{result.snapshot.at:%Y-%m-%d %H:%M} UTC  tick {result.tick_id}  {len(result.verdicts)} wanted, "
                  f"{len(result.orders)} sent", flush=True)  # fmt: skip
        except (ConfigError, ForeignStore):
            raise
        except BotError as error:
            print(f"bot: {error}", file=sys.stderr, flush=True)
        done += 1
        pause(1.0)


def seconds_to_slot(now: datetime, period_seconds: int = 900) -> float:
    """Count the seconds to the next slot in session hours; a slot under way that just began counts as now."""
    slot = slot_of(now, period_seconds)
    if session_at(now) is not None and (now - slot).total_seconds() < 1.0:
        return 0.0
    following = slot + timedelta(seconds=period_seconds)
    if session_at(following) is not None:
        return (following - now).total_seconds()
    today = session_on(new_york_day(now))
    session = today if today is not None and now < today.open_at else next_session(new_york_day(now))
    return (session.open_at.astimezone(UTC) - now).total_seconds()
