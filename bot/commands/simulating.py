"""`bot simulate`: the same tick over N finished sessions, into a home it makes.

Nothing here decides anything: each moment of each session goes through `engine.tick.tick` with the desk's own
strategies, the simulated account and a ledger on disk. Only durability is relaxed (a power cut loses a simulation,
not money).
"""

from __future__ import annotations

import gc
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

from msgspec.structs import replace

from bot.commands.boarding import keep_board, keep_small
from bot.commands.looking import script_folder
from bot.commands.opening import amount
from bot.config.deskfile import read_desk, read_text
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.effective import config_hash, settings_from_process
from bot.config.profiles import check_profile
from bot.domain.errors import ConfigError, UsageError
from bot.domain.money import plain
from bot.domain.sessions import Session, last_session_at, previous_session, session_on
from bot.engine.ports import Book, TickResult, World
from bot.engine.tick import tick
from bot.store.journal import LedgerJournal
from bot.store.lock import home_lock
from bot.wiring import DESK_FILE, House, make_book, make_broker, make_market, wall_clock

SLOT = timedelta(minutes=15)
CLOSE_SESSIONS = 7
"""Sessions at the end whose every tick the board shows; of the others it shows the last one."""


class Tally:
    """What a run came to, counted while it runs."""

    def __init__(self) -> None:
        self.ticks = self.chains = self.contracts = self.intents = self.approved = self.orders = self.fills = 0
        self.ticks_with_three_chains = 0
        self.stages: dict[str, float] = {}
        self.errors: Counter[str] = Counter()
        self.seconds = 0.0
        self.first: TickResult | None = None
        self.last: TickResult | None = None

    def add(self, result: TickResult) -> None:
        """Count one tick."""
        self.ticks += 1
        chains = result.snapshot.chains
        self.chains += len(chains)
        self.ticks_with_three_chains += len(chains) >= 3
        self.contracts += sum(chain.size for chain in chains)
        self.intents += len(result.verdicts)
        self.approved += sum(1 for verdict in result.verdicts if verdict.approved)
        self.orders += len(result.orders)
        self.fills += len(result.settlement.fills)
        for name, milliseconds in result.stages:
            self.stages[name] = self.stages.get(name, 0.0) + milliseconds
        self.errors.update(result.errors)
        self.first = self.first or result
        self.last = result


class Choice(NamedTuple):
    """What to simulate: how long, until when, and what differs from the desk in use."""

    days: int
    until: str
    home: str
    seed: int
    profile: str
    equity: str
    symbols: str


def run_simulate(env: str, *, as_json: bool, **words: Any) -> None:
    """Make a home, run every tick of the last N finished sessions in it, and say what came of it."""
    choice = Choice(**words)
    sessions = chosen_sessions(choice.days, choice.until, wall_clock())
    house = make_home(env, choice)
    if as_json:
        tally = simulate(house, sessions)
        print(json.dumps(summary(house, tally)))
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(highlight=False)
    span = f"{len(sessions)} sessions, {sessions[0].day} to {sessions[-1].day}"
    console.print(f"SIMULATED MONEY: {span}, home {house.home}", soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("sessions", total=len(sessions))

        def shown(result: TickResult) -> None:
            words = f"{result.snapshot.session.day}  equity {result.snapshot.equity:,.2f}"
            progress.update(task, advance=1, description=words)

        tally = simulate(house, sessions, shown)
    for line in summary_lines(house, tally):
        console.print(line, soft_wrap=True)


def chosen_sessions(days: int, until: str, now: datetime) -> list[Session]:
    """Give the last `days` sessions that are over, the newest being `until` or the last finished one."""
    last = last_session_at(now)
    if now < last.close_at:
        last = previous_session(last.day)
    if until:
        try:
            session = session_on(date.fromisoformat(until))
        except ValueError as error:
            raise UsageError(f"--until takes YYYY-MM-DD, got {until!r}") from error
        if session is None or session.close_at > now:
            raise UsageError(f"--until {until}: the market has no finished session on that day")
        last = session
    found = [last]
    while len(found) < days:
        found.append(previous_session(found[-1].day))
    return found[::-1]


def make_home(env: str, choice: Choice) -> House:
    """Make a fresh home with its own desk.toml; an existing folder is never written into."""
    settings = settings_from_process(Path(env) if env else None)
    text = _desk_for(settings.desk_file, choice)
    name = f"{choice.profile or 'desk'}-{choice.days}d-seed{_number(text, 'seed')}"
    home = Path(choice.home) if choice.home else settings.home.parent / "simulated" / name
    if not choice.home:
        home = next(path for path in _numbered(home) if not path.exists())
    if home.exists() and any(home.iterdir()):
        raise ConfigError(f"{home} exists and is not empty: name another --home, or remove it")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / DESK_FILE).touch(mode=0o600)
    (home / DESK_FILE).write_text(text, encoding="utf-8")
    settings = replace(settings, home=home, mode="live", broker="simulator", market="synthetic", market_folder=None)
    desk = read_desk(text, name=str(home / DESK_FILE))
    fingerprint, settings_json = config_hash(text, settings)
    return House(settings, desk, text, fingerprint, settings_json)


