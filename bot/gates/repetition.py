"""Not again so soon: cooldowns after an entry and after a loss, and the same wish refused over and over."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, at_least
from bot.domain.money import plain
from bot.domain.orders import OrderIntent
from bot.domain.sessions import session_seconds, sessions_from
from bot.gates.case import CANCELS, Case, idle

_MINUTE = 60


def entry_cooldown_is_over(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a new put once enough session minutes passed since the last put entry on the symbol first filled."""
    gate = "entry_cooldown_is_over"
    why = _not_a_new_put(intent, case)
    limit = case.limits.cooldown_entry_minutes
    if why or limit is None:
        return idle(gate, why or "no limit is set (off)")
    last = next((one for one in case.snapshot.books.put_entries if one.underlying == intent.underlying), None)
    if last is None:
        return idle(gate, f"no put entry on {intent.underlying} is remembered")
    passed = Decimal(session_seconds(last.filled_at, case.snapshot.at)) / _MINUTE
    return at_least(gate, passed, limit, "minutes", f"session time since the last put entry on {intent.underlying}")


def loss_cooldown_is_over(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a new put once enough sessions passed since a chain on the symbol ended at a loss (wheel 2.19)."""
    gate = "loss_cooldown_is_over"
    why = _not_a_new_put(intent, case)
    limit = case.limits.cooldown_loss_sessions
    if why or limit is None:
        return idle(gate, why or "no limit is set (off)")
    last = next((one for one in case.snapshot.books.losses if one.underlying == intent.underlying), None)
    if last is None:
        return idle(gate, f"no losing chain on {intent.underlying} is remembered")
    passed = Decimal(sessions_from(last.day, case.snapshot.session.day))
    return at_least(gate, passed, limit, "sessions", f"time since a chain on {intent.underlying} ended at a loss,")


def _not_a_new_put(intent: OrderIntent, case: Case) -> str:
    """Say why a cooldown has nothing to say here, or nothing."""
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return CANCELS
    if wish.kind == "roll":
        return "the opening leg of a roll obeys no cooldown"
    if not wish.whole.series:
        return "it sells no put to open"
    return "a reprice" if wish.predecessor is not None else ""


def rejections_are_few(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a wish until the broker definitely refused the same one too often in this session (F4, F14).

    The same wish is the same strategy, purpose and underlying; exits are no exception.
    """
    gate = "rejections_are_few"
    limit = case.limits.identical_rejections
    if intent.action == "cancel" or limit is None:
        return idle(gate, CANCELS if limit is not None else "no limit is set (off)")
    wish = (intent.strategy, intent.purpose, intent.underlying)
    found = next(
        (one for one in case.snapshot.books.counters.rejections if (one.strategy, one.purpose, one.underlying) == wish),
        None,
    )
    times = 0 if found is None else found.count
    tried = Decimal(times + 1)
    reason = f"{intent.purpose} of {intent.underlying} was refused by the broker {times} times in this session"
    if found is not None and tried > limit:
        reason += f", of at most {plain(limit)}: look at its reason ({found.reason or 'none was given'})"
    return CheckResult(
        gate=gate, ok=tried <= limit, reason=reason, value=tried, limit=limit, unit="tries", distance=limit - tried
    )
