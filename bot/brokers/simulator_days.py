"""How simulated time passes: working orders walk the path inside sessions; the rest happens at open and close.

Advancing in one step or in many gives the same account.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.brokers.simulator_events import WalkableMarket, close_session, open_session
from bot.brokers.simulator_matching import Resting, meet
from bot.brokers.simulator_state import Boundary, State
from bot.domain.market import Quote
from bot.domain.sessions import new_york_day, next_session, session_on

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


def advance(state: State, market: WalkableMarket, until: datetime) -> None:
    """Let everything happen up to and including a moment, in order."""
    while True:
        boundary = state.boundary
        if boundary is None or boundary.at <= state.seen_at:
            boundary = state.boundary = boundary_after(state.seen_at)
        if boundary.at > until:
            break
        if boundary.opens:
            open_session(state, market, boundary.session, boundary.at)
        else:
            walk_orders(state, market, boundary.at)
            close_session(state, market, boundary.session)
        state.seen_at = boundary.at
    if not boundary.opens and until > state.seen_at:
        walk_orders(state, market, until)
    state.seen_at = until
    if state.working and until - state.stored_at >= WALKED_AGAIN_AT_MOST:
        state.dirty = True


def walk_orders(state: State, market: WalkableMarket, until: datetime) -> None:
    """Let working orders meet every quote of their symbols after the last seen moment, oldest first."""
    if not state.working:
        return
    after = state.seen_at
    since: dict[str, datetime] = {}
    for order in state.working_orders():
        reach = after if len(order.legs) == 1 else after - QUOTE_LIFE
        for leg in order.legs:
            since[leg.symbol] = min(since.get(leg.symbol, reach), reach)
    steps: dict[datetime, list[Quote]] = {}
    for symbol in sorted(since):
        for quote in market.walk(symbol, since[symbol], until):
            steps.setdefault(quote.at, []).append(quote)
    latest: dict[str, Quote] = {}
    for moment in sorted(steps):
        for quote in steps[moment]:
            latest[quote.symbol] = quote
        if moment > after and not _meet_all(state, latest, moment, {quote.symbol for quote in steps[moment]}):
            return


def _meet_all(state: State, latest: dict[str, Quote], moment: datetime, fresh: set[str]) -> bool:
    for resting in list(state.working.values()):
        legs = resting.order.legs
        if not any(leg.symbol in fresh for leg in legs):
            continue
        oldest = max(moment - QUOTE_LIFE, resting.order.submitted_at)
        if not all(leg.symbol in latest and latest[leg.symbol].at > oldest for leg in legs):
            continue
        _meet_one(state, resting, latest, moment)
    return bool(state.working)


def _meet_one(state: State, resting: Resting, latest: dict[str, Quote], moment: datetime) -> None:
    meeting = meet(resting, latest, state.account_id)
    if meeting.executions:
        state.fill(meeting, moment)
    elif meeting.resting is not resting:
        state.put_order(meeting.resting)
