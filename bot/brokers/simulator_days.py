"""How simulated time passes: working orders walk the path inside sessions; the rest happens at open and close.

Advancing in one step or in many gives the same account.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple, cast

from bot.brokers.simulator_bars import BarMarket, ending_of, meet_open, meet_rest, opening_of, room_in
from bot.brokers.simulator_events import WalkableMarket, close_session, open_session
from bot.brokers.simulator_matching import Execution, Meeting, Resting, meet
from bot.brokers.simulator_state import Boundary, State
from bot.domain.errors import MarketError
from bot.domain.fills import FillRules, PathBar
from bot.domain.instruments import is_option, underlying_of
from bot.domain.market import Quote
from bot.domain.sessions import new_york_day, next_session, session_at, session_on

BEFORE_OPEN = timedelta(minutes=1)
QUOTE_LIFE = timedelta(minutes=1)
WALKED_AGAIN_AT_MOST = timedelta(hours=1)


def boundary_after(moment: datetime) -> Boundary:
    """Give the next opening (a minute before the open) or close after a moment."""
    day = new_york_day(moment)
    session = session_on(day)
    if session is None or moment >= session.close_at:
        session = next_session(day)
    opening = session.open_at - BEFORE_OPEN
    if moment < opening:
        return Boundary(opening, True, session)
    return Boundary(session.close_at, False, session)


class BarStep(NamedTuple):
    """A bar's open, or the rest of it, as it comes to be met."""

    symbol: str
    bar: PathBar
    opens: bool


def advance(state: State, market: WalkableMarket, until: datetime, rules: FillRules | None = None) -> None:
    """Let everything happen up to and including a moment, in order.

    By rules, orders in shares meet the bars of a market that has them (`simulator_bars`) in place of quotes.
    """
    while True:
        boundary = state.boundary
        if boundary is None or boundary.at <= state.seen_at:
            boundary = state.boundary = boundary_after(state.seen_at)
        if boundary.at > until:
            break
        if boundary.opens:
            open_session(state, market, boundary.session, boundary.at)
        else:
            walk_orders(state, market, boundary.at, rules)
            close_session(state, market, boundary.session)
            following = next_session(boundary.session.day)
            if following.open_at - BEFORE_OPEN < boundary.at:  # around the clock no minute lies between two sessions
                open_session(state, market, following, boundary.at)
        state.seen_at = boundary.at
    if not boundary.opens and until > state.seen_at:
        walk_orders(state, market, until, rules)
    state.seen_at = until
    if state.working and until - state.stored_at >= WALKED_AGAIN_AT_MOST:
        state.dirty = True


def walk_orders(state: State, market: WalkableMarket, until: datetime, rules: FillRules | None = None) -> None:
    """Let working orders meet everything of their symbols after the last seen moment, oldest first."""
    if not state.working:
        return
    after = state.seen_at
    on_bars = _bar_market(market, rules)
    since: dict[str, datetime] = {}
    for order in state.working_orders():
        reach = after if len(order.legs) == 1 else after - QUOTE_LIFE
        for leg in order.legs:
            since[leg.symbol] = min(since.get(leg.symbol, reach), reach)
    steps: dict[datetime, list[Quote]] = {}
    bars: dict[datetime, list[BarStep]] = {}
    for symbol in sorted(since):
        if on_bars is not None and not is_option(symbol):
            _put_bars(bars, on_bars, symbol, after, until)
            continue
        for quote in market.walk(symbol, since[symbol], until):
            steps.setdefault(quote.at, []).append(quote)
    opens = _openings(on_bars, since, after, until)
    latest: dict[str, Quote] = {}
    for moment in sorted({*steps, *bars}):
        found = steps.get(moment, ())
        for quote in found:
            latest[quote.symbol] = quote
        if rules is not None and moment in bars and not _meet_bars(state, bars[moment], moment, rules):
            return
        fresh = {quote.symbol for quote in found}
        jumps = None if rules is None else opens.get(moment, frozenset())
        if moment > after and fresh and not _meet_all(state, latest, moment, fresh, jumps):
            return


def _bar_market(market: WalkableMarket, rules: FillRules | None) -> BarMarket | None:
    """Give the market as one of bars, where orders are to meet bars and it has any."""
    return cast("BarMarket", market) if rules is not None and hasattr(market, "path_bars") else None


def _put_bars(
    bars: dict[datetime, list[BarStep]], market: BarMarket, symbol: str, after: datetime, until: datetime
) -> None:
    for bar in market.path_bars(symbol, after, until):
        for moment, opens in ((opening_of(bar), True), (ending_of(bar), False)):
            if after < moment <= until and session_at(moment) is not None:
                bars.setdefault(moment, []).append(BarStep(symbol, bar, opens))


def _openings(
    market: BarMarket | None, symbols: Iterable[str], after: datetime, until: datetime
) -> dict[datetime, frozenset[str]]:
    """Give the shares that open a bar at each moment, for the series among some symbols."""
    found: dict[datetime, frozenset[str]] = {}
    for root in sorted({underlying_of(symbol) for symbol in symbols if is_option(symbol)}) if market else ():
        assert market is not None
        try:
            for bar in market.path_bars(root, after, until):
                found[opening_of(bar)] = found.get(opening_of(bar), frozenset()) | {root}
        except MarketError:  # chains alone are on the tape: none of its readings is an open
            continue
    return found


def _meet_bars(state: State, found: list[BarStep], moment: datetime, rules: FillRules) -> bool:
    """Let the working orders in shares meet bars, the oldest order first: what it takes the next does not."""
    for step in found:
        for resting in list(state.working.values()):
            order = resting.order
            if order.legs[0].symbol != step.symbol or order.submitted_at >= moment:
                continue
            room = room_in(step.bar, rules, state.traded_since(step.symbol, opening_of(step.bar)))
            _take(state, resting, (meet_open if step.opens else meet_rest)(resting, step.bar, rules, room), moment)
    return bool(state.working)


def _meet_all(
    state: State, latest: dict[str, Quote], moment: datetime, fresh: set[str], jumps: frozenset[str] | None
) -> bool:
    """Let orders meet quotes; by rules `jumps` names the shares that open a bar now, and None is without rules."""
    for resting in list(state.working.values()):
        legs = resting.order.legs
        if not any(leg.symbol in fresh for leg in legs):
            continue
        oldest = max(moment - QUOTE_LIFE, resting.order.submitted_at)
        if not all(leg.symbol in latest and latest[leg.symbol].at > oldest for leg in legs):
            continue
        meeting = meet(resting, latest, state.account_id, locked_trades=jumps is not None)
        if jumps is not None and underlying_of(legs[0].symbol) not in jumps:
            meeting = _no_better(meeting)
        _take(state, resting, meeting, moment)
    return bool(state.working)


def _no_better(meeting: Meeting) -> Meeting:
    """Fill a limit at itself where quotes went through it: everything between two of a bar's prices traded."""
    limit = meeting.resting.order.limit_price
    if limit is None or len(meeting.executions) != 1 or not is_option(meeting.executions[0].leg.symbol):
        return meeting
    leg = meeting.executions[0].leg
    return Meeting(meeting.resting, meeting.units, limit, (Execution(leg, meeting.units, limit),))


def _take(state: State, resting: Resting, meeting: Meeting, moment: datetime) -> None:
    if meeting.executions:
        state.fill(meeting, moment)
    elif meeting.resting is not resting:
        state.put_order(meeting.resting)
