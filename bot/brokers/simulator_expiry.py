"""What becomes of options at a close: exercise, assignment, pin, early assignment. Pure; chances by hash.

In the money means by a cent or more at the close. A short option within 1 % of its strike at the close of its
expiry is pinned: each contract is assigned or expires by an even chance, in either direction (wheel 1.17).
Before an ex-date a short call in the money whose extrinsic value is below the dividend is assigned early with
EARLY_CALL_CHANCE; a put with next to no extrinsic value any night with EARLY_PUT_CHANCE.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from bot.brokers.simulator_matching import draw
from bot.domain.instruments import Contract
from bot.domain.money import CENT, ZERO
from bot.domain.wheelmath import intrinsic

PIN_FRACTION = Decimal("0.01")
PIN_CHANCE = 0.5
EARLY_CALL_CHANCE = 0.8
EARLY_PUT_CHANCE = 0.05
NO_EXTRINSIC = Decimal("0.02")


def pinned(contract: Contract, spot: Decimal) -> bool:
    """Say whether the close lies within 1 % of the strike."""
    return abs(spot - contract.strike) <= contract.strike * PIN_FRACTION


def taken_at_expiry(contract: Contract, qty: Decimal, spot: Decimal, account_id: str) -> Decimal:
    """Count the contracts exercised (long) or assigned (short) at expiry; the rest expire."""
    size = abs(qty)
    if qty < 0 and pinned(contract, spot):
        return _drawn(size, PIN_CHANCE, account_id, "pin", contract.symbol)
    return size if intrinsic(contract.right, contract.strike, spot) >= CENT else ZERO


def assigned_early(
    contract: Contract,
    qty: Decimal,
    spot: Decimal,
    mid: Decimal | None,
    dividend: Decimal,
    night: date,
    account_id: str,
) -> Decimal:
    """Count the short contracts assigned on the night after a session.

    `dividend` is what goes ex at the next session, dollars per share; `mid` the option's at the close, None
    reads as no extrinsic value.
    """
    worth = intrinsic(contract.right, contract.strike, spot)
    if qty >= 0 or worth < CENT:
        return ZERO
    extrinsic = max(mid - worth, ZERO) if mid is not None else ZERO
    if contract.right == "call":
        chance = EARLY_CALL_CHANCE if extrinsic < dividend else 0.0
    else:
        chance = EARLY_PUT_CHANCE if extrinsic <= NO_EXTRINSIC else 0.0
    return _drawn(-qty, chance, account_id, "early", contract.symbol, night.isoformat())


def _drawn(contracts: Decimal, chance: float, *parts: str) -> Decimal:
    return Decimal(sum(1 for number in range(int(contracts)) if draw(*parts, str(number)) < chance))