def _numbered(home: Path) -> Iterator[Path]:
    yield home
    for number in range(2, 10_000):
        yield home.with_name(f"{home.name}-{number}")


def _desk_for(desk_file: Path, choice: Choice) -> str:
    if desk_file.exists() and not choice.profile and not choice.symbols:
        text = read_text(desk_file)
    else:
        names = tuple(name.strip().upper() for name in choice.symbols.split(",") if name.strip())
        text = desk_text_of(DeskChoice(profile=check_profile(choice.profile or "balanced"), symbols=names or None))
    if choice.equity:
        text = _with_number(text, "equity", plain(amount(choice.equity, "--equity")))
    return text if choice.seed < 0 else _with_number(text, "seed", str(choice.seed))


def _with_number(text: str, key: str, value: str) -> str:
    return re.sub(rf"(?m)^{key} = \S+", f"{key} = {value}", text, count=1)


def _number(text: str, key: str) -> str:
    found = re.search(rf"(?m)^{key} = (\S+)", text)
    return found.group(1) if found else "1"


def simulate(house: House, sessions: list[Session], shown: Callable[[TickResult], None] | None = None) -> Tally:
    """Run every slot of every session through the tick; `shown` is told of each session's last one."""
    tally = Tally()
    moments: list[datetime] = [sessions[0].open_at]
    market = make_market(house)
    with home_lock(house.home, "bot simulate", wall_clock()):
        journal = LedgerJournal(house.home, house.desk.name, synchronous="OFF")
        broker = make_broker(house, market, lambda: moments[0], synchronous="OFF")
        world = World(broker=broker, market=market, journal=journal, now=lambda: moments[0], meter=perf_counter)
        # Nobody is there to answer: entries that wait for a word elsewhere are taken as approved here.
        desk = replace(house.desk, approvals=())
        book = make_book(house, dry=False)._replace(desk=desk, decide_on_decoded=False, decided_as="unasked")
        journal.stamp(broker.name, book.environment, broker.read_account().id)
        journal.keep_config(house.hash, house.desk_text, house.settings_json, moments[0])
        started = perf_counter()
        gc.disable()
        try:
            for place, session in enumerate(sessions):
                each = len(sessions) - place <= CLOSE_SESSIONS
                keep = partial(_keep, house, journal, tally, each=each)
                result = _run_session(world, book, session, moments, tally, keep)
                said = keep_board(house, journal, result, lambda: moments[0])
                tally.errors.update([said] if said else [])
                if shown is not None:
                    shown(result)
                gc.collect(1)
        finally:
            gc.enable()
            broker.close()
            journal.close()
        tally.seconds = perf_counter() - started
    return tally


def _keep(house: House, journal: LedgerJournal, tally: Tally, result: TickResult, *, each: bool) -> None:
    """Keep for the board what a tick alone knows: its orders' market, and each of the newest sessions' moments."""
    moment = each or result is tally.first
    if moment or result.orders or result.settlement.fills:
        said = keep_small(house, journal, result, moment=moment)
        tally.errors.update([said] if said else [])


