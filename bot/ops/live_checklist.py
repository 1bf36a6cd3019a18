"""From paper to a small live account: what must hold first, each thing read from the record and not from a promise.

The record is the paper account's home; the configuration judged is the one that would trade. Both are one home until a
live one exists; then `--paper` names the former.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec.structs import replace

from bot.config.deskfile import read_desk
from bot.domain.desk import AlertNumbers, Desk, KeepNumbers
from bot.domain.errors import BotError, ConfigError
from bot.domain.money import plain
from bot.domain.sessions import Session
from bot.domain.slots import SessionOn
from bot.ops.doctor_keeping import missed_slots, newest_backup, sessions_before
from bot.ops.doctor_metrics import last_watch
from bot.ops.doctor_reach import configured
from bot.ops.drilled import lacks
from bot.ops.finding import Finding
from bot.report.words import ago, count, dollars
from bot.store import practice
from bot.store.queries import Ledger
from bot.venues.hosts import check_keys
from bot.wiring import House

SESSIONS = 20
"""Sessions on paper, and how far back trouble is looked for."""
MISSED_SHARE = 0.01
BACKUP_AGE = timedelta(hours=26)
TEST_AGE = timedelta(days=7)
WATCH_AGE = timedelta(hours=1)
PLAYED_AGE = timedelta(days=60)
REPORTS = 10
EQUITY_MOST = Decimal(10_000)
"""Dollars of a small account: what its owner can do without."""
ORDER_LOSS_MOST = Decimal(5_000)
"""Dollars one order of it may lose at most: one contract of a cheap name."""
CONTRACTS_MOST = Decimal(1)


class Item(NamedTuple):
    """One thing on the list: whether it holds, what was found against what is needed, and how to get there."""

    name: str
    met: bool
    found: str
    how: str


def open_items(items: tuple[Item, ...]) -> tuple[Item, ...]:
    """Give what does not hold yet, in the order in which it is best done."""
    return tuple(item for item in items if not item.met)


def same_rules(text: str, desk: Desk) -> bool:
    """Say whether a desk.toml trades by the same rules: only names, keeping, alerts and simulator may differ."""
    try:
        other = read_desk(text)
    except ConfigError:
        return False
    return _bare(other) == _bare(desk)


def _bare(desk: Desk) -> Desk:
    rest = {"name": "", "profile": "", "alerts": AlertNumbers(), "keep": KeepNumbers(), "record_chains": ()}
    return replace(desk, simulator=None, **rest)


def practised(house: House, paper: Ledger, environment: str, now: datetime, on: SessionOn) -> Iterator[Item]:
    """Judge the record of the paper account; what is of other money counts for nothing."""
    for item in _practised(house, paper, environment, now, on):
        yield item._replace(met=item.met and environment == "paper")


def _practised(house: House, paper: Ledger, environment: str, now: datetime, on: SessionOn) -> Iterator[Item]:
    days = practice.days_ticked(paper.connection, "paper", lambda text: same_rules(text, house.desk))
    words = f"{count(len(days), 'session')} ticked live on paper with these rules, {SESSIONS} needed"
    if environment != "paper":
        words = f"this record is of {environment or 'no'} money; {words}"
    how = "BOT_MODE=live with ALPACA_ENV=paper and this desk.toml, ticked by its timer; a changed limit begins anew"
    yield Item("sessions on paper", len(days) >= SESSIONS, words, how)
    sessions = sessions_before(now, SESSIONS, on)
    yield _missed(paper, sessions)
    yield from _trouble(paper, sessions)
    yield _reports(paper, sessions)
    how = "`bot panic --reason practice`, look at what it did, then `bot resume --reason practised`"
    ended = practice.last_panic_ended(paper.connection)
    yield _played(ended, now, "panic played", "a panic was begun and ended", how)
    how = "`echo practice > HOME/HALT`, wait for a tick, read `bot status`, then remove the file"
    stopped = practice.last_stopped_tick(paper.connection)
    yield _played(stopped, now, "HALT file played", "a live tick ran under stop", how)


def _missed(paper: Ledger, sessions: list[Session]) -> Item:
    found = missed_slots(paper, sessions)
    share = len(found.missed) / found.slots if found.slots else 1.0
    span = f"{count(found.slots, 'slot')} in {count(found.sessions, 'session')}"
    words = f"{len(found.missed)} of {span}, at most 1 % allowed"
    how = "find why in `bot log --since 7d` and the timer's journal, then let the sessions go by"
    return Item("missed slots", found.sessions > 0 and share <= MISSED_SHARE, words, how)


def _trouble(paper: Ledger, sessions: list[Session]) -> Iterator[Item]:
    if not sessions:
        yield Item("clean record", False, "no session is over yet", "let it tick")
        return
    found = practice.trouble_since(paper.connection, sessions[0].open_at, sessions[0].day)
    span = f"in the last {count(len(sessions), 'session')}"
    share = found.failed / found.ticks if found.ticks else 1.0
    yield Item("ticks that failed", bool(found.ticks) and share <= MISSED_SHARE,
               f"{found.failed} of {count(found.ticks, 'tick')} {span}, at most 1 % allowed",
               "`bot log --since 30d --kind error` says why")  # fmt: skip
    yield Item("unexplained drift", not found.drift, f"{found.drift} {span}, none allowed",
               "`bot status` names it; once it is explained, let the sessions go by")  # fmt: skip
    orders = f"{found.unproven} without proof now, {found.resolved} that a person had to resolve {span}; none allowed"
    yield Item("unknown orders", not found.unproven and not found.resolved, orders,
               "`bot order list`; two readings after its session prove one absent")  # fmt: skip
    yield Item("invariants", not found.invariants and bool(found.ticks),
               f"{count(found.invariants, 'reading')} off zero {span}, none allowed",
               "`bot status` names each; then let the sessions go by")  # fmt: skip


def _reports(paper: Ledger, sessions: list[Session]) -> Item:
    days = practice.days_reported(paper.connection)
    # The newest report may still be under way: it is posted after the last close.
    wanted = [session.day for session in sessions]
    while wanted and wanted[-1] not in days and len(wanted) == len(sessions):
        wanted.pop()
    row = 0
    for day in reversed(wanted):
        if day not in days:
            break
        row += 1
    words = f"{row} of the last sessions in a row were posted, {REPORTS} needed"
    return Item("daily report", row >= REPORTS, words, "bot-report@DESK.timer, and a channel that takes it")


def _played(at: datetime | None, now: datetime, name: str, what: str, how: str) -> Item:
    found = "never" if at is None else f"{what} {ago(at, now)}"
    return Item(name, at is not None and now - at <= PLAYED_AGE, f"{found}, once in {PLAYED_AGE.days} days needed", how)


def kept(house: House, record: Path, now: datetime, backup_folder: str, tests: dict[str, datetime]) -> Iterator[Item]:
    """Judge what keeps a desk: backups that restore, channels that deliver, a watch that looks, a drill that counts."""
    yield from _backup(house, record, now, backup_folder)
    named = configured(house)
    late = [one for one in named if one not in tests or now - tests[one] > TEST_AGE]
    words = (
        "no channel is set"
        if not named
        else f"{', '.join(named)}; a test must have arrived within {TEST_AGE.days} days"
    )
    if late:
        words = f"no test arrived within {TEST_AGE.days} days at {', '.join(late)}"
    yield Item("alerts arrive", bool(named) and not late, words, "set the channel in .env, then `bot alerts test`")
    looked = [last_watch(replace_home(house, home)) for home in {house.home, record}]
    last = max((one for one in looked if one is not None), default=None)
    words = "it never looked" if last is None else f"it looked {ago(last[0], now)}, {count(last[1], 'alarm')}"
    met = last is not None and now - last[0] <= WATCH_AGE and not last[1]
    yield Item("watch", met, words, "systemctl enable --now bot-watch@DESK.timer; `bot watch` says what it sees")


def replace_home(house: House, home: Path) -> House:
    """Give the same house in another folder."""
    return house._replace(settings=replace(house.settings, home=home))


def _backup(house: House, record: Path, now: datetime, folder: str) -> Iterator[Item]:
    how = "`bot backup --to FOLDER` by its timer, and `bot doctor --live --backups FOLDER`"
    found = newest_backup(house, folder, now) or newest_backup(replace_home(house, record), folder, now)
    if found is None:
        yield Item("backup", False, "none found", how)
        yield Item("restore proved", False, "there is no backup to restore", how)
        return
    path, _, at = found
    yield Item("backup", now - at <= BACKUP_AGE, f"newest {ago(at, now)}, at most 26 hours allowed", how)
    fault = restores(path, now)
    words = fault or f"{path.name} was restored into a folder of its own and proved, just now"
    yield Item("restore proved", not fault, words, "make a new backup: this one would not have saved you")


def restores(backup: Path, now: datetime) -> str:
    """Restore a backup into a passing folder and prove it there; gives why not, or nothing."""
    from bot.ops.backup import prove
    from bot.ops.restore import restore

    try:
        with TemporaryDirectory(prefix="bot-restore-") as name:
            home = Path(name) / "home"
            restore(backup, home, now)
            prove(home)
    except (BotError, OSError) as error:
        return f"{backup.name} does not restore: {error}"
    return ""


def configured_live(house: House, ledger: Ledger | None, account: tuple[Finding, ...], now: datetime) -> Iterator[Item]:
    """Judge the configuration that would trade: drill, limits, keys, pin, level, feed, and a person's approval.

    `account` are the doctor's findings of the account these keys open, empty where it was not asked.
    """
    passed = None if ledger is None else ledger.drill_pass()
    off = house.desk.limits.drill_age_days is None
    without = 'drill_age_days is "off"' if off else lacks(house, passed, now)
    when = "" if passed is None else f"passed {passed.at:%Y-%m-%d}"
    yield Item("drill", not without, without or when, "`bot drill`, with drill_age_days set in desk.toml")
    yield from _keys(house)
    said = {one.what: one for one in account}
    for name, what, how in (
        ("account pinned", "pin", "set ALPACA_ACCOUNT in .env to the one account this desk may trade"),
        ("options level", "options level", "ask for it on the account's page at Alpaca"),
        ("share prices", "share prices", "subscribe to a full feed, or accept_delayed_feed = true in desk.toml"),
        ("option prices", "option prices", "subscribe to a full feed, or accept_delayed_feed = true in desk.toml"),
    ):
        one = said.get(what)
        yield Item(
            name,
            one is not None and one.level == "good",
            "the account was not reached" if one is None else one.words,
            how,
        )
    approved = ledger is not None and ledger.config_is_approved(house.hash)
    words = f"configuration {house.hash[:16]} {'was approved by a person' if approved else 'was approved by nobody'}"
    yield Item("approval", approved, words, "read `bot config show`, then `bot config approve`")


def small(house: House, equity: Decimal | None) -> Iterator[Item]:
    """Judge whether what can be lost is small: the account's equity, one order, one tick."""
    words = "not known" if equity is None else f"{dollars(equity)}, at most {dollars(EQUITY_MOST)} allowed"
    how = "begin with an account you can do without"
    yield Item("small account", equity is not None and equity <= EQUITY_MOST, f"equity {words}", how)
    share, contracts = house.desk.limits.order_loss_share, house.desk.limits.contracts_per_tick
    most = None if share is None or equity is None else share * equity
    words = "order_loss_share is off" if share is None else f"order_loss_share {plain(share)}"
    if most is not None:
        words = f"{words}: {dollars(most)} at the most, {dollars(ORDER_LOSS_MOST)} allowed"
    yield Item(
        "small orders", most is not None and most <= ORDER_LOSS_MOST, words, "lower order_loss_share in desk.toml"
    )
    words = f"contracts_per_tick {'off' if contracts is None else plain(contracts)}, at most 1 allowed"
    met = contracts is not None and contracts <= CONTRACTS_MOST
    yield Item("one at a time", met, words, "contracts_per_tick = 1 in desk.toml")
    loss = house.desk.limits.daily_loss_share
    yield Item("daily loss", loss is not None, f"daily_loss_share {'off' if loss is None else plain(loss)}",
               "set daily_loss_share in desk.toml")  # fmt: skip


