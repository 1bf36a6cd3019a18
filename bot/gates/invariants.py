"""May risk be added while the house's own numbers are off: orders nobody remembers, stops beyond what is held."""

from __future__ import annotations

from bot.domain.checks import CheckResult, allowed, refused
from bot.domain.invariants import DOUBLED, ORPHANS
from bot.domain.money import plain
from bot.domain.orders import OrderIntent
from bot.gates.case import CANCELS, REDUCES, Case, idle


def invariants_hold(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only without orders in our name that the ledger does not know, and without doubled stops.

    An orphan refuses everywhere: what else was lost with it is unknown. Stops beyond the shares held refuse on their
    symbol. What the books cannot explain is refused by `no_drift`.
    """
    gate = "invariants_hold"
    wish = case.wish(intent)
    if wish.reduces or wish.kind == "cancel":
        return idle(gate, REDUCES if wish.reduces else CANCELS)
    for one in case.snapshot.invariants:
        if one.ok:
            continue
        if one.name == ORPHANS:
            return refused(
                gate,
                f"{plain(one.value)} live in this desk's name and unknown to its ledger: {one.detail}; cancel it at "
                "the broker, and adopt what it filled (`bot adopt SYMBOL`)",
            )
        if one.name == DOUBLED and intent.underlying in one.symbols:
            return refused(gate, f"more shares are under stops than are held: {one.detail}; cancel one at the broker")
    return allowed(gate, "no orphan order, and no stop beyond what is held")