def _run_session(
    world: World, book: Book, session: Session, moments: list[datetime], tally: Tally,
    keep: Callable[[TickResult], None],
) -> TickResult:  # fmt: skip
    moments[0] = session.open_at
    while True:
        result = tick(world, book)
        tally.add(result)
        keep(result)
        if moments[0] + SLOT >= session.close_at:
            return result
        moments[0] += SLOT


def summary(house: House, tally: Tally) -> dict[str, Any]:
    """Give what a run came to as facts: counts, bytes, money and where the time went."""
    assert tally.first is not None
    assert tally.last is not None
    first, last = tally.first.snapshot, tally.last.snapshot
    store = sum(path.stat().st_size for path in house.home.glob("ledger.sqlite*"))
    snapshots = sum(path.stat().st_size for path in (house.home / "snapshots").glob("*"))
    cash_ours = last.books.cash
    benchmark = house.desk.benchmark
    start, end = first.spot(benchmark), last.spot(benchmark)
    return {
        "simulated": True,
        "home": str(house.home),
        "from": first.session.day.isoformat(),
        "to": last.session.day.isoformat(),
        "ticks": tally.ticks,
        "seconds": round(tally.seconds, 2),
        "ticks_per_second": round(tally.ticks / tally.seconds, 1) if tally.seconds else None,
        "ticks_with_three_chains_fraction": round(tally.ticks_with_three_chains / tally.ticks, 3),
        "chains_priced": tally.chains,
        "contracts_priced": tally.contracts,
        "intents_judged": tally.intents,
        "intents_approved": tally.approved,
        "orders_sent": tally.orders,
        "fills": tally.fills,
        "ledger_bytes": store,
        "snapshot_bytes": snapshots,
        "stage_milliseconds_per_tick": {
            name: round(total / tally.ticks, 3) for name, total in sorted(tally.stages.items(), key=lambda one: -one[1])
        },
        "equity_start": plain(first.equity),
        "equity_end": plain(last.equity),
        "benchmark_return": None if not start or not end else plain((end / start - 1).quantize(Decimal("0.0001"))),
        "cash_broker": plain(last.account.cash),
        "cash_ours": None if cash_ours is None else plain(cash_ours),
        "errors": dict(tally.errors.most_common(10)),
    }


def summary_lines(house: House, tally: Tally) -> list[str]:
    """Say what a run came to, for a person."""
    facts = summary(house, tally)
    ours, broker = facts["cash_ours"], facts["cash_broker"]
    agree = "our books and the account agree to the cent" if ours == broker else f"our books say {ours}: they differ"
    start, end = Decimal(facts["equity_start"]), Decimal(facts["equity_end"])
    stages = ", ".join(f"{name} {value:.2f}" for name, value in facts["stage_milliseconds_per_tick"].items())
    benchmark = "" if facts["benchmark_return"] is None else (
        f"   {house.desk.benchmark} {float(facts['benchmark_return']):+.1%} before dividends"
    )  # fmt: skip
    lines = [
        f"simulated equity {start:,.2f} -> {end:,.2f} ({float(end / start - 1):+.1%}){benchmark}",
        f"cash {Decimal(broker):,.2f}: {agree}",
        f"{facts['ticks']} ticks in {facts['seconds']} s ({facts['ticks_per_second']} a second), "
        f"{facts['chains_priced']} chains of {facts['contracts_priced']} contracts priced, "
        f"{facts['ticks_with_three_chains_fraction']:.0%} of ticks with three chains or more",
        f"{facts['intents_judged']} intents judged, {facts['intents_approved']} approved, {facts['orders_sent']} "
        f"orders sent, {facts['fills']} fills",
        f"on disk: ledger {facts['ledger_bytes']:,} bytes, snapshots {facts['snapshot_bytes']:,} bytes",
        f"where the time goes, ms a tick: {stages}",
    ]
    if any(rule.word != "never" for _, rule in house.desk.approvals):
        lines.append("nobody answers in a simulation: every entry that waits for your word was taken as approved")
    lines += [f"{count} x {error}" for error, count in facts["errors"].items()]
    lines.append(f"look: BOT_HOME={house.home} {script_folder()}bot status   (also: report, why SYMBOL)")
    return lines
