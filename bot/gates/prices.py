"""Is the limit a sane price: on the grid, near the mid, never past the other side of the quote (wheel 2.2, 2.3)."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, allowed, at_most, refused
from bot.domain.instruments import equity_grid, is_option, option_grid, underlying_of
from bot.domain.market import Quote
from bot.domain.money import CENT, ZERO, plain
from bot.domain.orders import OrderIntent
from bot.domain.risk import STOP_TYPES
from bot.gates.case import CANCELS, RESTS, Case, idle


def price_within_collar(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a limit near the mid (or within two steps of it) and never past natural; exits only the latter.

    The distance is measured against mid; the natural price is the bid to sell and the ask to buy (wheel 2.2, 2.3).
    Shares are bought at the market only for a strategy whose `order` says so, and where the ask is near the mid.
    """
    gate = "price_within_collar"
    wish = case.wish(intent)
    if wish.kind == "cancel" or intent.order_type in STOP_TYPES:
        return idle(gate, CANCELS if wish.kind == "cancel" else RESTS)
    limit = intent.limit_price
    if limit is None:
        if wish.reduces and not any(is_option(leg.symbol) for leg in intent.legs):
            return idle(gate, "an exit at the market")
        if not _buys_at_market(intent, case):
            return refused(gate, "options and entries are traded by limit only")
        if case.limits.price_collar_fraction is None:
            return refused(gate, "no price bounds a purchase at the market while price_collar_fraction is off")
        natural, mid, step = _prices(intent, case)
        limit, what = natural, "the ask, for a purchase at the market"
    else:
        natural, mid, step = _prices(intent, case)
        what = f"limit {plain(limit)}"
    sells = len(intent.legs) == 1 and intent.legs[0].side == "sell"
    if natural is None or limit is None:
        return refused(gate, "there is no price on the other side to compare the limit with")
    signed, past = (-limit, "below the bid") if sells else (limit, "above the ask")
    if signed > natural:
        return refused(gate, f"limit {plain(limit)} is {past}: past natural {plain(abs(natural))}")
    if wish.reduces:
        return allowed(gate, f"limit {plain(limit)} is not past natural {plain(abs(natural))}")
    if mid is None:
        return refused(gate, "there is no mid to compare the limit with")
    collar = case.limits.price_collar_fraction
    room = None if collar is None else max(collar * abs(mid), 2 * step)
    return at_most(gate, abs(signed - mid), room, "usd", f"{what} against mid {plain(abs(mid))}: distance")


def _buys_at_market(intent: OrderIntent, case: Case) -> bool:
    """Say whether an order buys shares for a strategy whose table in desk.toml says that it buys at the market."""
    params = case.bar_params(intent)
    shares = len(intent.legs) == 1 and not is_option(intent.legs[0].symbol)
    return shares and intent.legs[0].side == "buy" and params is not None and params.numbers.order == "market"


def spread_price_has_its_sign(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow opening several legs at a negative limit where they receive, at a positive one where they pay.

    What they do is read from the quotes of the legs: at the mid, or at the natural price where there is no mid. A
    slip of the sign pays where the order was to receive. The first of two lines of defence: a broker that sends real
    orders checks the sign again by what the legs can be worth at expiry, without any quote.
    """
    gate = "spread_price_has_its_sign"
    limit = intent.limit_price
    if len(intent.legs) < 2 or not intent.opens or limit is None:
        return idle(gate, "a single leg, or nothing opened at a limit")
    natural, mid, _ = _prices(intent, case)
    net = natural if mid is None else mid
    if natural is None or net is None:
        return refused(gate, "a leg has no price: whether the order pays or receives is unknown")
    receives = natural < 0 or net < 0
    word, sign = ("receive", "negative") if receives else ("pay", "positive")
    ok = limit < 0 if receives else limit > 0
    return CheckResult(
        gate=gate,
        ok=ok,
        reason=f"the legs {word} {plain(abs(net))} at their quotes: a limit of {plain(limit)} is "
        f"{'rightly' if ok else 'not'} {sign}",
        value=limit,
        limit=ZERO,
        unit="usd",
        distance=-limit if receives else limit,
    )


def reprice_stays_in_bounds(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a new limit for a working order of ours only on its own legs, for no more than is left of it.

    Never past the natural price, and never across zero: a credit does not become a debit (wheel 2.3).
    """
    gate = "reprice_stays_in_bounds"
    old, limit = case.wish(intent).predecessor, intent.limit_price
    if intent.action == "cancel" or old is None or old.limit_price is None or old.order_type in STOP_TYPES:
        return idle(gate, "it replaces no limit order")
    if set(intent.legs) != set(old.legs):
        return refused(gate, f"it replaces {old.client_order_id} by other legs: a reprice changes the price alone")
    if limit is None:
        return idle(gate, "it replaces a limit by the market")
    if intent.qty > old.remaining:
        return at_most(gate, intent.qty, old.remaining, "units", "quantity of a reprice against what is left:")
    if (limit < 0) != (old.limit_price < 0) or (limit == 0) != (old.limit_price == 0):
        return refused(gate, f"from {plain(old.limit_price)} to {plain(limit)} crosses zero: a reprice keeps its sign")
    natural, _, _ = _prices(intent, case)
    if natural is None:
        return refused(gate, "there is no price on the other side to compare the limit with")
    sells = len(intent.legs) == 1 and intent.legs[0].side == "sell"
    room = natural - (-limit if sells else limit)
    natural = -natural if sells else natural
    word = "past" if room < 0 else "within"
    return CheckResult(
        gate=gate,
        ok=room >= 0,
        reason=f"from {plain(old.limit_price)} to {plain(limit)}: {word} the natural price {plain(natural)}",
        value=limit,
        limit=natural,
        unit="usd",
        distance=room,
    )


def _prices(intent: OrderIntent, case: Case) -> tuple[Decimal | None, Decimal | None, Decimal]:
    """Natural and mid as signed net prices (a purchase is positive), and the coarsest step of the legs."""
    natural: Decimal | None = ZERO
    mid: Decimal | None = ZERO
    step = ZERO
    for leg in intent.legs:
        quote = case.quote(leg.symbol)
        side = None if quote is None else quote.ask if leg.side == "buy" else quote.bid
        if quote is None or side is None:
            return None, None, step
        sign = leg.ratio if leg.side == "buy" else -leg.ratio
        natural = None if natural is None else natural + sign * side
        middle = quote.mid
        mid = None if mid is None or middle is None else mid + sign * middle
        step = max(step, _step(leg.symbol, side if middle is None else middle, quote, case))
    return natural, mid, step


def _step(symbol: str, price: Decimal, quote: Quote | None, case: Case) -> Decimal:
    if not is_option(symbol):
        return equity_grid(price)
    root = underlying_of(symbol)
    info = case.desk.universe.get(root)
    penny = quote.penny if quote is not None else info is not None and info.penny
    return option_grid(root, price, penny=penny)


def price_is_on_grid(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow limits on the instrument's price grid; a net price of several legs moves in cents (wheel 2.3)."""
    gate = "price_is_on_grid"
    limit = intent.limit_price
    if intent.action == "cancel" or limit is None:
        return idle(gate, "it has no limit price")
    if len(intent.legs) == 1:
        symbol = intent.legs[0].symbol
        step = _step(symbol, limit, case.quote(symbol), case)
    else:
        step = CENT
    if limit % step != 0:
        return refused(gate, f"limit {plain(limit)} is not on the grid of {plain(step)}")
    return allowed(gate, "the limit is on the price grid")
