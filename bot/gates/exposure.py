"""How much in one place: shares and puts per symbol, group and account, the loss of an order and of the book.

These refuse only what raises their own figure: what adds nothing passes and shows it (wheel 1.2).
"""

from __future__ import annotations

from decimal import Decimal

from bot.domain.checks import CheckResult, refused
from bot.domain.exposure import reserved_series, symbol_exposure
from bot.domain.money import ZERO
from bot.domain.orders import OrderIntent
from bot.domain.risk import stress_loss
from bot.gates.case import CANCELS, OPENS_NOTHING, Case, count_at_most, idle, share_at_most


def symbol_share_within(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow exposure to one underlying up to its share of equity; the first contract has a wider one (wheel 2.7)."""
    gate = "symbol_share_within"
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return idle(gate, CANCELS)
    before = symbol_exposure(case.snapshot, intent.underlying, case.claims)
    added = wish.added.exposure
    limit, what = case.limits.symbol_share, f"exposure to {intent.underlying}"
    if added > 0 and before is not None and intent.qty == 1 and wish.whole.contracts > 0:
        replaced = wish.whole.exposure - added
        if before - replaced <= 0:
            limit, what = case.limits.symbol_share_first, f"the first contract on {intent.underlying}:"
    after = None if before is None else before + added
    return share_at_most(gate, after, case.snapshot.equity, limit, what, adds=added > 0)


def group_share_within(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow exposure to names that fall together up to their share of equity; an unknown group is refused."""
    gate = "group_share_within"
    wish = case.wish(intent)
    limit = case.limits.group_share
    if wish.kind == "cancel" or limit is None:
        return idle(gate, CANCELS if limit is not None else "no limit is set (off)")
    info = case.desk.universe.get(intent.underlying)
    added = wish.added.exposure
    if info is None or not info.group:
        if added <= 0:
            return idle(gate, "it adds nothing, and the group is unknown")
        return refused(
            gate, f"{intent.underlying} has no group in the universe: name one in desk.toml, or set group_share to off"
        )
    total: Decimal | None = ZERO
    for symbol in case.standing.underlyings | {claim.underlying for claim in case.claims}:
        other = case.desk.universe.get(symbol)
        if other is not None and other.group == info.group:
            exposure = symbol_exposure(case.snapshot, symbol, case.claims)
            if exposure is None:
                total = None
                break
            total = (total or ZERO) + exposure
    after = None if total is None else total + added
    return share_at_most(gate, after, case.snapshot.equity, limit, f"group {info.group}", adds=added > 0)


def put_collateral_within(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow collateral of all short puts up to its share of equity."""
    gate = "put_collateral_within"
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return idle(gate, CANCELS)
    added = wish.added.collateral
    total = case.standing.collateral + sum((claim.collateral for claim in case.claims), ZERO) + added
    limit = case.limits.put_collateral_share
    return share_at_most(gate, total, case.snapshot.equity, limit, "collateral of all puts", adds=added > 0)


def stress_loss_within(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a loss of the whole book at -20 % up to its share of equity (wheel 1.2, 2.18)."""
    gate = "stress_loss_within"
    wish = case.wish(intent)
    limit = case.limits.stress_loss_share
    if wish.kind == "cancel" or limit is None:
        return idle(gate, CANCELS if limit is not None else "no limit is set (off)")
    if wish.stress is None:
        return refused(gate, f"{intent.underlying} has no price: what a fall of 20 % would cost is unknown")
    added = wish.stress
    total = stress_loss(case.snapshot)
    if total is not None:
        total += added + sum((granted.stress or ZERO for granted in case.granted), ZERO)
        total = max(total, ZERO)
    return share_at_most(gate, total, case.snapshot.equity, limit, "loss of the book at -20 %", adds=added > 0)


def order_loss_within(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow one order to lose up to its share of equity, its underlying at zero (wheel 2.18)."""
    gate = "order_loss_within"
    wish = case.wish(intent)
    if wish.kind in ("cancel", "exit"):
        return idle(gate, OPENS_NOTHING)
    loss = wish.loss
    if loss is None and case.limits.order_loss_share is not None:
        return refused(gate, "the most it can lose is unknown")
    limit = case.limits.order_loss_share
    return share_at_most(gate, loss, case.snapshot.equity, limit, "the most it can lose", adds=loss != 0)


def contracts_within_symbol(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow short contracts on one underlying up to the cap; covered calls are bounded by lots (wheel 1.2)."""
    gate = "contracts_within_symbol"
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return idle(gate, CANCELS)
    symbol, added = intent.underlying, wish.added.puts
    total = case.standing.on(symbol).puts + added
    total += sum((claim.puts for claim in case.claims if claim.underlying == symbol), ZERO)
    limit = case.limits.contracts_per_symbol
    return count_at_most(gate, total, limit, "contracts", f"short contracts on {symbol}", adds=added > 0)


def put_series_within_symbol(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow short put series on one underlying up to the cap, whatever their quantity (C013)."""
    gate = "put_series_within_symbol"
    symbol = intent.underlying
    before = _series(case, symbol)
    after = _series_after(intent, case, before)
    limit = case.limits.put_series_per_symbol
    return count_at_most(
        gate, Decimal(len(after)), limit, "series", f"short put series on {symbol}", adds=len(after) > len(before)
    )


def put_series_within_total(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow short put series of the whole account up to the cap (C013)."""
    gate = "put_series_within_total"
    here = _series(case, intent.underlying)
    after = _series_after(intent, case, here)
    total = case.standing.series_total - len(case.standing.on(intent.underlying).series) + len(after)
    for symbol in {claim.underlying for claim in case.claims if claim.series} - {intent.underlying}:
        total += len(_series(case, symbol)) - len(case.standing.on(symbol).series)
    limit = case.limits.put_series_total
    what = "short put series in all"
    return count_at_most(gate, Decimal(total), limit, "series", what, adds=len(after) > len(here))


def _series(case: Case, symbol: str) -> set[str]:
    """Short put series on a symbol: open, working, kept for rolls, accepted in this tick."""
    series = case.standing.on(symbol).series
    extra: set[str] = set()
    filled: set[str] = set()
    for wish in case.granted:
        if wish.whole.series and wish.intent.underlying == symbol:
            extra.update(wish.whole.series)
            if wish.intent.purpose == "roll_open":
                filled.add(reserved_series(wish.intent.roll))
    return (series | extra) - filled if extra else series


def _series_after(intent: OrderIntent, case: Case, before: set[str]) -> set[str]:
    wish = case.wish(intent)
    if not wish.whole.series:
        return before
    leaving: set[str] = set()
    if intent.purpose == "roll_open":
        leaving.add(reserved_series(intent.roll))
    old = wish.predecessor
    if old is not None and old.filled_qty == 0:
        gone = case.standing.claims[old.client_order_id].series
        leaving.update(symbol for symbol in gone if symbol not in case.snapshot.position_of)
    return (before - leaving) | set(wish.whole.series)


def underlyings_within(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow underlyings held or shorted up to the cap; held shares count, whoever owns them."""
    gate = "underlyings_within"
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return idle(gate, CANCELS)
    names = case.standing.underlyings | {claim.underlying for claim in case.claims if claim.contracts or claim.cash}
    adds = intent.opens and intent.underlying not in names
    limit = case.limits.open_underlyings
    return count_at_most(gate, Decimal(len(names) + adds), limit, "underlyings", "underlyings in use", adds=adds)
