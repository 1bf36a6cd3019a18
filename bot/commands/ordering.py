"""`bot order`: what left without a proven answer, and a person's word that ends it (design 11).

The broker is asked first: what it shows is never talked away, and what it does not show is never talked into being.
The word is kept with author and reason, chained like everything else; nothing is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.commands.looking import nothing_yet, print_json, show, typed_before
from bot.commands.opening import open_ledger, warn
from bot.commands.owner import author
from bot.domain.errors import BotError, StoreError, TryLater, UsageError
from bot.domain.holdings import Activity, BrokerOrder
from bot.domain.money import plain
from bot.domain.orders import UNRESOLVED_STATES, OwnOrder
from bot.domain.sessions import new_york_day
from bot.report.words import ago, filled_text, home_lines, new_york
from bot.store.journal import LedgerJournal
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.store.resolving import Said, knows_broker_id, resolve_order
from bot.wiring import House, environment_of, load_house, looking_broker, make_market, moment, wall_clock

LATE = timedelta(minutes=5)
"""A request that left may still arrive this long after: before that nobody can say that it never will."""
BEFORE = timedelta(days=90)
"""How much earlier than an order was planned the broker's list is read: others' orders may rest as long."""


class Shown(NamedTuple):
    """What the broker says that may be about an order: itself under our id, all it lists, and the fills since."""

    itself: BrokerOrder | None
    listed: tuple[BrokerOrder, ...]
    fills: tuple[Activity, ...]

    def under(self, broker_order_id: str) -> BrokerOrder | None:
        """Give the order the broker keeps under an id of its own."""
        found = [one for one in (self.itself, *self.listed) if one is not None]
        return next((one for one in found if one.broker_order_id == broker_order_id), None)


def run_order_list(env: str, *, as_json: bool) -> None:
    """List what left without a proven answer: since when, why, and what to type."""
    house = load_house(env)
    warn(house)
    prefix = typed_before(env, house)
    if not ledger_exists(house.home):
        raise StoreError(nothing_yet(house, prefix))
    now = wall_clock()
    with open_for_questions(house.home) as ledger:
        rows = [_object(one, _why(ledger, one)) for one in ledger.open_orders() if one.state in UNRESOLVED_STATES]
    if as_json:
        print_json({"home": str(house.home), "orders": rows})
        return
    if not rows:
        show(["every order of ours is accounted for", *home_lines(str(house.home), prefix, "bot status")])
        return
    lines = [f"{len(rows)} left without a proven answer: no new risk on the underlying until it ends by proof"]
    for row in rows:
        since = datetime.fromisoformat(row["since"])
        lines += filled_text(
            f"{row['client_order_id']}: {row['wish']}, {row['state']} since {new_york(since)} ({ago(since, now)}): "
            f"{row['why']}", hanging="  ",
        )  # fmt: skip
    lines += filled_text(
        "every tick looks for it, and two complete readings after its session prove it absent; or look at the broker "
        "yourself and say what you see"
    )
    commands = (f"bot order resolve {rows[0]['client_order_id']} --never-arrived",
                f"bot order resolve {rows[0]['client_order_id']} --at-broker BROKER_ID")  # fmt: skip
    show([*lines, *home_lines(str(house.home), prefix, *commands)])


def _why(ledger: Ledger, order: OwnOrder) -> str:
    """Give the words of the last step that had any."""
    reasons = [step.reason for step in ledger.transitions_of(order.client_order_id) if step.reason]
    return reasons[-1] if reasons else "it was written down as leaving, and no answer was recorded"


def _object(order: OwnOrder, why: str) -> dict[str, str]:
    return {
        "client_order_id": order.client_order_id, "underlying": order.underlying, "wish": _wish(order),
        "state": order.state, "since": order.planned_at.isoformat(), "why": why,
    }  # fmt: skip


def _wish(order: OwnOrder) -> str:
    legs = " and ".join(f"{leg.position_intent} {leg.symbol}" for leg in order.legs)
    return f"{plain(order.qty)} {legs}"


def run_order_resolve(
    env: str, *, order_id: str, never_arrived: bool, at_broker: str, reason: str, at: str
) -> None:  # fmt: skip
    """End an order without a proven answer by a person's word, unless the broker's own record says otherwise."""
    if never_arrived == bool(at_broker.strip()):
        raise UsageError(
            "say what became of it: --never-arrived, or --at-broker with the id the broker shows for it, not both"
        )
    house = load_house(env)
    warn(house)
    now = moment(at, house.settings, wall_clock()) or wall_clock()
    with open_ledger(house, f"bot order resolve {order_id}", wall_clock()) as journal:
        order = _unresolved(journal, order_id)
        shown = _ask(house, journal, order, now)
        said = Said("never_arrived", author(), reason)
        if never_arrived:
            _refuse_what_arrived(journal, order, shown, now)
        else:
            found = _refuse_another(journal, order, shown, at_broker.strip())
            said = Said("at_broker", author(), reason, found.broker_order_id, found.status)
        resolve_order(journal.database, order_id, said, now)
    print(f"{order_id} ({_wish(order)}) was {order.state}, {ago(order.planned_at, now)}")
    if never_arrived:
        print(f"it never reached the broker, by the word of {said.author}: not sent; it holds nothing on "
              f"{order.underlying} any more")  # fmt: skip
    else:
        print(f"the broker has it as {said.broker_order_id} ({said.status}), by the word of {said.author}: working; "
              "the next tick takes its fills from there")  # fmt: skip
    print(f"home {house.home}")


def _unresolved(journal: LedgerJournal, order_id: str) -> OwnOrder:
    order = journal.find_own(order_id)
    if order is None:
        raise UsageError(f"no order {order_id!r} is known here: `bot order list` names what is unresolved")
    if order.state not in UNRESOLVED_STATES:
        told = f"{order.state} ({order.status})" if order.status else order.state
        raise UsageError(f"order {order_id} is {told}: nothing about it is unproved, and nothing was changed")
    return order


def _ask(house: House, journal: LedgerJournal, order: OwnOrder, now: datetime) -> Shown:
    """Ask the broker all it says of an order; raises BrokerError where it does not say, ForeignStore at another's."""
    account = journal.stamped_account()
    market = make_market(house, lambda: now)
    with looking_broker(house, market, lambda: now, account=account) as broker:
        journal.stamp(broker.name, environment_of(house.settings), broker.read_account().id)
        listed = broker.read_orders(order.planned_at - BEFORE)
        itself = next((one for one in listed if one.client_order_id == order.client_order_id), None)
        if itself is None and broker.traits.lookup_by_id:
            itself = broker.find_order(order.client_order_id)
        symbols = {leg.symbol for leg in order.legs}
        fills = tuple(
            line
            for line in broker.read_activities(new_york_day(order.planned_at))
            if line.kind == "FILL" and line.symbol in symbols and line.at >= order.planned_at
        )
    return Shown(itself, listed, fills)


