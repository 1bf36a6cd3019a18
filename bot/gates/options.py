"""What options ask of an account: its level, standard contracts, covered calls, rolls that pay, lots for stops."""

from __future__ import annotations

import re
from decimal import Decimal

from bot.domain.adoption import CASH_SETTLED
from bot.domain.checks import CheckResult, allowed, at_least, at_most, refused
from bot.domain.exposure import lots_uncovered, shares_free
from bot.domain.instruments import is_option, is_standard_root, parse_option, underlying_of
from bot.domain.ledger import Lot
from bot.domain.money import SHARES_PER_CONTRACT, ZERO, plain
from bot.domain.orders import OrderIntent
from bot.domain.risk import closable
from bot.domain.wheelmath import roll_credit_needed
from bot.gates.case import CANCELS, Case, idle

NO_CALL = "no call is sold"
CLOSES_NOTHING = "it closes nothing"
SHARES_SAID = re.compile(r"(?:multiplier|size|delivers) (\d+(?:\.\d+)?)(?: shares)?", re.ASCII)
"""A part of what is odd about a series that says how many shares one contract stands for."""


def options_level_allows(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow option orders that the account's level permits: 1 sells puts and calls, 2 buys, 3 spreads."""
    gate = "options_level_allows"
    if not intent.opens or not any(is_option(leg.symbol) for leg in intent.legs):
        return idle(gate, "no option is opened")
    needed = Decimal(3 if len(intent.legs) > 1 else 1 if intent.legs[0].side == "sell" else 2)
    least = case.limits.options_level_min
    if least is not None and intent.legs[0].side == "sell":
        needed = max(needed, least)
    account = case.snapshot.account
    approved = account.options_level_approved
    differs = approved is not None and approved != account.options_level
    what = f"the account's options level{f' in effect (approved: {approved})' if differs else ''}"
    return at_least(gate, Decimal(account.options_level), needed, "level", what)


def contract_is_standard(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow opening only standard contracts: 100 shares of the root itself, American (wheel 1.18)."""
    gate = "contract_is_standard"
    if not intent.opens:
        return idle(gate, "no option is opened")
    for leg in intent.legs:
        if not is_option(leg.symbol):
            continue
        root = underlying_of(leg.symbol)
        if not is_standard_root(leg.symbol):
            return refused(gate, f"{leg.symbol} is an adjusted contract")
        if root != intent.underlying:
            return refused(gate, f"{leg.symbol} has the root {root}, expected {intent.underlying}")
        if root in CASH_SETTLED:
            return refused(gate, f"{root} is settled in cash, nothing is delivered")
        odd = _oddity(case, leg.symbol)
        if odd is not None:
            return _not_standard(gate, leg.symbol, odd)
    return allowed(gate, "a standard contract, or shares")


def _oddity(case: Case, symbol: str) -> str | None:
    """Say what is odd about a series by its listing ("" where nobody said what); None where nothing is."""
    contract = parse_option(symbol)
    chain = case.snapshot.chain_of.get((contract.root, contract.right))
    for slab in () if chain is None else chain.slabs:
        if symbol in slab.odd:
            place = slab.odd.index(symbol)
            return slab.odd_why[place] if place < len(slab.odd_why) else ""
    return None


def _not_standard(gate: str, symbol: str, odd: str) -> CheckResult:
    """Refuse a series by what is odd about it, with its number of shares where that is not the standard one."""
    why = f"{symbol} is listed as no standard contract{f': {odd}' if odd else ''}"
    found = next((SHARES_SAID.fullmatch(part) for part in odd.split(", ") if SHARES_SAID.fullmatch(part)), None)
    if found is None:
        return refused(gate, why)
    shares, standard = Decimal(found[1]), SHARES_PER_CONTRACT
    return CheckResult(
        gate=gate, ok=False, reason=why, value=shares, limit=standard, unit="shares", distance=-abs(shares - standard)
    )


def call_is_covered(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow calls on lots that nothing else has claimed (C014 check_covered_call)."""
    gate = "call_is_covered"
    wish = case.wish(intent)
    if wish.whole.calls == 0:
        return idle(gate, NO_CALL)
    if wish.added.calls == 0:
        return allowed(gate, "its lot is kept by the order or roll it follows")
    lots = lots_uncovered(case.snapshot, intent.underlying, case.claims)
    return at_most(gate, wish.added.calls, lots, "lots", "lots it needs, against lots uncovered,")


def call_above_basis(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a call at or above its lot's configured basis; an unknown basis refuses (C014, wheel 1.3)."""
    gate = "call_above_basis"
    wish = case.wish(intent)
    if not wish.sells_call or wish.contract is None:
        return idle(gate, NO_CALL)
    numbers = case.wheel_numbers(intent)
    if numbers is None:
        return refused(gate, f"no call floor is configured for {intent.strategy} on {intent.underlying}")
    lots = _lots_under(intent, case)
    if not lots:
        return refused(gate, f"lot {intent.lot or '(none named)'} of {intent.underlying} is not in our books")
    bases = [getattr(lot, f"basis_{numbers.call_floor}") for lot in lots]
    if any(basis is None for basis in bases):
        return refused(
            gate,
            f"the {numbers.call_floor} basis of {intent.underlying} is unknown: state it with "
            f"`bot adopt {intent.underlying} --basis`",
        )
    return at_least(gate, wish.contract.strike, max(bases), "usd", f"strike, against the {numbers.call_floor} basis,")


def _lots_under(intent: OrderIntent, case: Case) -> tuple[Lot, ...]:
    lots = tuple(lot for lot in case.snapshot.lots_of.get(intent.underlying, ()) if lot.owner != "foreign")
    if intent.lot:
        return tuple(lot for lot in lots if lot.id == intent.lot)
    return tuple(lot for lot in lots if lot.cycle == intent.cycle) or lots if intent.cycle else lots


def roll_earns_its_budget(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a roll's opening leg that pays the buy-back and the minimum, at no worse strike (wheel 1.5)."""
    gate = "roll_earns_its_budget"
    if intent.purpose != "roll_open":
        return idle(gate, "no opening leg of a roll")
    roll = next((one for one in case.snapshot.books.rolls if one.id == intent.roll), None)
    contract, numbers = case.wish(intent).contract, case.wheel_numbers(intent)
    if roll is None or roll.stage != "opening" or contract is None or numbers is None:
        return refused(gate, f"roll {intent.roll or '(none named)'} is not waiting for its opening leg")
    if contract.right != roll.right or intent.underlying != roll.underlying or intent.qty > roll.qty:
        return refused(gate, f"it does not fit: {plain(roll.qty)} {roll.right} of {roll.underlying} are rolled")
    if intent.qty + _opening_beside(intent, case) > roll.qty:
        return refused(gate, f"orders to open {plain(roll.qty)} for roll {roll.id} stand already: its budget pays once")
    worse = contract.strike > roll.old_strike if roll.right == "put" else contract.strike < roll.old_strike
    if worse:
        return refused(gate, f"a {roll.right} at {plain(roll.old_strike)} never rolls to {plain(contract.strike)}")
    needed = roll_credit_needed(roll.budget, numbers.roll_net_min, roll.qty)
    return at_least(gate, intent.limit_price, needed, "usd", "credit per share, against buy-back plus minimum,")


def _opening_beside(intent: OrderIntent, case: Case) -> Decimal:
    """Count contracts that other orders, live or accepted in this tick, open for the same roll."""
    live = (
        order.remaining
        for order in case.snapshot.own_orders
        if order.alive and order.opens and order.roll == intent.roll and order.client_order_id != intent.replaces
    )
    accepted = (other.qty for other in case.accepted if other.opens and other.roll == intent.roll)
    return sum(live, ZERO) + sum(accepted, ZERO)


def position_is_held(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow closing only what is held and no other order is closing already."""
    gate = "position_is_held"
    if intent.action == "cancel":
        return idle(gate, CANCELS)
    wish = case.wish(intent)
    if not wish.whole.closing:
        return idle(gate, CLOSES_NOTHING)
    least: CheckResult | None = None
    for leg in intent.legs:
        if not leg.position_intent.endswith("_to_close"):
            continue
        held = case.snapshot.shares_held(leg.symbol)
        if held == 0 or (held < 0) == (leg.side == "sell"):
            return refused(gate, f"{leg.symbol}: {plain(held)} is held, so there is nothing to {leg.side} to close")
        left = closable(case.snapshot, leg.symbol, case.claims)
        unit = "contracts" if is_option(leg.symbol) else "shares"
        found = at_most(gate, wish.added.closes(leg.symbol), left, unit, f"{leg.symbol} to close, of those left,")
        if least is None or not found.ok:
            least = found
    return least or idle(gate, CLOSES_NOTHING)


def stop_has_shares(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow a stop or sale of shares only up to a long position that no call and no other sale needs (C015)."""
    gate = "stop_has_shares"
    wish = case.wish(intent)
    if wish.whole.shares == 0:
        return idle(gate, "no share is sold")
    if intent.opens:
        return refused(gate, "shares are sold only out of a long position")
    free = shares_free(case.snapshot, intent.underlying, case.claims)
    return at_most(gate, wish.added.shares, free, "shares", "shares it sells, of those no call or order claims,")


def stop_leaves_wheel_lots(intent: OrderIntent, case: Case) -> CheckResult:
    """Refuse a trailing stop on lots of a wheel's symbol unless they are to be protected (wheel 1.14)."""
    gate = "stop_leaves_wheel_lots"
    if intent.purpose != "trailing_stop":
        return idle(gate, "no trailing stop")
    params = case.trailing_params(intent)
    if params is None:
        return refused(gate, f"{intent.strategy} is no trailing-stop strategy of this desk")
    if intent.underlying in params.wheel_symbols and not params.numbers.protect_wheel_lots:
        return refused(gate, f"{intent.underlying} belongs to a wheel and protect_wheel_lots is off: calls need it")
    return allowed(gate, "the lot is free for a stop")
