"""Is the market fit to trade on: session, windows, quotes, prices.

Entries (and a roll's opening leg) need fresh, valid, narrow quotes. Exits need only the far side of the quote for
their limit: a bad market must not keep a position open.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.checks import CheckResult, allowed, at_least, at_most, refused, show
from bot.domain.instruments import is_option, parse_option
from bot.domain.market import delayed, one_venue
from bot.domain.money import ZERO, plain
from bot.domain.orders import OrderIntent
from bot.domain.risk import STOP_TYPES
from bot.gates.case import CANCELS, NO_OPTION, OPENS_NOTHING, REDUCES, RESTS, Case, Wish, idle

_MINUTE = timedelta(minutes=1)
_EXPIRY_DAYS_MIN = Decimal(1)
_FEED_DELAY_MINUTES = Decimal(15)
"""By how much a delayed feed lags; the gate allows none."""


def _minutes(span: timedelta) -> Decimal:
    return Decimal(int(span / _MINUTE * 60)) / 60


def session_is_open(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow option and market orders only while calendar and broker say open; a gtc order on shares may rest outside.

    Entries and exits alike: a broker whose clock says closed would refuse both.
    """
    gate = "session_is_open"
    if intent.action == "cancel":
        return idle(gate, CANCELS)
    session, broker = case.snapshot.session, case.snapshot.broker_open
    scheduled = session.is_open and session.open_at <= case.snapshot.at < session.close_at
    if scheduled and broker is not False:
        return allowed(gate, "the market trades")
    closed = "the broker's clock says the market is closed, the calendar open" if scheduled else "the market is closed"
    options = any(is_option(leg.symbol) for leg in intent.legs)
    if not options and intent.order_type != "market" and intent.time_in_force == "gtc":
        return allowed(gate, f"{closed}; this order may rest")
    what = "option orders wait" if options else f"a {intent.order_type} order for the day waits"
    until = "until both agree" if scheduled else f"for the session of {session.day} or the next one"
    return refused(gate, f"{closed}; {what} {until}")


