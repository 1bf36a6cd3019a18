"""May anything be sent now: the halt, unresolved orders, drift, doubted reads, pauses, doubles, foreign things."""

from __future__ import annotations

from bot.domain.adoption import adopt_words
from bot.domain.checks import CheckResult, allowed, at_most, refused
from bot.domain.claims import root_of
from bot.domain.consent import still_asks, wish_name
from bot.domain.halting import HALT_FILE, lifted_by_resume
from bot.domain.holdings import OrderLeg
from bot.domain.instruments import is_coin_pair, is_equity, is_option, is_standard_root
from bot.domain.ledger import HALT_RANK
from bot.domain.money import plain
from bot.domain.orders import UNRESOLVED_STATES, OrderIntent, OwnOrder
from bot.domain.risk import STOP_TYPES, is_protective, keeps_protection
from bot.gates.case import CANCELS, REDUCES, Case, idle

CASH_DRIFT = "CASH"
"""What settlement calls a difference in cash."""


def halt_allows(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow what the halt in force leaves alive (wheel 1.5, 1.7)."""
    gate = "halt_allows"
    halt = case.snapshot.halt
    rank = HALT_RANK[halt.level]
    if rank == 0:
        return idle(gate, "no halt is in force")
    because = f"halt {halt.level}" + (f" by {halt.author}: {halt.reason}" if halt.reason else "")
    if rank >= HALT_RANK["stop"]:
        way = halt.clears if halt.author == HALT_FILE else "clear it with `bot resume`"
        return refused(gate, f"{because}; nothing is sent ({way})")
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return allowed(gate, f"{because}; a cancellation adds no risk")
    if intent.purpose == "roll_close" and all(roll.id != intent.roll for roll in case.snapshot.books.rolls):
        return refused(gate, f"{because}; no roll starts under a halt")
    if wish.reduces:
        return allowed(gate, f"{because}; it reduces risk")
    if wish.kind == "roll":
        return refused(gate, f"{because}; a roll in flight drops its opening leg")
    if rank == HALT_RANK["no_new_risk"] and wish.sells_call and case.limits.covered_calls_under_no_new_risk:
        return allowed(gate, f"{because}; covered calls are allowed under no_new_risk")
    way = "clear it with `bot resume`" if lifted_by_resume(halt) or not halt.clears else f"it clears {halt.clears}"
    return refused(gate, f"{because}; it adds risk ({way})")


def protection_stays(intent: OrderIntent, case: Case) -> CheckResult:
    """Let a resting stop go only for a stop or sale of the same shares, or by `cancel_stop` while no halt is in force.

    (design 15, wheel 1.7)
    """
    gate = "protection_stays"
    wish = case.wish(intent)
    stop = wish.predecessor
    if stop is None or not is_protective(stop):
        return idle(gate, "it removes no stop")
    if intent.action == "cancel":
        if intent.purpose != "cancel_stop":
            return refused(gate, f"{stop.client_order_id} is a protective stop: only `cancel_stop` takes it away")
        if HALT_RANK[case.snapshot.halt.level] > 0:
            return refused(gate, f"halt {case.snapshot.halt.level}: no halt removes a resting protective order")
        if _doubted(intent.underlying, case):
            return refused(gate, f"what is held of {intent.underlying} is in doubt: its stop stays until it is known")
        if still_asks(intent.strategy, case.desk.approvals, case.snapshot.books.entries_sent):
            return refused(
                gate,
                f"the call that would take its place waits for your word, and the shares would lie bare meanwhile: set "
                f'approve = "never" for {intent.strategy}, or protect_wheel_lots = false',
            )
        return allowed(gate, "the strategy gives its own stop up, and no halt is in force")
    if keeps_protection(wish.whole, stop):
        return allowed(gate, "the shares of the stop are stopped again or sold")
    return refused(gate, f"it would leave shares of {stop.client_order_id} without their stop")


def _doubted(symbol: str, case: Case) -> bool:
    """Say whether the shares read cannot be believed: they differ from the books, or the list is suddenly empty."""
    snapshot = case.snapshot
    if not snapshot.positions and snapshot.books.last_positions:
        return True
    return any(drift.symbol == symbol for drift in snapshot.books.drift)


def follow_up_allows(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow exits, cancellations and reprices in a follow-up tick; anything new waits for the next slot (design 14).

    A reprice has the very legs of the working order it replaces, for no more than is left of it.
    """
    gate = "follow_up_allows"
    number = case.snapshot.follow_up
    if not number:
        return idle(gate, "no follow-up")
    wish = case.wish(intent)
    if wish.kind == "cancel" or wish.reduces:
        return idle(gate, CANCELS if wish.kind == "cancel" else REDUCES)
    old = wish.predecessor
    if old is None or not old.opens or set(old.legs) != set(intent.legs):
        return refused(gate, f"follow-up {number} of its slot: exits and reprices only, new orders wait for a slot")
    return at_most(gate, intent.qty, old.remaining, "units", f"follow-up {number}: reprice of what is left, quantity")


def nothing_unresolved(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only where every order of ours on the underlying is accounted for (design 10)."""
    gate = "nothing_unresolved"
    wish = case.wish(intent)
    if wish.reduces or wish.kind == "cancel":
        return idle(gate, REDUCES if wish.reduces else CANCELS)
    for order in case.snapshot.orders_on.get(intent.underlying, ()):
        if order.state in UNRESOLVED_STATES:
            return refused(
                gate,
                f"order {order.client_order_id} on {intent.underlying} is {order.state}: nobody knows yet whether "
                "it filled; it ends by proof alone, and every tick looks for it",
            )
    return allowed(gate, "every order on the underlying is accounted for")


def no_drift(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only where broker and books agree; while a change is pending no sale either (wheel 1.11).

    Money that nobody can explain is no matter of one symbol: it refuses new risk everywhere (design 12).
    """
    gate = "no_drift"
    wish = case.wish(intent)
    if wish.kind == "cancel":
        return idle(gate, CANCELS)
    for drift in case.snapshot.books.drift:
        everywhere = drift.symbol == CASH_DRIFT and drift.kind == "unexplained"
        if root_of(drift.symbol) != intent.underlying and not everywhere:
            continue
        sells = any(leg.side == "sell" for leg in intent.legs)
        if wish.reduces and not (sells and drift.kind == "pending"):
            continue
        return refused(
            gate,
            f"{drift.symbol} differs ({drift.kind}): {drift.what}; broker {plain(drift.broker)}, "
            f"ours {plain(drift.ours)}",
        )
    return allowed(gate, "broker and books agree here")


def positions_are_known(intent: OrderIntent, case: Case) -> CheckResult:
    """Refuse to trade on an empty list of positions after a full one (design 12)."""
    gate = "positions_are_known"
    if intent.action == "cancel":
        return idle(gate, CANCELS)
    before = case.snapshot.books.last_positions
    if case.snapshot.positions or not before:
        return allowed(gate, "the positions agree with a complete read")
    return refused(
        gate,
        f"the broker shows no position, and {len(before)} at the last settlement: an empty read is never read as flat",
    )


def holdings_are_understood(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only while the most that everything held can lose is known (design 7).

    A short share has no such number, and neither has a symbol that names no share and no option series. A fraction of a
    share has: it counts, and no order uses it.
    """
    gate = "holdings_are_understood"
    wish = case.wish(intent)
    if wish.reduces or wish.kind == "cancel":
        return idle(gate, REDUCES if wish.reduces else CANCELS)
    for one in case.snapshot.positions:
        symbol, qty = one.position.symbol, one.position.qty
        if is_option(symbol):
            continue
        if is_coin_pair(symbol) or not is_equity(symbol):
            return refused(
                gate,
                f"the account holds {plain(qty)} {symbol!r}, no share and no option series this program knows, so what "
                "it can lose is unknown: close it at the broker, or give it an account of its own",
            )
        if qty < 0:
            return refused(
                gate,
                f"the account is short {plain(-qty)} shares of {symbol}, whose loss has no bound: buy them back at the "
                "broker",
            )
    return allowed(gate, "what everything held can lose is known")


def symbol_not_paused(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow new risk only where no pause is in force."""
    gate = "symbol_not_paused"
    wish = case.wish(intent)
    if wish.reduces or wish.kind == "cancel":
        return idle(gate, REDUCES if wish.reduces else CANCELS)
    for pause in case.snapshot.books.pauses:
        if pause.symbol in ("*", intent.underlying) and pause.until > case.snapshot.at:
            return refused(gate, f"{pause.symbol} is paused until {pause.until:%Y-%m-%d %H:%M} UTC: {pause.reason}")
    return allowed(gate, "no pause is in force")


def owner_is_ours(intent: OrderIntent, case: Case) -> CheckResult:
    """Allow only orders and positions that are ours or adopted; an adjusted contract only a person closes."""
    gate = "owner_is_ours"
    if intent.replaces and case.wish(intent).predecessor is None:
        return refused(gate, f"{intent.replaces} is no live order of ours: foreign orders are never touched")
    for leg in intent.legs:
        if leg.position_intent.endswith("_to_open"):
            continue
        if not is_standard_root(leg.symbol) and intent.purpose != "owner_close":
            return refused(
                gate, f"{leg.symbol} is an adjusted contract: it is frozen, and only a person closes it (`bot close`)"
            )
        if leg.symbol not in case.snapshot.position_of:
            continue
        if case.standing.ours.get(leg.symbol, 0) < intent.qty * leg.ratio:
            way = adopt_words(leg.symbol, case.snapshot.position_of[leg.symbol].qty)
            return refused(
                gate,
                f"{leg.symbol}: {plain(case.standing.ours.get(leg.symbol, intent.qty * 0))} of it is ours and "
                f"{plain(intent.qty * leg.ratio)} is asked; {way}",
            )
    return _of_other_lots(gate, intent, case) or allowed(gate, "everything it touches is ours")


def _of_other_lots(gate: str, intent: OrderIntent, case: Case) -> CheckResult | None:
    """Refuse a sale of a strategy on bars out of shares that are not its own lot's; None where that says nothing."""
    if intent.opens or intent.action == "cancel" or case.bar_params(intent) is None:
        return None
    lot = next((one for one in case.snapshot.books.lots if one.id == intent.lot), None)
    if lot is None or lot.strategy != intent.strategy or lot.owner == "foreign":
        whose = f"lot {intent.lot or '(none named)'} is {lot.strategy + chr(39) + 's' if lot else 'not in our books'}"
        return refused(gate, f"{whose}: {intent.strategy} sells its own lots only")
    if intent.qty > lot.qty:
        return at_most(gate, intent.qty, lot.qty, "shares", f"shares of lot {lot.id} it sells, of those there:")
    return None


def _against(leg: OrderLeg, intent: OrderIntent, order: OwnOrder | OrderIntent) -> bool:
    """Say whether a purchase of shares would stand against a sale of them that is to fill now: a wash trade."""
    buys = any(one.position_intent == "buy_to_open" and one.symbol == leg.symbol for one in intent.legs)
    return buys and leg.side == "sell" and not is_option(leg.symbol) and order.order_type not in STOP_TYPES


def not_a_duplicate(intent: OrderIntent, case: Case) -> CheckResult:
    """Refuse what is being done already: one working order per series and side, one stop per lot, one order a wish."""
    gate = "not_a_duplicate"
    for wish in case.granted:
        if intent.replaces and wish.intent.replaces == intent.replaces:
            return refused(gate, f"another order of this tick already replaces or cancels {intent.replaces}")
    if intent.action == "cancel":
        return allowed(gate, "nothing else cancels this order")
    if any(other.action == "submit" and wish_name(other) == wish_name(intent) for other in case.accepted):
        return refused(gate, f"{intent.strategy} {intent.purpose} {intent.key} is carried out in this tick already")
    words = {(leg.symbol, leg.position_intent) for leg in intent.legs}
    others: tuple[tuple[str, OwnOrder | OrderIntent], ...] = (
        *((f"order {order.client_order_id}", order) for order in case.snapshot.orders_on.get(intent.underlying, ())),
        *((f"{other.strategy} {other.purpose} of this tick", other) for other in case.accepted),
    )
    for name, order in others:
        if isinstance(order, OwnOrder) and order.client_order_id == intent.replaces:
            continue
        if order.lot and intent.lot and order.lot != intent.lot:
            continue  # two lots may each have their own stop or call in one series
        for leg in order.legs:
            if (leg.symbol, leg.position_intent) in words:
                return refused(gate, f"{name} already works on {leg.symbol} {leg.position_intent}")
            if _against(leg, intent, order):
                return refused(gate, f"{name} sells {leg.symbol}: a broker takes no order against one's own")
    return allowed(gate, "no other order does the same")
