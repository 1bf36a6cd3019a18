"""`bot tick` and `bot loop`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from time import perf_counter

from bot.commands.alerting import notice
from bot.commands.boarding import keep_board, keep_failed
from bot.commands.following import asides, follow_line, follow_object, followed
from bot.commands.metering import keep_metrics
from bot.commands.opening import open_ledger, say_home, warn
from bot.domain.errors import (
    BotError,
    BrokerError,
    ConfigError,
    ForeignStore,
    MarketError,
    OutOfTime,
    StoreError,
    TryLater,
    UsageError,
)
from bot.domain.sessions import NEW_YORK, session_on, slot_of
from bot.domain.slots import SessionOn, next_slot, session_now
from bot.domain.strategy import Strategy
from bot.engine.follow import FollowUp, wants_follow_up
from bot.engine.ports import DecidedAs, Market, TickResult
from bot.engine.tick import tick
from bot.store.journal import LedgerJournal
from bot.store.panicking import HALT_NAME, read_halt_file
from bot.wiring import (
    DEADLINE_SECONDS,
    House,
    known_sessions,
    load_house,
    make_book,
    moment,
    open_world,
    panic_strategy,
    wall_clock,
)


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
    fixed, began = moment(at, house.settings, wall_clock()), perf_counter()
    result = one_tick(house, dry=dry, at=fixed, command="bot tick", clock=wall_clock)
    # At a fixed moment time stands still: nothing that works now could have filled by then.
    past = partial(seconds_since, perf_counter, began)
    later = iter(()) if fixed is not None else follow_up_ticks(house, result, "bot tick", past, clock=wall_clock)
    if as_json:
        print_tick(env, result, house, everything=everything, as_json=True, follow_ups=tuple(later))
        return
    print_tick(env, result, house, everything=everything, as_json=False, at=at)
    if fixed is None and wants_follow_up(result, house.desk):
        apart = house.desk.tick.follow_up_seconds
        print(f"orders work: follow-up ticks {apart} s apart (Ctrl-C leaves the orders to the next tick)", flush=True)
    from bot.commands.looking import typed_before

    prefix, said = typed_before(env, house), set[str]()
    asides(result, prefix, said)  # the picture has told these
    for one in later:
        print(follow_line(one), flush=True)
        for line in () if one.result is None else asides(one.result, prefix, said):
            print(f"  {line}", flush=True)


def follow_up_ticks(
    house: House,
    first: TickResult,
    command: str,
    elapsed: Callable[[], float],
    *,
    clock: Callable[[], datetime] = wall_clock,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[FollowUp]:
    """Run the follow-ups of a tick that left orders working; the home is free for its owner between them."""

    def again(number: int, seconds: float) -> TickResult:
        if slot_of(clock()) != first.snapshot.slot:  # a machine that slept: the meter stood still, the market did not
            raise TryLater("the slot it belongs to is over: its orders are left to the next tick")
        name = f"{command}, follow-up {number}"
        return one_tick(house, dry=False, at=None, command=name, clock=clock, follow_up=number, seconds=seconds)

    return followed(house, first, again, pause=pause, elapsed=elapsed)


def one_tick(
    house: House,
    *,
    dry: bool,
    at: datetime | None,
    command: str,
    clock: Callable[[], datetime] = wall_clock,
    follow_up: int = 0,
    seconds: float = DEADLINE_SECONDS,
    strategies: tuple[Strategy, ...] | None = None,
    decided_as: DecidedAs = "",
) -> TickResult:
    """Run one tick under the home's lock, at a fixed moment or by the clock, within so many seconds.

    `strategies` plan in place of the desk's own, and `decided_as` tells the record who they are. A file named HALT in
    the home is looked for before the ledger: where it lies and nothing can be recorded, the tick ends as TryLater (75),
    for nothing was sent either.
    """
    halted = read_halt_file(house.home)
    try:
        return _one_tick(house, dry, at, command, clock, follow_up, seconds, strategies, decided_as)
    except StoreError as error:
        if halted is None:
            raise
        raise TryLater(
            f"halted by the file {house.home / HALT_NAME}: {halted.reason}; nothing was sent. Nothing was recorded "
            f"either: {error}"
        ) from error


def _one_tick(
    house: House, dry: bool, at: datetime | None, command: str, clock: Callable[[], datetime], follow_up: int,
    seconds: float, strategies: tuple[Strategy, ...] | None, decided_as: DecidedAs,
) -> TickResult:  # fmt: skip
    with open_ledger(house, command, clock(), clock) as journal:
        journal.keep_config(house.hash, house.desk_text, house.settings_json, at or clock())
        if only_panic(house, journal, dry=dry):
            strategies, decided_as = (panic_strategy(),), "panic"
            print(f"{house.hash[:16]} is not approved: nothing but the panic is worked", file=sys.stderr)
        now = clock if at is None else lambda: at
        market: Market | None = None
        try:
            with open_world(house, journal, at, clock, seconds=seconds, command=command) as world:
                market = world.market
                book = make_book(house, dry=dry)._replace(follow_up=follow_up, deadline_seconds=seconds)
                if strategies is not None:
                    book = book._replace(strategies=strategies, decided_as=decided_as)
                result = tick(world, book)
        except (BrokerError, MarketError, OutOfTime, TryLater):
            _say_board(keep_failed(house, journal, now))
            _say_board(notice(house, journal, now()))
            _say_board(keep_metrics(house, journal, now, market))
            raise
        _say_board(keep_board(house, journal, result, clock))
        _say_board(notice(house, journal, now()))
        _say_board(keep_metrics(house, journal, now, market))
        return result


def _say_board(failed: str) -> None:
    """Say on standard error what kept the board, the alerts or the metrics from being written."""
    if failed:
        print(f"warning: {failed}", file=sys.stderr)


def only_panic(house: House, journal: LedgerJournal, *, dry: bool) -> bool:
    """Say whether a tick may only work a panic: real money, and a configuration that no person approved (design 20).

    Raises ConfigError where no panic stands. A panic's orders only cancel and close, and its owner must be able to get
    out whatever became of the configuration since.
    """
    real = house.settings.broker != "simulator" and house.settings.alpaca_env == "live"
    if not real or house.settings.mode != "live" or dry or journal.config_is_approved(house.hash):
        return False
    if journal.panic() is None:
        raise ConfigError(
            f"real money needs a configuration that a person approved, and {house.hash[:16]} is not: read `bot config "
            "show`, then `bot config approve` (--dry runs without it)"
        )
    return True


def print_tick(
    env: str,
    result: TickResult,
    house: House,
    *,
    everything: bool,
    as_json: bool,
    follow_ups: tuple[FollowUp, ...] = (),
    at: str = "",
) -> None:
    """Print a tick as one JSON object with its follow-ups in it, or as a picture with the home in use.

    `at` is the moment it was asked for, as typed: a command to type next must name it too.
    """
    if as_json:
        import msgspec

        from bot.report.tick_json import tick_object

        whole = tick_object(result) | {"follow_ups": [follow_object(one) for one in follow_ups]}
        sys.stdout.write(msgspec.json.encode(whole).decode() + "\n")
        say_home(house)
        return
    from bot.commands.looking import typed_before
    from bot.report.tick_text import picture_console, tick_picture

    console = picture_console()
    prefix = typed_before(env, house)
    for part in tick_picture(result, str(house.home), everything=everything, prefix=prefix, at=at):
        # What must be copied in one piece, such as a path, says so; rich would break it at the terminal's edge.
        console.print(part, soft_wrap=bool(getattr(part, "no_wrap", False)))


def waiting_words(result: TickResult) -> str:
    """Say how many proposals wait for the owner's word, with what to type; nothing where none does."""
    waiting = sum(1 for one in result.proposals if one.approved_at is None)
    return f", {waiting} waiting for your word (`bot approve`)" if waiting else ""


