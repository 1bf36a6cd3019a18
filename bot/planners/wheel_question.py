"""A question to the exit rules: one short leg put before them at a moment, a price and a share price made up for it."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from bot.domain.desk import WheelParams
from bot.domain.ledger import OptionLeg
from bot.domain.market import Quote
from bot.domain.money import CENT, ZERO
from bot.domain.sessions import Session, days_to_expiry, next_session, previous_session
from bot.domain.snapshot import SessionFacts, Snapshot
from bot.domain.strategy import Note
from bot.planners.wheel_exit_rules import PREMIUM_STOP_READINGS, Match, View, matches_of
from bot.planners.wheel_rolls import roll_refusal
from bot.planners.wheel_state import Situation, situation_of

DEEP = Decimal("0.10")
"""How far in the money a leg is put for a question about being there: beyond any credit."""


class Question:
    """One leg, to be asked about at moments, prices and share prices that are made up."""

    def __init__(self, snapshot: Snapshot, params: WheelParams, one: OptionLeg) -> None:
        self.snapshot = snapshot
        self.params = params
        self.one = one
        self._situations: dict[datetime, tuple[Snapshot, Situation]] = {}

    @property
    def in_the_money(self) -> Decimal:
        """Give a share price deep in the money."""
        return self.one.strike * (1 - DEEP if self.one.right == "put" else 1 + DEEP)

    @property
    def out_of_the_money(self) -> Decimal:
        """Give a share price deep out of the money."""
        return self.one.strike * (1 + DEEP if self.one.right == "put" else 1 - DEEP)

    @property
    def ask_at_parity(self) -> Decimal:
        """Give an ask a cent above what exercise pays at `in_the_money`."""
        return self.one.strike * DEEP + CENT

    def ask(
        self, session: Session, at: datetime, price: Decimal, spot: Decimal, notes: list[Note] | None = None
    ) -> list[Match]:
        """Ask which exit rules hold at a moment of a session, the leg offered at a price, the share at another."""
        if at not in self._situations:
            then = replace(self.snapshot, at=at, session=facts_of(session, at))
            self._situations[at] = then, situation_of(then, self.params)
        then, now = self._situations[at]
        quote = Quote(
            symbol=self.one.symbol, bid=max(price - CENT, ZERO), ask=price, at=at, source="a question",
        )  # fmt: skip
        one = replace(self.one, premium_stop_readings=PREMIUM_STOP_READINGS)
        dte = days_to_expiry(one.expiry, session.day)
        view = View(now, then, one, -one.qty, quote, spot, now.word_on(one.symbol), dte)
        return matches_of(view, [] if notes is None else notes)

    def holds(self, purpose: str, session: Session, at: datetime, price: Decimal, spot: Decimal) -> Match | None:
        """Give the match of one purpose, if its rule holds."""
        return next((match for match in self.ask(session, at, price, spot) if match.purpose == purpose), None)

    def roll_refused(self) -> str:
        """Say what forbids every roll of this leg, or nothing."""
        now = situation_of(self.snapshot, self.params)
        refusal = roll_refusal(now, self.one, now.word_on(self.one.symbol))
        return "" if refusal is None else refusal.reason


def facts_of(session: Session, at: datetime) -> SessionFacts:
    """Describe a session as a Snapshot of that moment would."""
    return SessionFacts(
        day=session.day, open_at=session.open_at, close_at=session.close_at, is_open=session.holds(at),
        previous_day=previous_session(session.day).day, next_day=next_session(session.day).day,
    )  # fmt: skip


def middle(session: Session) -> datetime:
    """Give the moment halfway through a session."""
    return session.open_at + (session.close_at - session.open_at) / 2
