"""From the words of `bot backtest` to a run that is ready to go, or a refusal that says what to do instead."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple, cast

from msgspec.structs import replace

from bot.commands.backtest_data import Data, ModelChoice, fill_rules, modelled_on
from bot.commands.backtesting import DAY_SECONDS, Planned
from bot.config.deskfile import read_desk
from bot.config.deskkeys import nearest
from bot.config.desksetting import with_settings
from bot.config.effective import config_hash
from bot.config.settings import Settings
from bot.domain.desk import Desk
from bot.domain.errors import MarketError, UsageError
from bot.domain.holdings import Account
from bot.domain.instruments import is_known
from bot.domain.ledger import Books, Halt
from bot.domain.market import BarsRequest, ChainRequest, Earnings, QuotesRequest, Request
from bot.domain.sessions import (
    Session,
    always_open,
    last_session_at,
    new_york_day,
    next_session,
    previous_session,
    sessions_between,
)
from bot.domain.snapshot import SessionFacts
from bot.domain.strategy import Holdings, Strategy
from bot.research.running import Span
from bot.tapes.market import EarningsOf, EarningsStatus
from bot.tapes.tape import open_tape
from bot.wiring import Embedded, House, load_house, strategies_of

STEPS = {"1min": 60, "5min": 300, "15min": 900, "1hour": 3600, "1day": DAY_SECONDS}
DAYS_USUAL = 252
DAYS_MAX = 100_000
OFF_BY_DAY = ("quote_age_share_seconds", "quote_age_option_seconds", "entry_after_open_minutes")
"""Limits that whole days cannot meet: the newest price known at an open is yesterday's close."""
BY_DAY = (
    f"days only: a tick at each open on yesterday's close, orders meet the day after it; {', '.join(OFF_BY_DAY)} off"
)


RECORDED = "recorded ticks answer only what was asked when they ran; what was not is among the errors"


class Choice(NamedTuple):
    """What `bot backtest` was asked: the span, the data, the step, and what differs from the desk in use."""

    first: str = ""
    last: str = ""
    days: int = 0
    tape: str = ""
    market: str = ""
    step: str = ""
    equity: str = ""
    seed: int = -1
    settings: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    volatility: str = ""
    model: tuple[str, ...] = ()


def planned_from(env: str, choice: Choice, now: datetime) -> Planned:
    """Load the desk, set what differs, open the data and check that it reaches: the run as it will be."""
    house = run_house(load_house(env), choice)
    data = data_of(house, choice)
    step = _step(choice.step, data)
    by_day = data.tape is not None and data.step_seconds >= DAY_SECONDS
    if by_day:
        house = _for_days(house)
    sessions = _sessions(choice, data, now)
    known = None if data.tape is None else (data.tape.first_at, data.tape.last_at)
    span = Span(tuple(sessions), timedelta(seconds=step), at_open=by_day, known=known)
    if next(span.moments(), None) is None:
        raise UsageError(f"no tick falls within {data.market.name} in that span: take a longer one")
    planned = Planned(
        house=house, market=data.market, span=span, data_hash=data.hash, rules=data.rules, modelled=data.modelled,
        seed=data.seed, always_open=data.always_open, name=_name(choice, data),
        note=BY_DAY if by_day else RECORDED if data.recorded else "",
    )  # fmt: skip
    check_reach(planned, data)
    return planned


def run_house(house: House, choice: Choice) -> House:
    """Give the house with the run's own numbers, on simulated money; nothing of it is written anywhere."""
    settings = list(choice.settings)
    if choice.equity:
        settings.append(f"simulator.equity={choice.equity}")
    if choice.seed >= 0:
        settings.append(f"simulator.seed={choice.seed}")
    return house_with(house, with_settings(house.desk_text, settings))


def house_with(house: House, text: str) -> House:
    """Give the house as it would be with another desk text, live on simulated money."""
    ours: Settings = replace(house.settings, mode="live", broker="simulator", market="synthetic", market_folder=None)
    fingerprint, stored = config_hash(text, ours)
    return House(ours, read_desk(text, name="desk.toml"), text, fingerprint, stored)


def _for_days(house: House) -> House:
    """Take off the limits that only ask how old a price is, and say so in the desk's own text."""
    text = with_settings(house.desk_text, [f"limits.{key}=off" for key in OFF_BY_DAY])
    return house_with(house, text)


