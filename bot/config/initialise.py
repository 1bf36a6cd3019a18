"""`bot init`: write a commented .env and desk.toml without overwriting anything, and say what the equity allows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bot.config.convert import convert_source
from bot.config.deskfile import DESK_NAME, read_desk
from bot.config.deskkeys import nearest
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.envfile import BROKER_SECRETS, env_text, read_env_file
from bot.config.profiles import EQUITY_DEFAULT, check_profile, shipped_universe
from bot.domain.desk import Limits, WheelNumbers
from bot.domain.errors import ConfigError, StoreError, UsageError
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain

DISTANCE_USUAL = Decimal("0.05")
"""How far below the price a put is assumed to be sold where the profile names no distance."""


BROKERS = ("simulator", "alpaca")


class Fit(NamedTuple):
    """Whether a first put on a name is affordable: `strike` is where one would be sold, dollars per share."""

    symbol: str
    price: Decimal
    strike: Decimal
    fits: bool


class Reach(NamedTuple):
    """The highest strike one first contract may have, and the limit that says so."""

    strike: Decimal
    limit: str


class InitResult(NamedTuple):
    """What was written, and what it means for the owner's equity."""

    env_file: Path
    desk_file: Path
    home: Path
    profile: str
    equity: Decimal
    reach: Reach
    fits: tuple[Fit, ...]
    converted: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()


def initialise(
    folder: Path,
    *,
    profile: str = "balanced",
    equity: Decimal = EQUITY_DEFAULT,
    symbols: tuple[str, ...] = (),
    from_env: Path | None = None,
    prices: Mapping[str, Decimal] | None = None,
    home: Path | None = None,
    env_file: Path | None = None,
    name: str = "main",
    broker: str = "simulator",
) -> InitResult:
    """Write `.env` into a folder and `desk.toml` into its home (`data/` beside it, if not named).

    Given `symbols` replace the shipped universe, but add to it under the aggressive profile. `from_env` is a
    file of the source system's variables to convert. `broker` alpaca leaves the two lines for the keys to fill in.
    `prices` by symbol say what fits. Raises UsageError when a
    file exists or a word is off, ConfigError when what would be written is not usable, StoreError from the disk.
    """
    chosen = check_profile(profile)
    if not DESK_NAME.match(name):
        raise UsageError(f"a desk's name has 1 to 12 lower-case letters, digits or hyphens, got {name!r}")
    env_path = folder / ".env" if env_file is None else env_file
    home_path = env_path.parent / "data" if home is None else home
    desk_path = home_path / "desk.toml"
    existing = [str(path) for path in (env_path, desk_path) if path.exists()]
    if existing:
        raise UsageError(f"{' and '.join(existing)} already there: nothing was written; move it away or edit it")
    universe = tuple(dict.fromkeys((*shipped_universe(), *symbols))) if chosen == "aggressive" else symbols
    choice = DeskChoice(profile=chosen, equity=equity, name=name, symbols=universe or None)
    if broker not in BROKERS:
        raise UsageError(f"--broker is {' or '.join(BROKERS)}, got {broker!r}{nearest(broker, BROKERS)}")
    env: dict[str, str] = {} if home is None else {"BOT_HOME": str(home)}
    if broker == "alpaca":
        env |= {"BOT_BROKER": broker} | dict.fromkeys(BROKER_SECRETS, "")
    converted: list[str] = []
    not_understood: list[str] = []
    if from_env is not None:
        values, faults = read_env_file(from_env)
        if faults:
            raise ConfigError(faults)
        found = convert_source(values, chosen)
        env |= found.env
        converted, not_understood = found.words, found.not_understood
        choice = choice._replace(
            symbols=found.symbols or choice.symbols,
            limits=found.numbers["limits"],
            wheel=found.numbers["strategies.wheel"],
            stops=found.numbers["strategies.stops"],
        )
    text = desk_text_of(choice)
    desk = read_desk(text)
    _write(env_path, env_text(env), desk_path, text)
    numbers = next(iter(desk.wheels[0][2].numbers.values()))
    return InitResult(
        env_file=env_path,
        desk_file=desk_path,
        home=home_path,
        profile=chosen,
        equity=equity,
        reach=reach_of(equity, desk.limits),
        fits=what_fits(equity, desk.limits, numbers, prices or {}, tuple(desk.universe)),
        converted=tuple(converted),
        not_understood=tuple(not_understood),
    )


def reach_of(equity: Decimal, limits: Limits) -> Reach:
    """Give the highest strike of one first put in an account that is all cash (wheel.md 2.6, 2.7, 2.18).

    >>> from bot.config.profiles import profile_values
    >>> reach_of(Decimal(25000), profile_values(Limits, "balanced"))
    Reach(strike=Decimal('100.00'), limit='symbol_share_first')
    """
    if limits.equity_min is not None and equity < limits.equity_min:
        return Reach(ZERO, "equity_min")
    buffer = max(limits.cash_buffer_min or ZERO, equity * (limits.cash_buffer_share or ZERO))
    money = {"cash_buffer": equity - buffer}
    for name in ("symbol_share_first", "order_loss_share", "put_collateral_share", "group_share"):
        share: Decimal | None = getattr(limits, name)
        if share is not None:
            money[name] = equity * share
    limit = min(money, key=lambda one: (money[one], one != "symbol_share_first"))
    return Reach(max(ZERO, money[limit] / SHARES_PER_CONTRACT), limit)


def what_fits(
    equity: Decimal,
    limits: Limits,
    numbers: WheelNumbers,
    prices: Mapping[str, Decimal],
    universe: tuple[str, ...] | None = None,
) -> tuple[Fit, ...]:
    """Say for each priced name of the universe whether one first put is affordable, cheapest first.

    The put is taken to be `otm_fallback` below the price (5 % where that is off).
    """
    highest = reach_of(equity, limits).strike
    distance = DISTANCE_USUAL if numbers.otm_fallback is None else numbers.otm_fallback
    rows = []
    for symbol, price in prices.items():
        if universe is None or symbol in universe:
            strike = (price * (1 - distance)).quantize(Decimal("0.01"))
            rows.append(Fit(symbol, price, strike, strike <= highest))
    return tuple(sorted(rows, key=lambda one: (one.price, one.symbol)))


def fit_lines(result: InitResult) -> tuple[str, ...]:
    """Write in sentences what the equity allows."""
    strike = plain(result.reach.strike.quantize(Decimal("0.01")))
    equity = f"{result.equity:,.0f} USD"
    if result.reach.limit == "equity_min":
        return (f"{equity} is below limits.equity_min: nothing will be opened",)
    lines = [f"{equity}, {result.profile}: a first put may have a strike of {strike} at most ({result.reach.limit})"]
    inside = [one.symbol for one in result.fits if one.fits]
    outside = [f"{one.symbol} ({plain(one.price)})" for one in result.fits if not one.fits]
    if result.fits:
        lines.append("fits: " + (", ".join(inside) or "none of the universe"))
    if outside:
        lines.append("too dear: " + ", ".join(outside))
    return tuple(lines)


def _write(env_path: Path, env: str, desk_path: Path, desk: str) -> None:
    """Create both files, or none: what was created before a failure is taken away again."""
    made: list[Path] = []
    try:
        env_path.parent.mkdir(parents=True, exist_ok=True)
        if not desk_path.parent.exists():
            desk_path.parent.mkdir(parents=True, mode=0o700)
        for path, text in ((env_path, env), (desk_path, desk)):
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            made.append(path)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise StoreError(f"{error.filename or desk_path.parent}: cannot be written: {error.strerror}") from error
