"""What waits for the owner's word: facts, lines for people, and the command that answers each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal

from bot.domain.claims import claim_of
from bot.domain.consent import credit_of
from bot.domain.facts import Fact
from bot.domain.ledger import Proposal
from bot.report.words import clock, dollars, filled_text, table, wish


class ProposalLine(Fact, frozen=True, kw_only=True):
    """A proposal for the owner's eyes. Dollars; `limit_price` per share; `approved_at` set means it may go."""

    number: int
    strategy: str
    purpose: str
    symbol: str
    underlying: str
    side: str
    qty: Decimal
    limit_price: Decimal | None
    credit: Decimal | None
    collateral: Decimal
    delta: str
    wish: str
    reason: str
    proposed_at: datetime
    lapses_at: datetime
    approved_at: datetime | None
    author: str
    command: str


def proposal_line(one: Proposal, at: str = "") -> ProposalLine:
    """Turn a proposal into its line; `at` is the moment to name in the command where time is not the clock's."""
    intent = one.intent
    return ProposalLine(
        number=one.number, strategy=intent.strategy, purpose=intent.purpose, symbol=intent.symbol,
        underlying=intent.underlying, side=intent.side, qty=intent.qty, limit_price=intent.limit_price,
        credit=credit_of(intent), collateral=claim_of(intent, intent.qty, None).collateral,
        delta=dict(intent.numbers).get("delta", ""), wish=wish(intent), reason=intent.reason,
        proposed_at=one.proposed_at, lapses_at=one.lapses_at, approved_at=one.approved_at, author=one.author,
        command=answer_command(str(one.number), at),
    )  # fmt: skip


def answer_command(words: str, at: str = "", verb: str = "approve") -> str:
    """Write the command that answers a proposal.

    >>> answer_command("3"), answer_command("--all", "session")
    ('bot approve 3', 'bot approve --all --at session')
    """
    return f"bot {verb} {words}" + (f" --at {at}" if at else "")


def left(until: datetime, now: datetime) -> str:
    """Say how long something still stands, rounded down.

    >>> from datetime import UTC, timedelta
    >>> noon = datetime(2026, 11, 18, 17, tzinfo=UTC)
    >>> [left(noon + timedelta(seconds=s), noon) for s in (40, 760, 9000, 0)]
    ['40 s', '12 min', '2 h 30 min', 'lapsed']
    """
    seconds = int((until - now).total_seconds())
    if seconds <= 0:
        return "lapsed"
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def waiting_lines(lines: Iterable[ProposalLine], prefix: str = "") -> list[str]:
    """Say in a few lines what waits, each with the exact command; `prefix` stands before it."""
    found: list[str] = []
    for one in lines:
        until = f"stands until {clock(one.lapses_at)} New York"
        found.append(f"  {one.number}  {one.wish}")
        if one.approved_at is None:
            found.append(f"     {prefix}{one.command}   ({until})")
        else:
            found.append(f"     approved by {one.author or 'the owner'} and not sent yet ({until})")
    return found


def proposal_table(lines: Sequence[ProposalLine], now: datetime) -> list[str]:
    """Draw what stands: number, wish, dollars in and tied up, delta, time left; then each one's reason."""
    drawn = table(
        ("", "wish", "credit", "collateral", "delta", "lapses in", ""),
        [
            (
                str(one.number), one.wish, "" if one.credit is None else dollars(one.credit),
                dollars(one.collateral) if one.collateral else "", one.delta, left(one.lapses_at, now),
                "" if one.approved_at is None else "approved",
            )
            for one in lines
        ],
        right=frozenset({0, 2, 3, 4, 5}),
    )  # fmt: skip
    for one in lines:
        drawn += filled_text(f"{one.number}: {one.reason}", "  ", "     ")
    return drawn
