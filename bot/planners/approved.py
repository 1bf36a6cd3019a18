"""What the owner approved and was not sent yet: wanted again as it was proposed, at its price or a better one.

It runs first in every tick and asks for nothing while no approval stands, so that a process that died between the
owner's word and the order loses nothing: the next tick carries the word out, until it lapses. In the tick that
`bot approve` runs, nothing else plans.
"""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec.structs import replace

from bot.domain.consent import sells
from bot.domain.errors import BadNumber
from bot.domain.facts import Fact
from bot.domain.instruments import is_option, parse_option, underlying_of
from bot.domain.ledger import Proposal
from bot.domain.market import ChainRequest, EventsRequest, Quote, QuotesRequest, Request
from bot.domain.money import CENT, from_text, plain
from bot.domain.orders import OrderIntent
from bot.domain.sessions import days_to_expiry
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Note, Plan, Planner
from bot.domain.wheelmath import ladder_limit, share_ladder_limit

NAME = "approved"
NARROW = Decimal("0.05")
"""Half the width of the chain asked for around a strike, as moneyness: the price may have moved since."""
WIDEST = (Decimal("0.5"), Decimal(2))
"""The moneyness asked for where a proposal does not say the price it was made at."""


class ApprovedParams(Fact, frozen=True, kw_only=True):
    """The strategies that are switched on: a word for one that is switched off waits until it lapses."""

    strategies: frozenset[str] = frozenset()


def needs(holdings: Holdings, params: ApprovedParams, at: datetime) -> tuple[Request, ...]:
    """Ask for what judging the approved orders takes: quotes, events, and a narrow chain around each series opened.

    Open interest and the list of contracts that are no standard ones stand in chains alone.
    """
    if holdings.follow_up:
        return ()
    quotes: set[str] = set()
    names: set[str] = set()
    chains: dict[ChainRequest, None] = {}
    for one in _due(holdings.books.approvals, params, at):
        names.add(one.intent.underlying)
        for leg in one.intent.legs:
            if leg.position_intent.endswith("_to_open") and is_option(leg.symbol):
                chains[_around(leg.symbol, one.intent, holdings)] = None
            else:
                quotes.add(leg.symbol)
    if not names:
        return ()
    return (
        QuotesRequest(symbols=tuple(sorted(names | quotes))),
        EventsRequest(symbols=tuple(sorted(names))),
        *chains,
    )


def _due(approvals: tuple[Proposal, ...], params: ApprovedParams, at: datetime) -> list[Proposal]:
    """Give the approvals that stand and whose strategy is switched on, by number."""
    return sorted(
        (
            one
            for one in approvals
            if one.approved_at is not None and one.lapses_at > at and one.intent.strategy in params.strategies
        ),
        key=lambda one: one.number,
    )


def _around(symbol: str, intent: OrderIntent, holdings: Holdings) -> ChainRequest:
    contract = parse_option(symbol)
    days = max(0, days_to_expiry(contract.expiry, holdings.session.day))
    low, high = WIDEST
    spot = _spot_then(intent)
    if spot is not None:
        centre = contract.strike / spot
        low = max(CENT, centre - NARROW).quantize(CENT, ROUND_FLOOR)
        high = (centre + NARROW).quantize(CENT, ROUND_CEILING)
    return ChainRequest(
        underlying=contract.root, right=contract.right, dte_min=days, dte_max=days, moneyness_min=low,
        moneyness_max=high,
    )  # fmt: skip


def _spot_then(intent: OrderIntent) -> Decimal | None:
    """Give the share price a proposal was made at, as its planner wrote it down."""
    try:
        spot = from_text(dict(intent.numbers).get("spot", ""), "spot")
    except BadNumber:
        return None
    return spot if spot > 0 else None


def plan(snapshot: Snapshot, params: ApprovedParams) -> Plan:
    """Want every approved order that was not sent yet, by number; follow-up ticks open nothing."""
    if snapshot.follow_up:
        return Plan()
    due = _due(snapshot.books.approvals, params, snapshot.at)
    off = [one for one in snapshot.books.approvals if one.intent.strategy not in params.strategies]
    return Plan(
        intents=tuple(_again(one, snapshot) for one in due),
        notes=tuple(
            Note(
                strategy=NAME, symbol=one.intent.underlying, subject=f"proposal {one.number}",
                reason=f"approved, and strategies.{one.intent.strategy} is switched off: it is not sent",
            )
            for one in off
        ),
    )  # fmt: skip


def _again(one: Proposal, snapshot: Snapshot) -> OrderIntent:
    """Give an approved order at today's price on the same step of the ladder, never worse than approved.

    Where the market has moved away, the approved limit stands and the gates measure it against the market; where it
    has come towards the owner, the better limit is taken. Several legs keep their net price.
    """
    intent = one.intent
    limit = intent.limit_price
    fresh = _fresh_limit(intent, snapshot)
    if limit is not None and fresh is not None:
        limit = max(limit, fresh) if sells(intent) else min(limit, fresh)
    moved = "" if limit == intent.limit_price or limit is None else f", now at {plain(limit)}"
    return replace(
        intent,
        limit_price=limit,
        reason=f"{one.author or 'the owner'} approved proposal {one.number}{moved}: {intent.reason}",
        numbers=(*intent.numbers, ("proposal", str(one.number))),
    )


def _fresh_limit(intent: OrderIntent, snapshot: Snapshot) -> Decimal | None:
    if len(intent.legs) != 1 or intent.order_type != "limit":
        return None
    symbol = intent.legs[0].symbol
    quote = _quote(symbol, snapshot)
    if quote is None or quote.bid is None or quote.ask is None or not quote.valid:
        return None
    if not is_option(symbol):
        return share_ladder_limit(quote.bid, quote.ask, intent.step, sell=sells(intent))
    limit = ladder_limit(
        underlying_of(symbol), quote.bid, quote.ask, intent.step, sell=sells(intent), penny=quote.penny
    )  # fmt: skip
    return limit if limit > 0 else None


def _quote(symbol: str, snapshot: Snapshot) -> Quote | None:
    quote = snapshot.quote_of.get(symbol)
    if quote is not None or not is_option(symbol):
        return quote
    contract = parse_option(symbol)
    chain = snapshot.chain_of.get((contract.root, contract.right))
    offers = () if chain is None else chain.offers()
    return next((offer.as_quote() for offer in offers if offer.symbol == symbol), None)


PLANNER = Planner(kind="approved", params=ApprovedParams, needs=needs, plan=plan)