def entry_window_is_open(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow entries only between the minutes after the open and before the close (opening quotes are wide)."""
    gate = "entry_window_is_open"
    kind = case.wish(intent).kind
    if kind != "entry":
        return idle(gate, "a roll finishes what it began" if kind == "roll" else REDUCES)
    session, at = case.snapshot.session, case.snapshot.at
    since = at_least(
        gate, _minutes(at - session.open_at), case.limits.entry_after_open_minutes, "minutes", "time since the open"
    )
    if not since.ok:
        return since
    left = at_least(
        gate, _minutes(session.close_at - at), case.limits.entry_before_close_minutes, "minutes", "time to the close"
    )
    if not left.ok or since.distance is None or (left.distance is not None and left.distance < since.distance):
        return left
    return since


def expiry_is_later(intent: OrderIntent, case: Case) -> CheckResult:
    """Open nothing in a series that expires today or has expired (wheel 1.16)."""
    gate = "expiry_is_later"
    if not intent.opens:
        return idle(gate, OPENS_NOTHING)
    today = case.snapshot.session.day
    opened = [leg.symbol for leg in intent.legs if is_option(leg.symbol) and leg.position_intent.endswith("_to_open")]
    if not opened:
        return idle(gate, NO_OPTION)
    first = min(opened, key=lambda symbol: parse_option(symbol).expiry)
    expiry = parse_option(first).expiry
    found = at_least(gate, Decimal((expiry - today).days), _EXPIRY_DAYS_MIN, "days", f"days of {first}")
    word = "expired" if expiry < today else "expires"
    end = "" if found.ok else ": nothing new is opened in it"
    return replace(found, reason=f"{first} {word} {expiry}, and today is {today}{end}")


def expiring_series_has_time(intent: OrderIntent, case: Case) -> CheckResult:
    """Close a series on its last day only until the minutes before that session's close; a person may later."""
    gate = "expiring_series_has_time"
    if intent.action == "cancel" or intent.opens:
        return idle(gate, "it closes nothing")
    session = case.snapshot.session
    if not any(is_option(leg.symbol) and parse_option(leg.symbol).expiry <= session.day for leg in intent.legs):
        return idle(gate, "nothing of it expires today")
    if intent.purpose == "owner_close":
        return idle(gate, "the owner's own word")
    left = _minutes(session.close_at - case.snapshot.at)
    return at_least(gate, left, case.limits.expiry_out_minutes, "minutes", "time to the close of its last session")


def _watched(intent: OrderIntent) -> tuple[str, ...]:
    """Symbols whose quotes an entry depends on: its legs and its underlying."""
    legs = tuple(leg.symbol for leg in intent.legs)
    return legs if intent.underlying in legs else (*legs, intent.underlying)


def _opening(wish: Wish) -> bool:
    return wish.kind in ("entry", "roll")


def quote_is_fresh(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow entries only on quotes younger than their cap: shares, options, options of a delayed feed (wheel 1.20)."""
    gate = "quote_is_fresh"
    if not _opening(case.wish(intent)):
        return idle(gate, "an exit is bounded by its own limit")
    tightest: CheckResult | None = None
    for symbol in _watched(intent):
        quote = case.quote(symbol)
        if quote is None:
            return refused(gate, f"{symbol} has no quote")
        if not is_option(symbol):
            limit = case.limits.quote_age_share_seconds
        elif delayed(quote.source):
            limit = case.limits.quote_age_delayed_seconds
        else:
            limit = case.limits.quote_age_option_seconds
        # A quote as far ahead of us as this is no fresher: one of the two clocks is wrong.
        seconds = abs(int((case.snapshot.at - quote.at).total_seconds()))
        found = at_most(gate, Decimal(seconds), limit, "seconds", f"age of the quote of {symbol}")
        if not found.ok:
            return found
        if tightest is None or _is_nearer(found, tightest):
            tightest = found
    return tightest or idle(gate, "no quote is needed")


def _is_nearer(found: CheckResult, known: CheckResult) -> bool:
    """Say whether a check is nearer to its limit than another; one whose limit is off is near to none."""
    return found.distance is not None and (known.distance is None or found.distance < known.distance)


def quote_is_valid(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow entries on 0 < bid < ask; an exit by limit needs the side it trades against (wheel 2.2)."""
    gate = "quote_is_valid"
    wish = case.wish(intent)
    if wish.kind == "cancel" or intent.order_type in STOP_TYPES:
        return idle(gate, CANCELS if wish.kind == "cancel" else RESTS)
    if intent.order_type == "market" and wish.reduces:
        return idle(gate, "an exit at the market")
    for leg in intent.legs:
        quote = case.quote(leg.symbol)
        if quote is None:
            return refused(gate, f"{leg.symbol} has no quote")
        crossed = quote.bid is not None and quote.ask is not None and quote.bid > quote.ask
        side = quote.ask if leg.side == "buy" else quote.bid
        if crossed or (wish.reduces and (side is None or side <= 0)) or (not wish.reduces and not quote.valid):
            return refused(gate, f"{leg.symbol}: bid {_text(quote.bid)}, ask {_text(quote.ask)} is no usable quote")
    return allowed(gate, "bid and ask can be used")


def _text(price: Decimal | None) -> str:
    return "none" if price is None else plain(price)


def spread_is_narrow(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow opening options whose spread is within its fraction of mid or its absolute cap (wheel 2.2).

    A cap that is off leaves the other one to decide; with both off any spread passes.
    """
    gate = "spread_is_narrow"
    if not _opening(case.wish(intent)):
        return idle(gate, OPENS_NOTHING)
    fraction, absolute = case.limits.option_spread_fraction, case.limits.option_spread_absolute
    widest: CheckResult | None = None
    for leg in intent.legs:
        if not is_option(leg.symbol):
            continue
        quote = case.quote(leg.symbol)
        if quote is None or quote.bid is None or quote.ask is None:
            return refused(gate, f"{leg.symbol} has no two-sided quote")
        width = quote.ask - quote.bid
        if absolute is not None and (fraction is None or width <= absolute):
            found = at_most(gate, width, absolute, "usd", f"spread of {leg.symbol}")
        else:
            found = at_most(gate, quote.spread_fraction, fraction, "fraction", f"spread of {leg.symbol} over mid")
        if not found.ok:
            return found
        widest = widest or found
    return widest or idle(gate, NO_OPTION)


def underlying_spread_is_narrow(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow entries only while the underlying's spread is within the cap of its feed."""
    gate = "underlying_spread_is_narrow"
    if not _opening(case.wish(intent)):
        return idle(gate, OPENS_NOTHING)
    quote = case.quote(intent.underlying)
    if quote is None:
        return refused(gate, f"{intent.underlying} has no quote")
    thin = one_venue(quote.source)
    limit = case.limits.underlying_spread_fraction_iex if thin else case.limits.underlying_spread_fraction
    return at_most(gate, quote.spread_fraction, limit, "fraction", f"spread of {intent.underlying}")


def symbol_not_halted(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow entries only where trading in the underlying and the series is not halted."""
    gate = "symbol_not_halted"
    if not _opening(case.wish(intent)):
        return idle(gate, OPENS_NOTHING)
    for symbol in _watched(intent):
        quote = case.quote(symbol)
        if quote is not None and quote.halted:
            return refused(gate, f"trading in {symbol} is halted")
    return allowed(gate, "no trading halt is shown")


def feed_is_accepted(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow real money to open on a delayed or one-venue feed only by the owner's word (wheel 1.20)."""
    gate = "feed_is_accepted"
    if case.snapshot.environment != "live":
        return idle(gate, "no real money")
    if not _opening(case.wish(intent)):
        return idle(gate, OPENS_NOTHING)
    if case.limits.accept_delayed_feed:
        return idle(gate, "accept_delayed_feed is true")
    for symbol in _watched(intent):
        quote = case.quote(symbol)
        if quote is None:
            return refused(gate, f"{symbol} has no quote")
        why = f"the quote of {symbol} comes from {quote.source}"
        mend = "set accept_delayed_feed = true to open on it"
        if delayed(quote.source):
            found = at_most(gate, _FEED_DELAY_MINUTES, ZERO, "minutes", why)
            return replace(found, reason=f"{why}, {show(_FEED_DELAY_MINUTES, 'minutes')} late: {mend}")
        if one_venue(quote.source):
            # What part of the market that is, no quote tells: a number here would be invented.
            return refused(gate, f"{why}, one venue of the whole market: {mend}")
    return allowed(gate, "the feed is complete and not delayed")


def open_interest_is_enough(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow selling only series with a way out: a least open interest, and unknown is refused."""
    gate = "open_interest_is_enough"
    least: CheckResult | None = None
    for leg in intent.legs:
        if leg.position_intent == "sell_to_open" and is_option(leg.symbol):
            quote = case.quote(leg.symbol)
            interest = None if quote is None or quote.open_interest is None else Decimal(quote.open_interest)
            found = at_least(
                gate, interest, case.limits.open_interest_min, "contracts", f"open interest of {leg.symbol}"
            )
            if not found.ok:
                return found
            least = least or found
    return least or idle(gate, "no series is sold to open")
