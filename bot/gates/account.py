"""What the account bears: its standing, equity, free cash, buying power."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, allowed, at_least, at_most, refused
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent
from bot.gates.case import CANCELS, REDUCES, Case, idle

_NO_LOSS = "it adds no loss of its own"


def account_is_active(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only on an active account in dollars that the broker has not blocked."""
    gate = "account_is_active"
    wish = case.wish(intent)
    if wish.reduces or wish.kind == "cancel":
        return idle(gate, REDUCES if wish.reduces else CANCELS)
    account = case.snapshot.account
    if account.blocked or account.status.upper() != "ACTIVE":
        return refused(
            gate, f"the broker says {account.status}{', blocked' if account.blocked else ''}: ask the broker"
        )
    if account.currency != "USD":
        return refused(gate, f"expected an account in USD, got {account.currency}")
    return allowed(gate, "the account is active")


def equity_is_enough(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only from a least equity on (own marks, wheel 1.13)."""
    gate = "equity_is_enough"
    if not case.wish(intent).adds_loss:
        return idle(gate, _NO_LOSS)
    return at_least(gate, case.snapshot.equity, case.limits.equity_min, "usd", "equity")


def cash_is_not_negative(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only while the account owes nothing: buying power can be positive on negative cash (wheel 1.1)."""
    gate = "cash_is_not_negative"
    if not case.wish(intent).adds_loss:
        return idle(gate, _NO_LOSS)
    return at_least(gate, case.snapshot.account.cash, ZERO, "usd", "cash")


def buffer_of(case: Case) -> Decimal:
    """Give the cash kept free: a share of equity, at least a fixed sum, in dollars."""
    share, least = case.limits.cash_buffer_share, case.limits.cash_buffer_min
    return max(share * case.snapshot.equity if share is not None else ZERO, least if least is not None else ZERO)


def collateral_is_free(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow what free cash less the buffer secures (wheel 2.6, C013 check_csp)."""
    gate = "collateral_is_free"
    wish = case.wish(intent)
    needed = wish.added.collateral + wish.added.cash
    free = case.free_cash
    room = free.value - buffer_of(case)
    if needed <= 0:
        return CheckResult(gate=gate, ok=True, reason="it needs no cash", value=ZERO, limit=room, unit="usd")
    unsaid = f" (the broker did not say: {', '.join(free.dropped)})" if free.dropped else ""
    return at_most(gate, needed, room, "usd", f"cash it would tie up, against free cash less the buffer{unsaid},")


def options_buying_power_covers(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow what the broker's own figure covers, as a second upper bound (wheel 1.1, 2.6)."""
    gate = "options_buying_power_covers"
    wish = case.wish(intent)
    power = case.snapshot.account.options_buying_power
    if power is None:
        return idle(gate, "the broker does not say its options buying power")
    # Of a roll's opening leg the broker asks the whole: it released the old collateral with the buy-back.
    needed = wish.whole.collateral if wish.kind == "roll" else wish.added.collateral
    if needed <= 0:
        return idle(gate, "it needs no collateral")
    for granted in case.granted:
        needed += granted.whole.collateral if granted.kind == "roll" else granted.added.collateral
    return at_most(gate, needed, power, "usd", "new collateral of this tick, against the broker's buying power,")
