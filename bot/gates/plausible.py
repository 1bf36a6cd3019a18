"""Can a price be true: against its strike, its neighbours in the chain, and the volatility it is quoted with.

A point that moved makes a quote that is fresh, narrow and on the grid, and wrong. What else the same answers say of the
same series is what shows it; nothing here needs a number of the owner's.
"""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, allowed, refused
from bot.domain.instruments import Contract, is_option, parse_option
from bot.domain.market import Chain, Quote, delayed
from bot.domain.money import plain
from bot.domain.orders import OrderIntent
from bot.domain.sessions import years_to_expiry
from bot.domain.wheelmath import spread_passes
from bot.gates.case import NO_OPTION, OPENS_NOTHING, Case, idle
from bot.pricing.black_scholes import implied_volatility

SPOT_SLACK = Decimal("0.02")
"""How far, as a share of the underlying, quotes of share and option may be apart in time."""
DELTA_SLACK = 1_000
"""By how much, in ten-thousandths, deltas of one expiry may be out of order."""
VOLATILITY_MOST = {"etf": 1.5, "stock": 3.0}
"""Volatility above which a moved point is likelier than a market; a desk that would sell into more than that waits."""
UNTOLD = 2 / 3
"""Part of that where the price alone says it: a feed that states no volatility is no witness."""
VOLATILITY_TIMES = 2.5
"""How many times the quoted volatility, or part of it, that of the price may be."""


def price_is_plausible(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow opening options only at quotes that their strike, their neighbours and their volatility do not belie."""
    gate = "price_is_plausible"
    if case.wish(intent).kind not in ("entry", "roll"):
        return idle(gate, OPENS_NOTHING)
    series = [leg.symbol for leg in intent.legs if is_option(leg.symbol)]
    if not series:
        return idle(gate, NO_OPTION)
    spot = case.snapshot.spot(intent.underlying)
    for symbol in series:
        quote = case.quote(symbol)
        if quote is None or quote.mid is None or quote.bid is None or quote.ask is None:
            return refused(gate, f"{symbol} has no two-sided quote to look at")
        contract = parse_option(symbol)
        wrong = (
            _beyond_bounds(contract, quote.bid, quote.ask, spot)
            or _against_neighbours(contract, quote, case)
            or _against_volatility(contract, quote, spot, case)
        )
        if wrong:
            return refused(gate, f"{symbol} at {plain(quote.bid)} x {plain(quote.ask)}: {wrong}")
    return allowed(gate, "strike, neighbours and volatility say nothing against the price")


def _beyond_bounds(contract: Contract, bid: Decimal, ask: Decimal, spot: Decimal | None) -> str:
    """Say what no option can cost: more than it can ever bring, or less than it brings at once."""
    put = contract.right == "put"
    most = contract.strike if put else spot
    if most is not None and bid > most:
        return f"no {contract.right} is worth more than {plain(most)}"
    if spot is None:
        return ""
    inner = contract.strike - spot if put else spot - contract.strike
    return f"it is worth {plain(inner)} at once" if ask < inner - SPOT_SLACK * spot else ""


def _against_neighbours(contract: Contract, quote: Quote, case: Case) -> str:
    """Say which series of the same expiry it contradicts: a put costs no less than one at a lower strike.

    A neighbour speaks only where its own quote can be gone by: not crossed, not too old, and for its delta not wide.
    """
    chain = case.snapshot.chain_of.get((contract.root, contract.right))
    slab = next((one for one in chain.slabs if one.expiry == contract.expiry), None) if chain is not None else None
    if chain is None or slab is None or quote.bid is None or quote.ask is None:
        return ""
    limits, strike, bid, ask = case.limits, int(contract.strike * 1000), quote.bid * 100, quote.ask * 100
    delta = None if quote.delta is None else abs(quote.delta) * 10_000
    oldest = _oldest(chain, case)
    for row, other in enumerate(slab.strikes):
        if other == strike or (slab.ages and oldest is not None and slab.ages[row] > oldest):
            continue
        other_bid, other_ask, other_delta = slab.bids[row], slab.asks[row], slab.deltas[row]
        if other_bid > other_ask >= 0:
            continue  # it contradicts itself
        if (other > strike) == (contract.right == "put"):
            off, apart = 0 < other_ask < bid, -1 if delta is None else delta - other_delta
        else:
            off, apart = other_bid > ask, -1 if delta is None else other_delta - delta
        if not off and (other_delta < 0 or apart <= DELTA_SLACK):
            continue
        offer = chain.offer(slab, row)
        if off:
            return f"{offer.symbol} at {_side(offer.bid)} x {_side(offer.ask)} says otherwise"
        # The delta of a wide quote is one of a middle that nobody quotes.
        if spread_passes(offer.bid, offer.ask, limits.option_spread_fraction, limits.option_spread_absolute):
            return f"its delta {quote.delta:.2f} does not fit {offer.delta:.2f} of {offer.symbol}"
    return ""


def _oldest(chain: Chain, case: Case) -> Decimal | None:
    """Give by how many seconds a row may be older than its chain to speak of a market now; None is any."""
    limits = case.limits
    limit = limits.quote_age_delayed_seconds if delayed(chain.source) else limits.quote_age_option_seconds
    return None if limit is None else limit - int((case.snapshot.at - chain.at).total_seconds())


def _against_volatility(contract: Contract, quote: Quote, spot: Decimal | None, case: Case) -> str:
    """Say how far the volatility that explains the price is from the one it is quoted with."""
    told = quote.volatility
    if spot is None or quote.bid is None or quote.ask is None:
        return ""
    years = years_to_expiry(contract.expiry, case.snapshot.at)
    found = [
        implied_volatility(contract.right, float(side), float(spot), float(contract.strike), years)
        for side in (quote.bid, quote.ask)
    ]
    low, high = found
    info = case.desk.universe.get(contract.root)
    stated = told is not None and told > 0
    most = VOLATILITY_MOST["stock" if info is None else info.kind] * (1 if stated else UNTOLD)
    if low is not None and low > most:
        return f"the price says a volatility of {low:.0%}: more than {most:.0%} is taken for a wrong number"
    if told is None or not stated:
        return ""
    if told > most:
        return f"it is quoted with a volatility of {told:.0%}: more than {most:.0%} is taken for a wrong number"
    if high is not None and high < told / VOLATILITY_TIMES:
        return f"the price says a volatility of {high:.0%}, it is quoted with {told:.0%}"
    if low is not None and low > told * VOLATILITY_TIMES:
        return f"the price says a volatility of {low:.0%}, it is quoted with {told:.0%}"
    return ""


def _side(price: Decimal | None) -> str:
    return "none" if price is None else plain(price)
