"""The fold: every intent past every gate, one after the other (design 6, 8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain.checks import CheckResult, refused
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.risk import reduces_risk
from bot.domain.snapshot import Snapshot
from bot.gates import (
    account,
    approval,
    exposure,
    form,
    invariants,
    market,
    options,
    pacing,
    plausible,
    prices,
    repetition,
    safety,
    turnover,
)
from bot.gates.case import Case, Gate

_IN_ORDER: tuple[Gate, ...] = (
    form.intent_is_well_formed,
    form.shape_is_known,
    form.quantities_are_whole,
    safety.halt_allows,
    safety.protection_stays,
    safety.follow_up_allows,
    safety.nothing_unresolved,
    safety.no_drift,
    invariants.invariants_hold,
    safety.positions_are_known,
    safety.holdings_are_understood,
    safety.symbol_not_paused,
    safety.owner_is_ours,
    safety.not_a_duplicate,
    approval.approval_is_given,
    account.account_is_active,
    market.session_is_open,
    market.entry_window_is_open,
    market.expiry_is_later,
    market.expiring_series_has_time,
    market.symbol_not_halted,
    market.feed_is_accepted,
    market.quote_is_valid,
    market.quote_is_fresh,
    market.spread_is_narrow,
    market.underlying_spread_is_narrow,
    market.open_interest_is_enough,
    prices.price_is_on_grid,
    prices.price_within_collar,
    plausible.price_is_plausible,
    prices.spread_price_has_its_sign,
    prices.reprice_stays_in_bounds,
    options.options_level_allows,
    options.contract_is_standard,
    options.position_is_held,
    options.stop_has_shares,
    options.stop_leaves_wheel_lots,
    options.call_is_covered,
    options.call_above_basis,
    options.roll_earns_its_budget,
    account.equity_is_enough,
    account.cash_is_not_negative,
    account.collateral_is_free,
    account.options_buying_power_covers,
    exposure.order_loss_within,
    exposure.symbol_share_within,
    exposure.group_share_within,
    exposure.put_collateral_within,
    exposure.stress_loss_within,
    exposure.contracts_within_symbol,
    exposure.put_series_within_symbol,
    exposure.put_series_within_total,
    exposure.underlyings_within,
    pacing.contracts_within_tick,
    pacing.contracts_within_day,
    pacing.contracts_within_symbol_day,
    pacing.orders_within_tick,
    pacing.orders_within_window,
    pacing.orders_within_day,
    pacing.exits_within_tick,
    pacing.exits_within_day,
    pacing.exit_reprices_within_day,
    pacing.round_trips_within_day,
    turnover.turnover_within_window,
    turnover.turnover_within_day,
    repetition.entry_cooldown_is_over,
    repetition.loss_cooldown_is_over,
    repetition.rejections_are_few,
)

GATES: tuple[tuple[str, Gate], ...] = tuple((gate.__name__, gate) for gate in _IN_ORDER)
"""Every gate by name, in the order in which they are asked and shown."""


def judge(
    intents: Sequence[OrderIntent], case: Case, priorities: Mapping[str, int] | None = None
) -> tuple[Verdict, ...]:
    """Judge intents in order, each in the light of those approved before it.

    What reduces risk goes first, then `priorities` by strategy (lower first, unknown ones last), the strategy's
    name, and the order of the plan. Verdicts come back in the order judged.
    """
    ranks = priorities or {}
    last = max(ranks.values(), default=0) + 1
    snapshot = case.snapshot

    def place(numbered: tuple[int, OrderIntent]) -> tuple[bool, int, str, int]:
        number, intent = numbered
        return (not _goes_first(intent, snapshot), ranks.get(intent.strategy, last), str(intent.strategy), number)

    verdicts: list[Verdict] = []
    for _, intent in sorted(enumerate(intents), key=place):
        verdict = judge_one(intent, case)
        verdicts.append(verdict)
        if verdict.approved:
            case = case.accepting(intent)
    return tuple(verdicts)


def judge_one(intent: OrderIntent, case: Case, gates: Sequence[tuple[str, Gate]] = GATES) -> Verdict:
    """Put one intent before every gate and keep every answer."""
    checks: list[CheckResult] = []
    for name, gate in gates:
        try:
            checks.append(gate(intent, case))
        except Exception as error:  # noqa: BLE001
            # Whatever goes wrong inside a gate, an order that was not judged must not leave (design 8): the fault
            # becomes a stated refusal, and the other gates are still asked.
            checks.append(refused(name, f"the gate failed, so it refuses: {type(error).__name__}: {error}"))
    return Verdict(intent=intent, checks=tuple(checks))


def _goes_first(intent: OrderIntent, snapshot: Snapshot) -> bool:
    try:
        return reduces_risk(intent, snapshot)
    except Exception:  # noqa: BLE001
        # A malformed intent cannot be weighed; it takes its turn among the entries, and the gates say what is wrong.
        return False
