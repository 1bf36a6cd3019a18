"""What a backtest runs over beside the embedded market: a tape's fill rules, and options modelled on shares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from bot.config.deskkeys import nearest
from bot.domain.desk import Desk
from bot.domain.errors import UsageError
from bot.domain.facts import Fact
from bot.domain.fills import FillRules
from bot.domain.money import ONE, ZERO
from bot.tapes.tape import Tape
from bot.wiring import Embedded

if TYPE_CHECKING:
    from bot.markets.modelled import Volatility

F = TypeVar("F", bound=Fact)


class Data(NamedTuple):
    """A market to run over, and what is to be said of it; `first` and `last` are its days, None where it never ends."""

    market: Embedded
    hash: str
    first: date | None = None
    last: date | None = None
    step_seconds: int = 0
    modelled: str = ""
    rules: FillRules | None = None
    seed: int | None = None
    always_open: bool = False
    tape: Tape | None = None
    options: bool = True
    """Whether it knows option chains."""

    @property
    def recorded(self) -> bool:
        """Say whether it is a home's own ticks."""
        return self.tape is not None and "ticks" in self.tape.kinds


class ModelChoice(NamedTuple):
    """What `--market modelled` was asked."""

    volatility: str = ""
    model: tuple[str, ...] = ()


def _given(words: Sequence[str], option: str, table: type[F]) -> F:
    """Read KEY=VALUE words into a fact; raises UsageError naming the nearest key or what a value may be."""
    known = table.__struct_fields__
    given: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in known or not equals:
            raise UsageError(
                f"{option} takes KEY=VALUE with one of {', '.join(known)}, got {word!r}{nearest(key, known)}"
            )
        given[key] = {"true": True, "false": False, "off": None}.get(value, value)
    try:
        return msgspec.convert(given, table, strict=False)
    except msgspec.ValidationError as error:
        raise UsageError(f"{option}: {error}") from error


def fill_rules(words: Sequence[str]) -> FillRules:
    """Read `--fill KEY=VALUE` over the usual rules."""
    rules = _given(words, "--fill", FillRules)
    for key in ("spread_fraction", "volume_share", "fee_fraction", "fee_per_share"):
        value = getattr(rules, key)
        if value is not None and not (value.is_finite() and value >= ZERO and (value <= ONE or key == "fee_per_share")):
            raise UsageError(f"--fill {key}: expected a fraction from 0 to 1, got {value}")
    return rules


def modelled_on(base: Data, choice: ModelChoice, desk: Desk) -> Data:
    """Put modelled options on a market of shares; `volatility` is realised, a number a year, or a CSV file."""
    from bot.markets.modelled import ModelledMarket, ModelParams

    params = _given(choice.model, "--model", ModelParams)
    volatility = _volatility(choice.volatility or "realised", base)
    market = ModelledMarket(base.market, volatility, params, universe=desk.universe)
    mark = sha256(f"{base.hash} {market.words}".encode() + msgspec.json.encode(params)).hexdigest()
    words = "; ".join(word for word in (market.words, base.modelled) if word)
    return base._replace(market=market, hash=mark, modelled=words, options=True)


def _volatility(word: str, base: Data) -> Volatility:
    from bot.markets.modelled import ConstantVolatility, RealisedVolatility, read_index

    if word == "realised":
        return RealisedVolatility(base.market)
    try:
        return ConstantVolatility(float(word))
    except ValueError:
        pass
    path = Path(word).expanduser()
    if not path.is_file():
        raise UsageError(
            f"--volatility takes realised, a number a year such as 0.2, or a CSV file with dates, got {word!r}"
        )
    return read_index(path)