def data_of(house: House, choice: Choice) -> Data:
    """Open what the run is to be over: the embedded market, a tape, or chains modelled on either."""
    kinds = ("synthetic", "tape", "modelled")
    kind = choice.market or ("tape" if choice.tape else "synthetic")
    if kind not in kinds:
        raise UsageError(f"--market: expected one of {', '.join(kinds)}, got {kind!r}{nearest(kind, kinds)}")
    if kind == "tape" and not choice.tape:
        raise UsageError("--market tape needs --tape NAME; `bot data list` names them")
    if kind == "synthetic" and choice.tape:
        raise UsageError("--market synthetic has prices of its own: leave --tape out, or take --market modelled")
    if choice.fills and not choice.tape:
        raise UsageError("--fill is for tapes; the synthetic market has quotes a minute apart: leave it out")
    if (choice.model or choice.volatility) and kind != "modelled":
        raise UsageError("--model and --volatility are for --market modelled: leave them out")
    base = _tape(house, choice) if choice.tape else _synthetic(house.desk)
    return modelled_on(base, ModelChoice(choice.volatility, choice.model), house.desk) if kind == "modelled" else base


def _synthetic(desk: Desk) -> Data:
    from bot.markets.synthetic import SyntheticMarket

    seed = desk.simulator.seed
    mark = sha256(f"synthetic market, seed {seed}".encode()).hexdigest()
    words = "every price and option is made by the embedded market; nothing here was ever traded"
    return Data(SyntheticMarket(seed), mark, modelled=words, seed=seed)


def _tape(house: House, choice: Choice) -> Data:
    if choice.seed >= 0:
        raise UsageError("--seed is for the synthetic market; a tape is what it is: leave it out")
    tape = open_tape(house.settings.tapes_folder, choice.tape)
    rules = fill_rules(choice.fills)
    market = tape.market(rules, house.desk.universe, _earnings_of(house))
    return Data(
        market=cast(Embedded, market), hash=tape.hash,
        first=new_york_day(tape.first_at), last=new_york_day(tape.last_at), step_seconds=tape.step_seconds,
        modelled=tape.modelled, rules=rules, always_open=tape.always_open, tape=tape,
        options=bool({"chains", "ticks"} & set(tape.kinds)),
    )  # fmt: skip


def _earnings_of(house: House) -> EarningsOf:
    """Give what the home's earnings.csv tells of a stock on a day; a fund needs nothing."""
    from bot.markets.earnings import earnings_status, load_earnings, upcoming_earnings

    calendar, universe = load_earnings(house.home / "earnings.csv"), house.desk.universe

    def told(symbol: str, today: date) -> tuple[EarningsStatus, tuple[Earnings, ...]]:
        info = universe.get(symbol)
        status = earnings_status(calendar, symbol, "stock" if info is None else info.kind, today)
        return status, upcoming_earnings(calendar, symbol, today)

    return told


def _step(word: str, data: Data) -> int:
    finest = data.step_seconds if data.tape is not None else 0
    if not word:
        return max(STEPS["15min"], min(finest, DAY_SECONDS))
    if word not in STEPS:
        raise UsageError(f"--step: expected one of {', '.join(STEPS)}, got {word!r}{nearest(word, list(STEPS))}")
    if STEPS[word] < finest:
        raise UsageError(
            f"--step {word}: the tape has one bar every {finest} seconds, finer ones are not made up; take "
            f"{next((name for name, seconds in STEPS.items() if seconds >= finest), '1day')}"
        )
    return STEPS[word]


def _name(choice: Choice, data: Data) -> str:
    what = f"tape {choice.tape}" if choice.tape else f"synthetic, seed {data.seed}"
    return "; ".join([f"modelled on {what}" if choice.market == "modelled" else what, *choice.settings])


def _sessions(choice: Choice, data: Data, now: datetime) -> list[Session]:
    if choice.days and choice.first:
        raise UsageError("--days and --from both say where to begin: leave one out")
    first, last = _day(choice.first, "--from"), _day(choice.last, "--to")
    over = _last_over(now)
    for option, day in (("--from", first), ("--to", last)):
        _inside(option, day, data, over)
    last = last or data.last or over
    if data.last is not None:
        last = min(last, data.last)
    if data.always_open:
        with always_open():
            return _between(first, last, choice, data)
    return _between(first, last, choice, data)


def _between(first: date | None, last: date, choice: Choice, data: Data) -> list[Session]:
    if first is None and (choice.days or data.first is None):
        found = [last_session_at(next_session(last).open_at - timedelta(seconds=1))]
        while len(found) < min(choice.days or DAYS_USUAL, DAYS_MAX):
            before = previous_session(found[-1].day)
            if data.first is not None and before.day < data.first:
                raise UsageError(
                    f"--days {choice.days}: the data begins on {data.first}, {len(found)} sessions before {last}: "
                    f"take --days {len(found)} or fewer"
                )
            found.append(before)
        return found[::-1]
    start = first or data.first
    assert start is not None
    if start > last:
        raise UsageError(f"--from {start} is after --to {last}: give the earlier day first")
    sessions = sessions_between(start, last)
    if not sessions:
        raise UsageError(f"no session lies from {start} to {last}: take a longer span")
    return sessions