def _refuse_what_arrived(journal: LedgerJournal, order: OwnOrder, shown: Shown, now: datetime) -> None:
    """Refuse to say of an order that it never arrived where the broker shows it, or may show it yet."""
    name = order.client_order_id
    if shown.itself is not None:
        found = shown.itself
        raise BotError(
            f"the broker shows order {name} as {found.broker_order_id} ({found.status}, {plain(found.filled_qty)} of "
            f"{plain(found.qty)} filled): it arrived, and nothing was changed; the next tick takes it up, or `bot "
            f"order resolve {name} --at-broker {found.broker_order_id}` does"
        )
    if now - order.planned_at < LATE:
        raise TryLater(
            f"order {name} left {ago(order.planned_at, now)}: a request may still arrive; nothing was changed, ask "
            f"again after {new_york(order.planned_at + LATE)}"
        )
    for line in shown.fills:
        if _explained(journal, line, shown.listed):
            continue
        raise BotError(
            f"the broker's history shows {plain(line.qty)} {line.symbol} filled at {new_york(line.at)} under its order "
            f"{line.order_id or '(not named)'}, which nobody here knows: that may be order {name}; nothing was "
            f"changed. If it is: `bot order resolve {name} --at-broker {line.order_id or 'BROKER_ID'}`"
        )


def _explained(journal: LedgerJournal, line: Activity, listed: Sequence[BrokerOrder]) -> bool:
    """Say whether a fill belongs to another order: one of ours, or one the broker lists under another's id."""
    if knows_broker_id(journal.database.connection, line.order_id):
        return True
    return any(line.order_id in (one.broker_order_id, *one.leg_ids) and one.client_order_id for one in listed)


def _refuse_another(journal: LedgerJournal, order: OwnOrder, shown: Shown, broker_order_id: str) -> BrokerOrder:
    """Give the broker's order of that id; refuse one that is not there, is another of ours, or wants something else."""
    found = shown.under(broker_order_id)
    if found is None:
        late = [one for one in shown.listed if one.submitted_at >= order.planned_at - LATE]
        seen = ", ".join(one.broker_order_id for one in late[-5:]) or "none"
        raise BotError(
            f"the broker shows no order {broker_order_id} (since then it lists: {seen}): nothing was changed"
        )
    if found.client_order_id == order.client_order_id:
        return found
    if journal.find_own(found.client_order_id) is not None:
        raise BotError(f"{broker_order_id} is {found.client_order_id}, another order of ours: nothing was changed")
    same = sorted((leg.symbol, leg.side, leg.ratio) for leg in order.legs) == sorted(
        (leg.symbol, leg.side, leg.ratio) for leg in found.legs
    )
    if not same or found.qty != order.qty or found.submitted_at < order.planned_at - LATE:
        wants = " and ".join(f"{leg.side} {leg.symbol}" for leg in found.legs)
        raise BotError(
            f"{broker_order_id} is another order (id {found.client_order_id}: {plain(found.qty)} {wants}, sent "
            f"{new_york(found.submitted_at)}) than {order.client_order_id} ({_wish(order)}): nothing was changed"
        )
    return found