def run_loop(
    env: str,
    *,
    dry: bool,
    ticks: int,
    clock: Callable[[], datetime] = wall_clock,
    sleep: Callable[[float], None] = time.sleep,
    meter: Callable[[], float] = perf_counter,
) -> None:
    """Tick at every slot of session hours until stopped; a failed tick is said and the next one comes.

    Sessions are the broker's own where a tick has kept its calendar, else the shipped table's. `meter` counts seconds
    for the deadline that a tick shares with its follow-ups.

    Configuration is read anew for each tick. A wrong one, or a home of another account, ends the loop with 78.
    """
    from bot.commands.looking import typed_before

    house = load_house(env)
    warn(house)
    print(f"home {house.home}", flush=True)
    done = 0
    while ticks == 0 or done < ticks:
        wait = seconds_to_slot(clock(), known_sessions(house, clock))
        if wait > 0:
            moment_to_come = (clock() + timedelta(seconds=wait)).astimezone(NEW_YORK)
            print(f"next tick {moment_to_come:%a %Y-%m-%d %H:%M} New York", flush=True)
            sleep(wait)
        try:
            house, began = load_house(env), meter()
            result = one_tick(house, dry=dry, at=None, command="bot loop", clock=clock)
            print(f"{result.snapshot.at:%Y-%m-%d %H:%M} UTC  tick {result.tick_id}  {len(result.verdicts)} wanted, "
                  f"{len(result.orders)} sent{waiting_words(result)}", flush=True)  # fmt: skip
            prefix, said = typed_before(env, house), set[str]()
            for line in asides(result, prefix, said):
                print(f"  {line}", flush=True)
            past = partial(seconds_since, meter, began)
            for one in follow_up_ticks(house, result, "bot loop", past, clock=clock, pause=sleep):
                print(f"  {follow_line(one)}", flush=True)
                for line in () if one.result is None else asides(one.result, prefix, said):
                    print(f"    {line}", flush=True)
        except (ConfigError, ForeignStore):
            raise
        except BotError as error:
            print(f"bot: {error}", file=sys.stderr, flush=True)
        done += 1
        sleep(1.0)


def seconds_since(meter: Callable[[], float], began: float) -> float:
    """Count the seconds since a reading of the meter."""
    return meter() - began


def seconds_to_slot(now: datetime, on: SessionOn = session_on, period_seconds: int = 900) -> float:
    """Count the seconds to the next slot in session hours; a slot under way that just began counts as now."""
    slot = slot_of(now, period_seconds)
    if session_now(now, on) is not None and (now - slot).total_seconds() < 1.0:
        return 0.0
    return (next_slot(now, on, period_seconds) - now).total_seconds()
