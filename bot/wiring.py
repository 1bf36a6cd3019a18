"""Settings to World and Book: the only place that names concrete adapters."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from bot import __version__
from bot.config.codehash import deciding_code
from bot.config.deskfile import read_desk, read_text
from bot.config.effective import config_hash, settings_from_process, state_folder_of_process
from bot.config.settings import Settings
from bot.domain.desk import Desk
from bot.domain.errors import BrokerUnreachable, ConfigError, UsageError
from bot.domain.sessions import last_session_at, new_york_day, previous_session, session_on
from bot.domain.slots import SessionOn, sessions_known
from bot.domain.strategy import Strategy
from bot.engine.ports import Book, Broker, Market, World
from bot.engine.ports import Path as MarketPath
from bot.store.journal import LedgerJournal
from bot.store.logged import LoggedJournal
from bot.store.panicking import read_halt_file

if TYPE_CHECKING:
    from bot.brokers.simulator import SimulatorBroker
    from bot.markets.alpaca import AlpacaMarket
    from bot.store.account_lock import AccountLock

DESK_FILE = "desk.toml"
ACCOUNT_FILE = "simulator.sqlite"
CACHE_FOLDER = "cache"
"""Where in a home a venue's calendars are kept for the day."""
DEADLINE_SECONDS = 240.0
"""How long a tick and its follow-ups may take before no further request starts; the timer's period is 900."""


def wall_clock() -> datetime:
    """Give this machine's time in UTC."""
    return datetime.now(UTC)


class Embedded(Market, MarketPath, Protocol):
    """A market that can also be walked: what a simulated account runs on."""


class House(NamedTuple):
    """One desk, opened: its settings, its checked numbers and where it lives."""

    settings: Settings
    desk: Desk
    desk_text: str
    hash: str
    settings_json: str

    @property
    def home(self) -> Path:
        """Give the home folder in use."""
        return self.settings.home

    @property
    def desk_hash(self) -> str:
        """Give the SHA-256 of desk.toml."""
        return sha256(self.desk_text.encode()).hexdigest()


def load_house(env: str = "") -> House:
    """Read and check `.env` and `desk.toml`; raises ConfigError with every fault and the home in use."""
    settings = settings_from_process(Path(env) if env else None)
    path = settings.home / DESK_FILE
    if not path.exists():
        raise ConfigError(
            f"no desk at {path}: run `bot init` to write one, or point BOT_HOME at a home that has a {DESK_FILE}"
        )
    text = read_text(path)
    desk = read_desk(text, name=str(path))
    fingerprint, settings_json = config_hash(text, settings)
    return House(settings, desk, text, fingerprint, settings_json)


def make_market(
    house: House, now: Callable[[], datetime] = wall_clock, *, seconds: float = DEADLINE_SECONDS,
    say: Callable[..., None] | None = None,
) -> Market:  # fmt: skip
    """Build the market `BOT_MARKET` names. Alpaca's opens the one door that its broker shares, for so many seconds.

    `say` writes what goes wrong at that door into a log.
    """
    settings = house.settings
    if settings.market == "alpaca":
        return _alpaca_market(house, now, seconds, say)
    return embedded_market(house)


def embedded_market(house: House) -> Embedded:
    """Build a market that a simulated account can run on."""
    settings = house.settings
    if settings.market == "synthetic":
        from bot.markets.synthetic import SyntheticMarket

        return SyntheticMarket(house.desk.simulator.seed)
    if settings.market == "recorded":
        from bot.markets.earnings import load_earnings
        from bot.markets.recorded import RecordedMarket

        assert settings.market_folder is not None
        return RecordedMarket(
            settings.market_folder, earnings=load_earnings(house.home / "earnings.csv"), universe=house.desk.universe
        )
    raise ConfigError(
        f"BOT_MARKET={settings.market} is no market a simulated account can run on: use synthetic or recorded:<folder>"
    )


def _alpaca_market(
    house: House, now: Callable[[], datetime], seconds: float, say: Callable[..., None] | None
) -> AlpacaMarket:
    from bot.markets.alpaca import AlpacaMarket
    from bot.markets.earnings import load_earnings
    from bot.venues.alpaca_client import AlpacaClient, Bounds, unheard
    from bot.venues.daycache import DayCache
    from bot.venues.together import at_once

    settings = house.settings
    if settings.secrets_missing:
        raise ConfigError(settings.secrets_missing)
    client = AlpacaClient(
        key=settings.secrets.reveal("ALPACA_API_KEY"),
        secret=settings.secrets.reveal("ALPACA_SECRET_KEY"),
        environment=settings.alpaca_env,
        trading=settings.trading_url,
        data=settings.data_url,
        now=now,
        meter=perf_counter,
        bounds=Bounds(deadline=perf_counter() + seconds),
        say=say or unheard,
    )
    return AlpacaMarket(
        client,
        universe=house.desk.universe,
        earnings=load_earnings(house.home / "earnings.csv"),
        stock_feed=settings.stock_feed,
        option_feed=settings.option_feed,
        cache=DayCache(house.home / CACHE_FOLDER, now),
        together=at_once,
    )