def _keys(house: House) -> Iterator[Item]:
    settings = house.settings
    live = settings.broker == "alpaca" and settings.alpaca_env == "live"
    words = f"BOT_BROKER={settings.broker}, ALPACA_ENV={settings.alpaca_env}"
    how = "in a home of its own (BOT_HOME) with this desk.toml; then `bot doctor --live --paper THE_PAPER_HOME`"
    yield Item("live environment", live, words, f"last of all: BOT_BROKER=alpaca, ALPACA_ENV=live, {how}")
    wanted = ("ALPACA_API_KEY", "ALPACA_SECRET_KEY")
    missing = [name for name in wanted if name not in settings.secrets.names()]
    fault = f"{' and '.join(missing)} not set" if missing else ""
    if not fault:
        key, secret = (settings.secrets.reveal(name) for name in wanted)
        try:
            check_keys("live", key, secret)
        except ConfigError as error:
            fault = "; ".join(error.faults)
    by_file = all("_FILE" in settings.origins.get(name, "") for name in wanted)
    words = fault or ("both of the live kind, each from a file" if by_file else "both stand in .env or the environment")
    how = "ALPACA_API_KEY_FILE and ALPACA_SECRET_KEY_FILE in .env (mode 600), the keys of the live account"
    yield Item("live keys by file", live and not fault and by_file, words, how)


