"""What the exit rules would do with a short leg in the days ahead, found by asking the rules themselves.

Nothing is restated here: a leg is put before `matches_of` at a moment to come, at a price and a share price made up for
the question, and the answer is where the rule begins to hold. What depends on tomorrow's market (whether a series pays
a roll) is left open and said so.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.desk import WheelParams
from bot.domain.errors import MarketError
from bot.domain.instruments import is_standard_root
from bot.domain.ledger import HALT_RANK, OptionLeg
from bot.domain.market import Dividend
from bot.domain.money import CENT, ZERO
from bot.domain.outlook import CallOutlook, Outlook, Prospect
from bot.domain.sessions import Session, days_to_expiry, previous_session, sessions_between
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.planners.wheel_exits import plan_exits
from bot.planners.wheel_question import Question, middle
from bot.planners.wheel_room import call_refusal, call_room
from bot.planners.wheel_state import Situation, situation_of

STEP = timedelta(minutes=5)
"""How finely the moments of a day are asked."""


def wheel_outlooks(snapshot: Snapshot, params: WheelParams) -> tuple[Outlook, ...]:
    """Give what is ahead of every short leg that this wheel looks after, soonest expiry first."""
    now = situation_of(snapshot, params)
    intents, notes = plan_exits(now, snapshot) if now.halt_rank < HALT_RANK["stop"] else ([], [])
    found = []
    for one in now.legs():
        wanted = [intent.reason for intent in intents if _about(intent.key, intent.replaces, one, now)]
        said = [note.reason for note in notes if note.subject == one.symbol]
        prospects = [Prospect(rule="now", reason=reason) for reason in wanted]
        prospects += [Prospect(rule="idle", reason=reason) for reason in said]
        found.append(
            Outlook(
                leg=one.id, symbol=one.symbol, strategy=params.name,
                prospects=(*_word(now, one), *prospects, *ahead_of(Question(snapshot, params, one))),
            )
        )  # fmt: skip
    return tuple(found)


def _about(key: str, replaces: str, one: OptionLeg, now: Situation) -> bool:
    """Say whether a wish is about a leg: it closes it, or takes back the order that does."""
    if key == one.id:
        return True
    orders = [
        order for order, leg in now.working(one.underlying, "buy_to_close", one.right) if leg.symbol == one.symbol
    ]
    return any(order.client_order_id == replaces and order.key in (one.id, "") for order in orders)


def _word(now: Situation, one: OptionLeg) -> tuple[Prospect, ...]:
    word = now.word_on(one.symbol)
    found = [Prospect(rule="word", reason=word)] if word else []
    if now.halt_rank:
        found.append(Prospect(rule="idle", reason=f"halt {now.halt.level}: {now.halt.reason}"))
    return tuple(found)


def ahead_of(question: Question) -> tuple[Prospect, ...]:
    """Ask every rule when, and at what price, it would act on a leg, in the rules' own order."""
    if not is_standard_root(question.one.symbol):
        return ()
    try:
        sessions = _sessions_left(question)
    except MarketError as error:
        return (Prospect(rule="unwatched", reason=str(error)),)
    if not sessions:
        return (Prospect(rule="unwatched", reason="its last session is over: the broker's record decides"),)
    found = [
        *_dividends(question, sessions), *_profit(question, sessions[0]), *_premium_stop(question, sessions[0]),
        *_roll(question, sessions), *_time_exit(question, sessions), *_expiry(question, sessions[-1]),
    ]  # fmt: skip
    return tuple(found)


def _sessions_left(question: Question) -> list[Session]:
    """List the sessions up to the expiry that are not over yet, the last of them being the leg's own last one."""
    snapshot = question.snapshot
    listed = sessions_between(snapshot.session.day, question.one.expiry)
    return [session for session in listed if session.close_at > snapshot.at]


def _highest(holds: Callable[[Decimal], bool], most: Decimal) -> Decimal | None:
    """Give the highest price in cents, up to `most`, at which a rule that holds when cheap still holds."""
    cents = int(most / CENT)
    if cents < 1 or not holds(CENT):
        return None
    # bisect looks for the first price at which it no longer holds.
    first = bisect_left(range(1, cents + 1), True, key=lambda price: not holds(price * CENT))
    return first * CENT


def _profit(question: Question, session: Session) -> list[Prospect]:
    """Find the highest offer at which the profit target is reached."""
    credit, at, spot = question.one.credit, middle(session), question.out_of_the_money
    if credit is None:
        return [Prospect(rule="idle", reason="what it was sold for is unknown: no profit target can be told")]
    price = _highest(lambda ask: question.holds("take_profit", session, at, ask, spot) is not None, credit)
    if price is None:
        return []
    match = question.holds("take_profit", session, at, price, spot)
    assert match is not None, "it held at this price"
    return [Prospect(rule="take_profit", price=price, fraction=match.limit)]


def _premium_stop(question: Question, session: Session) -> list[Prospect]:
    """Find the lowest mid at which the premium stop fires, if one is set."""
    credit, at, spot = question.one.credit, middle(session), question.in_the_money
    if credit is None:
        return []
    match = question.holds("premium_stop", session, at, credit * 1000, spot)
    return [] if match is None else [Prospect(rule="premium_stop", price=match.limit)]


def _first(sessions: Sequence[Session], holds: Callable[[Session], bool]) -> Session | None:
    """Give the first session from which on a rule holds to the last one, or None where it does not hold there."""
    if not sessions or not holds(sessions[-1]):
        return None
    return sessions[bisect_left(sessions, True, key=holds)]