def make_broker(
    house: House, market: Market, now: Callable[[], datetime], *, synchronous: str = "FULL", account: str = ""
) -> Broker:
    """Build the broker `BOT_BROKER` names; `account` is the one this home is stamped for, where it is."""
    if house.settings.broker == "alpaca":
        return _alpaca_broker(house, market, now, account)
    return _simulator(house, house.home, market, now, synchronous)


def _alpaca_broker(house: House, market: Market, now: Callable[[], datetime], account: str) -> Broker:
    from bot.brokers.alpaca import AlpacaBroker
    from bot.markets.alpaca import AlpacaMarket
    from bot.venues.daycache import DayCache

    assert isinstance(market, AlpacaMarket), "a real account trades on its own market's prices"
    return AlpacaBroker(
        market.client,
        environment=house.settings.alpaca_env,
        pinned=house.settings.alpaca_account or account,
        cache=DayCache(house.home / CACHE_FOLDER, now),
        now=now,
    )


def _simulator(
    house: House, folder: Path, market: Market, now: Callable[[], datetime], synchronous: str
) -> SimulatorBroker:
    from bot.brokers.simulator import SimulatorBroker

    embedded = cast(Embedded, market)
    return SimulatorBroker(folder / ACCOUNT_FILE, embedded, house.desk.simulator, now, synchronous=synchronous)


@contextmanager
def looking_broker(house: House, market: Market, now: Callable[[], datetime], *, account: str = "") -> Iterator[Broker]:
    """Give a broker to look at: a simulated account is copied, so that looking does not make its time pass.

    Otherwise whoever looks at noon keeps a tick of this morning from ever running here. A real account is read as it
    is: whoever only looks submits nothing.
    """
    if house.settings.broker != "simulator":
        broker = make_broker(house, market, now, account=account)
        try:
            yield broker
        finally:
            broker.close()
        return
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="bot-look-") as name:
        copy_account(house.home / ACCOUNT_FILE, Path(name) / ACCOUNT_FILE)
        copy = _simulator(house, Path(name), market, now, "OFF")
        try:
            yield copy
        finally:
            copy.close()


def copy_account(source: Path, target: Path) -> None:
    """Copy a simulated account as it is now; nothing where there is none yet. Raises BrokerUnreachable."""
    if not source.exists():
        return
    try:
        with closing(sqlite3.connect(source)) as account, closing(sqlite3.connect(target)) as copy:
            account.backup(copy)
    except sqlite3.Error as error:
        raise BrokerUnreachable(
            f"the simulated account {source} cannot be read ({error}): restore it from a copy, or name another BOT_HOME"
        ) from error


def known_sessions(house: House, now: Callable[[], datetime] = wall_clock) -> SessionOn:
    """Give what tells the session of a day: the broker's calendar as the newest tick kept it, else the shipped table.

    Nobody is asked, so it serves every look ahead.
    """
    if house.settings.broker != "alpaca":
        return session_on
    from bot.brokers.alpaca_kept import kept_calendar
    from bot.venues.daycache import DayCache

    return sessions_known(kept_calendar(DayCache(house.home / CACHE_FOLDER, now)))


def strategies_of(desk: Desk) -> tuple[Strategy, ...]:
    """Give the desk's strategies, the owner's own and what the owner approved, best priority first."""
    from bot.planners import owner, trailing_stop, wheel

    wheels = frozenset(
        (params.name, symbol) for _, enabled, params in desk.wheels if enabled for symbol in params.numbers
    )
    found = [panic_strategy(), approved_strategy(desk)]
    found += [Strategy(owner.NAME, owner.PLANNER, owner.OwnerParams(wheels=wheels), 0)]
    found += [
        Strategy(params.name, wheel.PLANNER, params, priority, enabled) for priority, enabled, params in desk.wheels
    ]
    found += [
        Strategy(params.name, trailing_stop.PLANNER, params, priority, enabled, while_flattening=True)
        for priority, enabled, params in desk.trailing_stops
    ]
    if desk.bars:
        from bot.planners.bar_kinds import PLANNERS

        found += [Strategy(one.name, PLANNERS[one.kind], one, rank, enabled) for rank, enabled, one in desk.bars]
    return tuple(sorted(found, key=lambda one: (one.priority, one.name)))


def approved_strategy(desk: Desk) -> Strategy:
    """Give what carries the owner's approvals out: first in every tick, and alone in the one `bot approve` runs."""
    from bot.planners import approved

    enabled = {params.name for _, on, params in desk.wheels if on}
    enabled |= {params.name for _, on, params in desk.trailing_stops if on}
    enabled |= {params.name for _, on, params in desk.bars if on}
    return Strategy(approved.NAME, approved.PLANNER, approved.ApprovedParams(strategies=frozenset(enabled)), 0)


