"""What `bot doctor` looks at where the account is a real one: keys, account, clock, prices, calendars, requests.

Nothing here sends an order. The account is read first and alone: behind a wrong door nothing else is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.domain.errors import BotError, BrokerError, ConfigError
from bot.domain.holdings import Account
from bot.domain.instruments import Right
from bot.domain.market import ChainRequest, EventsRequest, MarketReads, QuotesRequest
from bot.domain.sessions import new_york_day
from bot.engine.arrival import calendar_differences
from bot.engine.ports import Broker, Market
from bot.ops.finding import Finding
from bot.report.calendar_ages import calendar_ages
from bot.report.feeds import account_name, label_of
from bot.report.words import count
from bot.venues.hosts import check_keys
from bot.wiring import House, environment_of

if TYPE_CHECKING:
    from bot.venues.allowance import RateLimit

CLOCK_SKEW_SECONDS = 2.0
"""A difference between the two clocks beyond which a person should look (one request's way is taken off)."""
CALENDAR_DAYS = 30
REQUESTS_A_TICK = 8
REQUESTS_A_CHAIN = 2
NEAR: tuple[Right, int, int, Decimal, Decimal] = ("put", 7, 45, Decimal("0.97"), Decimal(1))
"""The chain asked for as a trial: right, days to expiry, moneyness."""


def keys(house: House) -> Finding:
    """Look at the keys before anything is asked: set, readable, and of the environment that is named."""
    settings = house.settings
    if settings.secrets_missing:
        return Finding("stop", "keys", "; ".join(settings.secrets_missing))
    try:
        check_keys(
            settings.alpaca_env, settings.secrets.reveal("ALPACA_API_KEY"), settings.secrets.reveal("ALPACA_SECRET_KEY")
        )
    except ConfigError as error:
        return Finding("stop", "keys", "; ".join(error.faults))
    return Finding("good", "keys", f"both are set, for the {settings.alpaca_env} environment")


def examine_account(
    house: House,
    broker: Broker,
    market: Market,
    now: Callable[[], datetime],
    *,
    stamp: tuple[str, str, str] | None,
    limits: Callable[[], RateLimit | None],
) -> Iterator[Finding]:
    """Look at account, clock, prices and calendars through the ports, one finding at a time."""
    try:
        account = broker.read_account()
    except BotError as error:
        yield Finding("stop", "account", str(error))
        return
    yield from _account(house, account, stamp)
    yield _clock(broker, now)
    yield from _prices(house, market, now())
    yield from _calendars(house, market, now())
    yield _sessions(broker, now())
    yield _requests(house, limits())


def _account(house: House, account: Account, stamp: tuple[str, str, str] | None) -> Iterator[Finding]:
    environment, name = environment_of(house.settings), account_name(account.id, simulated=False)
    words = f"{name}, {environment} money, {account.status}, cash {account.cash:,.2f}"
    if account.blocked or account.status.upper() != "ACTIVE":
        blocked = ", blocked" if account.blocked else ""
        do = "Alpaca's page of this account says what it waits for"
        yield Finding("stop", "account", f"{words}{blocked}", do)
    else:
        yield Finding("good", "account", words)
    yield _pin(house, account)
    yield _home(house, account, stamp)
    yield _level(house, account)


def _pin(house: House, account: Account) -> Finding:
    pinned = house.settings.alpaca_account
    if not pinned:
        return Finding(
            "look", "pin",
            "ALPACA_ACCOUNT is not set: with it no other account can be traded",
            f"set ALPACA_ACCOUNT in .env to the number that ends in {account.id[-4:]}",
        )  # fmt: skip
    if pinned != account.id:
        return Finding(
            "stop", "pin",
            f"ALPACA_ACCOUNT names one that ends in {pinned[-4:]}, these keys open {account.id[-4:]}",
            "set ALPACA_ACCOUNT, or the keys, in .env",
        )  # fmt: skip
    return Finding("good", "pin", "these keys open the account that ALPACA_ACCOUNT names")


def _home(house: House, account: Account, stamp: tuple[str, str, str] | None) -> Finding:
    ours = (house.settings.broker, environment_of(house.settings), account.id)
    if stamp is None:
        return Finding("good", "home of", "nobody yet: the first tick keeps it for this account")
    if stamp != ours:
        theirs = f"{stamp[0]} {stamp[1]} {account_name(stamp[2], simulated=stamp[1] == 'simulated')}"
        return Finding(
            "stop", "home of",
            f"{theirs}, not this account",
            f"give this one a home of its own in .env: BOT_HOME={house.home}-{ours[0]}-{ours[1]}",
        )  # fmt: skip
    return Finding("good", "home of", "this account")


def _level(house: House, account: Account) -> Finding:
    needed = house.desk.limits.options_level_min
    approved = account.options_level_approved
    words = f"{account.options_level} in effect{'' if approved is None else f', {approved} approved'}"
    if not any(enabled for _, enabled, _ in house.desk.wheels) or needed is None:
        return Finding("good", "options level", f"{words}, and no strategy here needs one")
    if account.options_level < needed:
        own_limit = "raise the account's own limit on options (its settings at Alpaca)"
        ask = "ask Alpaca for it, and see that the account's own limit on options is not below"
        mend = own_limit if approved is not None and approved >= needed else ask
        return Finding("stop", "options level", f"{words}, {needed} needed to sell puts and calls", mend)
    return Finding("good", "options level", f"{words}, {needed} needed")


def _clock(broker: Broker, now: Callable[[], datetime]) -> Finding:
    before = now()
    try:
        clock = broker.read_clock()
    except BrokerError as error:
        return Finding("stop", "clock", str(error))
    after = now()
    middle = before + (after - before) / 2
    skew = max(abs((clock.at - middle).total_seconds()) - (after - before).total_seconds() / 2, 0.0)
    words = f"{skew:.1f} s between Alpaca's clock and this machine's"
    if skew > CLOCK_SKEW_SECONDS:
        return Finding("look", "clock", words, "timedatectl set-ntp true")
    return Finding("good", "clock", words)


def traded(house: House) -> set[str]:
    """Name what the wheels that are switched on may trade."""
    return {symbol for _, enabled, wheel in house.desk.wheels if enabled for symbol in wheel.numbers}


def trial_symbol(house: House) -> str:
    """Give the name that prices are asked for as a trial: one whose options this desk trades, or else records."""
    return min(traded(house) or house.desk.record_chains, default=house.desk.benchmark)


def _prices(house: House, market: Market, at: datetime) -> Iterator[Finding]:
    """Ask for one share and a small chain of it; behind a share without a price no chain can be placed."""
    settings, symbol = house.settings, trial_symbol(house)
    right, first, last, low, high = NEAR
    chain = ChainRequest(
        underlying=symbol, right=right, dte_min=first, dte_max=last, moneyness_min=low, moneyness_max=high
    )
    reads = _fetched(market, (QuotesRequest(symbols=(symbol,)), chain), at)
    why = reads.errors[0] if reads.errors else "nothing came"
    priced = any(one.symbol == symbol for one in reads.quotes)
    told = f"{symbol} from" if priced else ""
    yield _feed(house, "share prices", told, why, (settings.stock_feed, "iex", "ALPACA_STOCK_FEED"))
    if priced:
        series = sum(one.size for one in reads.chains)
        told = f"{series} series of {symbol} from" if series else ""
        yield _feed(house, "option prices", told, why, (settings.option_feed, "indicative", "ALPACA_OPTION_FEED"))


def _feed(house: House, what: str, told: str, why: str, names: tuple[str, str, str]) -> Finding:
    """Judge one feed; `names` are the feed in use, the free one, and the variable that chooses."""
    feed, free, variable = names
    if not told:
        mend = "" if feed == free else f"{feed} needs a subscription: without it set {variable}={free}"
        return Finding("stop", what, f"none of {trial_symbol(house)} from {feed}: {why}", mend)
    label = label_of(feed)
    words = f"{told} {feed}{f' ({label.upper()})' if label else ''}"
    if label and house.settings.alpaca_env == "live" and not house.desk.limits.accept_delayed_feed:
        do = "subscribe, or accept_delayed_feed = true in desk.toml"
        return Finding("look", what, f"{words}; no real money is opened on it", do)
    return Finding("good", what, words)


def _fetched(
    market: Market, requests: tuple[QuotesRequest | ChainRequest | EventsRequest, ...], at: datetime
) -> MarketReads:
    try:
        return market.fetch(requests, at)
    except BotError as error:
        return MarketReads(errors=(str(error),))


def _calendars(house: House, market: Market, at: datetime) -> Iterator[Finding]:
    """Look at ex-dates of everything that may be traded, and at how old they are."""
    symbols = tuple(sorted(house.desk.universe))
    reads = _fetched(market, (EventsRequest(symbols=symbols),), at)
    ages = calendar_ages(symbols, {one.symbol: one for one in reads.events}, house.desk.universe)
    missing = [age.symbol for age in ages if age.dividends == "unknown"]
    oldest = max((age.days_on(new_york_day(at)) or 0 for age in ages), default=0)
    if missing:
        why = f" ({'; '.join(reads.errors)})" if reads.errors else ""
        yield Finding("look", "ex-dates", f"unknown for {', '.join(missing)}{why}: no call is sold on them")
    else:
        read = "today" if oldest == 0 else f"{count(oldest, 'day')} ago"
        yield Finding("good", "ex-dates", f"{len(symbols)} names, read {read}")


def _sessions(broker: Broker, at: datetime) -> Finding:
    today = new_york_day(at)
    try:
        calendar = broker.read_calendar(today, today + timedelta(days=CALENDAR_DAYS))
    except BrokerError as error:
        return Finding("look", "calendar", f"{error}: the shipped table serves")
    differences = calendar_differences(calendar)
    if differences:
        return Finding("look", "calendar", "; ".join(told.removeprefix("calendar: ") for told in differences))
    if not calendar:
        return Finding("look", "calendar", f"Alpaca names no session in the {CALENDAR_DAYS} days to come")
    return Finding("good", "calendar", f"Alpaca's and the shipped one agree on the {CALENDAR_DAYS} days to come")


def _requests(house: House, limits: RateLimit | None) -> Finding:
    """Compare what a tick of this desk may take at most with what the account allows a minute."""
    names = traded(house) | set(house.desk.record_chains)
    most = REQUESTS_A_TICK + REQUESTS_A_CHAIN * len(names)
    words = f"with one page a list, a tick of this desk takes {most} at most, and one or two more for each order"
    if limits is None or limits.limit is None:
        return Finding("good", "requests", f"{words}; Alpaca did not say how many it allows a minute")
    left = "" if limits.remaining is None else f", {limits.remaining} left in this one"
    words = f"{words}; {limits.limit} a minute are allowed{left}"
    if most > limits.limit:
        return Finding("look", "requests", f"{words}: such a tick waits for the next minute")
    return Finding("good", "requests", words)
