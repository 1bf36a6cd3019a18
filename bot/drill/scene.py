"""What a scenario is: a failure others paid for, played on stages of its own, with what must be seen as numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from bot.domain.market import Quote, QuotesRequest
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent, OwnOrder
from bot.drill.stage import WORLDS, Setting, Stage, WorldName, entries
from bot.drill.wishes import NAME
from bot.engine.ports import TickResult
from bot.engine.takeover import Given, Past, take_shares, with_cycle
from bot.store.adopting import Adoption, adopt


class NotPlayable(Exception):
    """The desk as configured never gets where the scenario begins."""


class IsOff(Exception):
    """The desk switched off what the scenario tries: a warning, no failure."""


class Play:
    """One playing of a scenario: its stages, and what was seen on them."""

    def __init__(self, folder: Path, setting: Setting) -> None:
        self.setting = setting
        self.seen: list[str] = []
        self.faults: list[str] = []
        self._folder = folder
        self._stages = 0

    @contextmanager
    def stage(self, equity: Decimal | None = None) -> Iterator[Stage]:
        """Give a fresh stage at the moment all scenarios begin at; its account holds the desk's cash, or other."""
        self._stages += 1
        setting = self.setting
        if equity is not None:
            account = replace(setting.desk.simulator, equity=equity)
            setting = setting._replace(desk=replace(setting.desk, simulator=account))
        stage = Stage(self._folder / f"stage-{self._stages}", setting)
        try:
            yield stage
        finally:
            stage.close()

    def must(self, ok: bool, words: str) -> None:
        """Note what was seen; what is not as it must be fails the scenario."""
        (self.seen if ok else self.faults).append(words)


class Scene(NamedTuple):
    """One scenario or a part of it: which failure, its name, what is played, and the playing."""

    failure: str
    name: str
    played: str
    play: Callable[[Play], None]
    worlds: tuple[WorldName, ...] = WORLDS


def opened(stage: Stage) -> tuple[OrderIntent, OwnOrder]:
    """Let the desk's own strategies send entries, keep the first one; gives the wish and its order."""
    result = stage.tick()
    order = first_entry(result)
    for other in entries(result)[1:]:
        stage.account.fill_or_end(other.client_order_id, fill=False)
    return wish_of(result), order


def first_entry(result: TickResult) -> OwnOrder:
    """Give the first order of a tick that opens something."""
    found = entries(result)
    if not found:
        raise NotPlayable("the desk's strategies sent no entry at the moment they would have dry")
    return found[0]


def wish_of(result: TickResult) -> OrderIntent:
    """Give the first approved wish of a tick that opens something."""
    found = [one.intent for one in result.verdicts if one.approved and one.intent.opens]
    if not found:
        raise NotPlayable("the desk's strategies wanted no entry that its gates allow, in no session tried")
    return found[0]


def filled(stage: Stage) -> tuple[OrderIntent, OwnOrder]:
    """Let the desk open its first position, and the books learn of it a minute later."""
    wish, order = opened(stage)
    if not stage.account.find_order(order.client_order_id).terminal:  # type: ignore[union-attr]
        stage.account.fill(order.client_order_id)
    stage.pass_by()
    stage.alone()
    return wish, order


def sent_for(stage: Stage, underlying: str) -> int:
    """Count the orders in the desk's name that reached the broker for an underlying and open something."""
    return sum(
        1
        for one in stage.account.orders(stage.desk.name)
        if any(leg.position_intent.endswith("_to_open") and leg.symbol.startswith(underlying) for leg in one.legs)
    )


def quote_of(stage: Stage, symbol: str) -> Quote:
    """Give the quote of a share or series now."""
    return stage.market.fetch((QuotesRequest(symbols=(symbol,)),), stage.at).quotes[0]


def spot(stage: Stage, symbol: str) -> Decimal:
    """Give the price of a share now."""
    quote = quote_of(stage, symbol)
    price = quote.mid if quote.mid is not None else quote.last
    assert price is not None, f"{symbol} has no price on the drill's market"
    return price.quantize(Decimal("0.01"))


def adopted(stage: Stage, symbol: str, qty: Decimal, strategy: str = NAME) -> str:
    """Let a hand buy shares and the owner adopt them, as `bot adopt` does; gives the lot."""
    price = spot(stage, symbol)
    stage.account.trade(symbol, qty, price, "by-hand")
    stage.alone()
    with closing(stage.journal()) as journal:
        found = take_shares(journal.books(), Past(), symbol, Given(qty=qty, basis=price), stage.at, strategy)
        whole = with_cycle(journal.books(), Past(), found)
        adopt(journal, Adoption(whole.lots, whole.legs, whole.cycles, whole.taken), stage.at, "bot drill")
    stage.pass_by()
    return whole.lots[0].id


def alive(stage: Stage, symbol: str, side: str) -> int:
    """Count the working orders at the broker on a symbol and side."""
    return sum(
        1
        for one in stage.account.orders()
        if not one.terminal and any(leg.symbol == symbol and leg.position_intent == side for leg in one.legs)
    )


def held(stage: Stage, symbol: str) -> Decimal:
    """Give what the broker holds of a symbol."""
    return stage.account.held().get(symbol, ZERO)