def panic_strategy() -> Strategy:
    """Give what carries a panic out: before all others in every tick, and alone in those `bot panic` runs."""
    from bot.planners import panic

    return Strategy(panic.NAME, panic.PLANNER, panic.PanicParams(), -1, while_flattening=True)


def environment_of(settings: Settings) -> str:
    """Say whose money it is: simulated, paper or live."""
    return "simulated" if settings.broker == "simulator" else settings.alpaca_env


def make_book(house: House, *, dry: bool) -> Book:
    """Build what was chosen; `dry` always wins over BOT_MODE=live."""
    return Book(
        desk=house.desk,
        strategies=strategies_of(house.desk),
        dry=dry or house.settings.mode != "live",
        environment=environment_of(house.settings),
        config_hash=house.hash,
        code_version=__version__,
        deadline_seconds=DEADLINE_SECONDS,
        desk_hash=house.desk_hash,
        code=deciding_code(),
    )


@contextmanager
def open_world(
    house: House, journal: LedgerJournal, at: datetime | None, clock: Callable[[], datetime] | None = None,
    *, seconds: float = DEADLINE_SECONDS, command: str = "bot",
) -> Iterator[World]:  # fmt: skip
    """Build the outside: market, broker, memory and time; `at` fixes the moment of an embedded world.

    No request to a venue starts after `seconds`. A real account is taken for this world alone: at once where the
    home is stamped or pinned for one, else by the tick that reads its number first. Raises TryLater naming who has it.
    """
    now = (lambda: at) if at is not None else clock or wall_clock
    account = journal.stamped_account()
    if house.settings.broker == "simulator":
        market = make_market(house, now, seconds=seconds)
        with closing(make_broker(house, market, now, account=account)) as broker:
            yield World(
                broker=broker, market=market, journal=journal, now=now, meter=perf_counter, room_mb=room_of(house.home),
                halted=partial(read_halt_file, house.home),
            )  # fmt: skip
        return
    from bot.venues.together import at_once

    known = house.settings.alpaca_account or account
    with closing(_account_lock(house, command, (clock or wall_clock)())) as lock:
        if known:
            lock.claim(known)
        say = journal.log.say if isinstance(journal, LoggedJournal) else None
        market = make_market(house, now, seconds=seconds, say=say)
        with closing(make_broker(house, market, now, account=account)) as broker:
            yield World(
                broker=broker, market=market, journal=journal, now=now, meter=perf_counter, together=at_once,
                claim=lock.claim, room_mb=room_of(house.home), halted=partial(read_halt_file, house.home),
            )  # fmt: skip


def _account_lock(house: House, command: str, now: datetime) -> AccountLock:
    from bot.store.account_lock import AccountLock

    who = f"{command} of home {house.home.absolute()}, since {now:%Y-%m-%d %H:%M:%S} UTC"
    return AccountLock(state_folder_of_process(), house.settings.broker, environment_of(house.settings), who)


def room_of(folder: Path) -> Callable[[], Decimal | None]:
    """Give what tells the free room on a folder's disk in megabytes; it gives None where that cannot be seen."""

    def room() -> Decimal | None:
        try:
            found = os.statvfs(folder)
        except OSError:
            return None
        return Decimal(found.f_bavail * found.f_frsize // 1_000_000)

    return room


def moment(text: str, settings: Settings, now: datetime) -> datetime | None:
    """Read `--at`: nothing, "session", or an ISO moment; only embedded and recorded worlds take one.

    "session" is now if the market trades and entries are likely allowed, else noon New York of the last
    finished session (an hour before an early close).
    """
    if not text:
        return None
    if settings.broker != "simulator":
        raise UsageError("--at exists for embedded and recorded worlds only; a real account has one time: now")
    if text == "session":
        return session_moment(now)
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--at takes an ISO moment such as 2026-11-18T17:00:00+00:00 or 'session', got {text!r}"
        ) from error
    if read.tzinfo is None:
        moment = text if len(text) > 10 else f"{text}T17:00"
        raise UsageError(f"--at needs a moment with a zone: write {moment}+00:00 for UTC")
    return read.astimezone(UTC)


def session_moment(now: datetime) -> datetime:
    """Give a moment in the middle of a session: now if there is one under way, else the last one's."""
    session = session_on(new_york_day(now))
    quiet = timedelta(minutes=30)
    if session is not None and session.open_at + quiet <= now < session.close_at - quiet:
        return now.replace(microsecond=0)
    last = last_session_at(now)
    if last.holds(now):
        last = previous_session(last.day)
    return last.open_at + (last.close_at - last.open_at) / 2 - timedelta(minutes=15)