def _last_over(now: datetime) -> date:
    session = last_session_at(now)
    return session.day if now >= session.close_at else previous_session(session.day).day


def _inside(option: str, day: date | None, data: Data, over: date) -> None:
    if day is None:
        return
    if data.first is not None and data.last is not None and not data.first <= day <= data.last:
        raise UsageError(
            f"{option} {day} lies outside {data.market.name}, which has {data.first} to {data.last}: take a day of "
            "these, or import more with `bot data import`"
        )
    if data.last is None and day > over:
        raise UsageError(f"{option} {day} is not over yet: the last finished session is {over}")


def _day(text: str, option: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{option} takes YYYY-MM-DD, got {text!r}") from error


def check_reach(planned: Planned, data: Data) -> None:
    """Refuse a run whose strategies need what the data does not have: names, chains, or bars to warm up on."""
    session, faults = planned.span.sessions[-1], []
    end = session.close_at
    for strategy in strategies_of(planned.house.desk):
        if not strategy.enabled:
            continue
        asked = _asked(strategy, planned.house.desk, session)
        wanted = sorted({symbol for one in asked if isinstance(one, QuotesRequest) for symbol in one.symbols})
        quotes = {one.symbol for one in data.market.fetch((QuotesRequest(symbols=tuple(wanted)),), end).quotes}
        pairs = [symbol for symbol in wanted if not is_known(symbol)]
        if pairs:
            faults.append(
                f"strategy {strategy.name} trades {', '.join(pairs)}, which this program takes for a pair of coins and "
                "asks no price of: import the tape again under a name of one to five letters, such as EUR"
            )
        missing = [symbol for symbol in wanted if symbol not in quotes and symbol not in pairs]
        if missing and not data.recorded:
            faults.append(_no_prices(strategy.name, missing, data))
        chains = any(isinstance(one, ChainRequest) for one in asked)
        if chains and not data.options:
            faults.append(
                f"strategy {strategy.name} trades options and {data.market.name} has no chains: take --market modelled "
                f"(prices from a formula), import chains, or --set strategies.{strategy.name}.enabled=false"
            )
        faults += _too_short(strategy.name, asked, data, end, frozenset(missing))
    if faults:
        raise UsageError("\n".join(dict.fromkeys(faults)))


def _asked(strategy: Strategy, desk: Desk, session: Session) -> tuple[Request, ...]:
    """Give what a strategy asks for in the middle of a session with cash and nothing held."""
    middle = session.open_at + (session.close_at - session.open_at) / 2
    equity = desk.simulator.equity
    account = Account(
        id="", status="ACTIVE", cash=equity, equity=equity, buying_power=equity, options_buying_power=equity,
        options_level=desk.simulator.options_level,
    )  # fmt: skip
    facts = SessionFacts(
        day=session.day, open_at=session.open_at, close_at=session.close_at, is_open=True,
        previous_day=session.day - timedelta(days=1), next_day=session.day + timedelta(days=1),
    )  # fmt: skip
    holdings = Holdings(
        session=facts, account=account, positions=(), own_orders=(), books=Books(cash=equity), halt=Halt()
    )
    return strategy.planner.needs(holdings, strategy.params, middle)


def _no_prices(name: str, missing: Sequence[str], data: Data) -> str:
    has = "" if data.tape is None else f"; it has {', '.join(data.tape.symbols[:10])}"
    return (
        f"strategy {name} trades {', '.join(missing)}, of which {data.market.name} knows no price{has}: import them, "
        f"or take them out of strategies.{name}.symbols (--set strategies.{name}.symbols=A,B)"
    )


def _too_short(name: str, asked: Sequence[Request], data: Data, end: datetime, missing: frozenset[str]) -> list[str]:
    faults = []
    for one in asked:
        if not isinstance(one, BarsRequest) or one.symbol in missing:
            continue
        try:
            found = data.market.fetch((one,), end)
        except MarketError:
            continue
        have = sum(len(bars.bars) for bars in found.bars if bars.symbol == one.symbol)
        if have < one.count:
            faults.append(
                f"strategy {name} needs {one.count} bars of {one.step} of {one.symbol} before it decides, and "
                f"{data.market.name} has {have} until {new_york_day(end)}: take a longer tape or a shorter window"
            )
    return faults