def judge_live(
    house: House, paper_home: Path, now: datetime, on: SessionOn, backup_folder: str,
    account: tuple[Finding, ...], equity: Decimal | None,
) -> tuple[Item, ...]:  # fmt: skip
    """Judge the whole list; `paper_home` has the record, the house is what would trade."""
    items: list[Item] = []
    tests: dict[str, datetime] = {}
    own = _open(house.home)
    paper = own if paper_home == house.home else _open(paper_home)
    try:
        for ledger in (paper, own):
            for channel, at in ({} if ledger is None else practice.tests_taken(ledger.connection)).items():
                tests[channel] = max(at, tests.get(channel, at))
        if paper is None:
            how = "BOT_MODE=live with ALPACA_ENV=paper; elsewhere: `bot doctor --live --paper FOLDER`"
            items.append(Item("sessions on paper", False, f"there is no readable record in {paper_home}", how))
        else:
            row = paper.connection.execute("SELECT environment FROM stamp").fetchone()
            items += practised(house, paper, "" if row is None else row[0], now, on)
        items += kept(house, paper_home, now, backup_folder, tests)
        items += small(house, equity)
        items += configured_live(house, own, account, now)
    finally:
        for ledger in {one for one in (own, paper) if one is not None}:
            ledger.close()
    return tuple(items)


def _open(home: Path) -> Ledger | None:
    """Open a ledger to read; None where there is none, or none that this program reads."""
    try:
        return Ledger(home)
    except BotError:
        return None