def _time_exit(question: Question, sessions: Sequence[Session]) -> list[Prospect]:
    """Find the first day of the time exit, and the highest offer that is still a profit after fees."""
    spot, one = question.out_of_the_money, question.one

    def holds(session: Session, ask: Decimal = CENT) -> bool:
        return question.holds("time_exit", session, middle(session), ask, spot) is not None

    first = _first(sessions, holds)
    if first is None or one.credit is None:
        return []
    price = _highest(lambda ask: holds(first, ask), one.credit)
    return [Prospect(rule="time_exit", from_at=first.open_at, dte=days_to_expiry(one.expiry, first.day), price=price)]


def _roll(question: Question, sessions: Sequence[Session]) -> list[Prospect]:
    """Find the first day a leg in the money would roll, or what forbids it then."""
    one, spot, price = question.one, question.in_the_money, question.ask_at_parity
    before = [session for session in sessions if session.day < one.expiry]
    numbers = question.params.numbers[one.underlying]

    def notes_on(session: Session) -> list[Note]:
        notes: list[Note] = []
        found = question.ask(session, middle(session), price, spot, notes)
        return notes if not any(match.purpose == "roll_close" for match in found) else []

    def holds(session: Session) -> bool:
        return question.holds("roll_close", session, middle(session), price, spot) is not None

    first = _first(before, holds)
    if first is not None:
        return [
            Prospect(
                rule="roll", from_at=first.open_at, dte=days_to_expiry(one.expiry, first.day),
                net_min=numbers.roll_net_min, times=numbers.rolls_max - one.rolls,
            )
        ]  # fmt: skip
    if one.right != "put" or not before:
        return []
    refused = _first(before, lambda session: bool(notes_on(session)))
    if refused is None:
        return []
    reason = notes_on(refused)[0].reason
    return [
        Prospect(rule="no_roll", from_at=refused.open_at, dte=days_to_expiry(one.expiry, refused.day), reason=reason)
    ]


def _dividends(question: Question, sessions: Sequence[Session]) -> list[Prospect]:
    """Find what happens to a call in the money on the last session before each ex-date of its life."""
    one, snapshot = question.one, question.snapshot
    if one.right != "call":
        return []
    events = snapshot.events_of.get(one.underlying)
    if events is None or events.dividend_status == "unknown":
        notes: list[Note] = []
        question.ask(sessions[0], middle(sessions[0]), question.ask_at_parity, question.in_the_money, notes)
        return [Prospect(rule="dividend_unknown", reason=note.reason) for note in notes[:1]]
    found: list[Prospect] = []
    by_day = {session.day: session for session in sessions}
    for dividend in sorted(events.dividends, key=lambda paid: paid.ex_date):
        session = by_day.get(previous_session(dividend.ex_date).day)
        if session is not None and dividend.ex_date > snapshot.session.day:
            found += _dividend(question, session, dividend)
    return found


def _dividend(question: Question, session: Session, dividend: Dividend) -> list[Prospect]:
    """Walk one session for the first moment at which the dividend's rule speaks, by an exit or by a note."""
    at = session.open_at
    while at < session.close_at:
        notes: list[Note] = []
        found = question.ask(session, at, question.ask_at_parity, question.in_the_money, notes)
        match = next((one for one in found if one.limit == dividend.amount and one.unit == "usd"), None)
        note = next((one for one in notes if one.limit == dividend.amount and one.unit == "usd"), None)
        if match is not None:
            rolled = match.purpose == "roll_close" and not question.roll_refused()
            return [
                Prospect(
                    rule="ex_dividend", from_at=at, until_at=session.close_at, amount=dividend.amount,
                    reason="rolled, else bought back" if rolled else "bought back",
                )
            ]  # fmt: skip
        if note is not None:
            return [Prospect(rule="dividend_accepted", from_at=at, until_at=session.close_at, amount=dividend.amount)]
        at += STEP
    return []


def _expiry(question: Question, session: Session) -> list[Prospect]:
    """Walk the last session for what happens in the money there: bought back, rolled, or left to be assigned."""
    if session.day != question.one.expiry:
        return [Prospect(rule="assignment", from_at=session.close_at)]
    price = max(question.ask_at_parity, (question.one.credit or ZERO) * 2)
    first: tuple[datetime, str] | None = None
    last = at = session.open_at
    while at < session.close_at:
        found = question.ask(session, at, price, question.in_the_money)
        match = next((one for one in found if one.unit == "minutes"), None)
        if match is not None:
            first, last = first or (at, match.purpose), at
        at += STEP
    if first is None:
        return [Prospect(rule="assignment", from_at=session.close_at)]
    began, purpose = first
    if purpose != "roll_close":
        return [Prospect(rule="expiry_close", from_at=began, until_at=last)]
    refused = question.roll_refused()
    if refused:
        return [Prospect(rule="assignment", from_at=session.close_at, reason=refused)]
    return [Prospect(rule="expiry_roll", from_at=began, until_at=last)]


def call_outlooks(snapshot: Snapshot, params: WheelParams) -> tuple[CallOutlook, ...]:
    """Give for every symbol whose shares this wheel may write calls on how many lots are free, and from which strike.

    What is only about the hour (the entry window) is no obstacle for the days ahead and is left out by asking in the
    middle of the session.
    """
    stands = snapshot.session
    session = Session(day=stands.day, open_at=stands.open_at, close_at=stands.close_at)
    then = replace(snapshot, at=middle(session), session=replace(stands, is_open=True))
    now = situation_of(then, params)
    found = []
    for symbol in sorted(params.numbers):
        if now.shares.get(symbol, ZERO) < 1:
            continue
        room = call_room(now, symbol)
        refusal = room.refusal or call_refusal(now, symbol)
        found.append(
            CallOutlook(
                symbol=symbol, strategy=params.name, lots=room.lots, floor=room.floor,
                against="" if refusal is None else refusal.reason,
            )
        )  # fmt: skip
    return tuple(found)
