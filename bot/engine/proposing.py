"""What only the owner's word keeps from being sent, as proposals with the time they stand. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from bot.domain.consent import covers, waits
from bot.domain.desk import ApproveRule, Desk
from bot.domain.ledger import Proposal
from bot.domain.orders import OwnOrder, Verdict
from bot.domain.snapshot import Snapshot


def proposals_of(
    verdicts: Iterable[Verdict], snapshot: Snapshot, desk: Desk, slot_seconds: int = 900
) -> tuple[Proposal, ...]:
    """Give a proposal for every wish that all gates but `approval_is_given` allowed.

    It lapses with its slot, or so many minutes after it was made (`approve_minutes`), at the session's close at the
    latest: overnight the rules it was planned by (dividends, earnings, delta) may have turned. The journal numbers it.
    """
    rules = dict(desk.approvals)
    found: list[Proposal] = []
    for verdict in verdicts:
        if not waits(verdict):
            continue
        minutes = rules.get(verdict.intent.strategy, ApproveRule()).minutes
        lapses_at = (
            snapshot.slot + timedelta(seconds=slot_seconds)
            if minutes is None
            else min(snapshot.at + timedelta(minutes=minutes), snapshot.session.close_at)
        )
        found.append(Proposal(intent=verdict.intent, proposed_at=snapshot.at, lapses_at=lapses_at))
    return tuple(found)


def still_standing(proposals: Iterable[Proposal], orders: Iterable[OwnOrder]) -> tuple[Proposal, ...]:
    """Give the proposals no order of this tick has used up; one that provably never left uses nothing up."""
    left = tuple(order for order in orders if order.state != "not_sent")
    return tuple(
        one for one in proposals if one.approved_at is None or not any(covers(one.intent, order) for order in left)
    )
