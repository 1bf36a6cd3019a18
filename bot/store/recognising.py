"""Rows of orders that were lost and recognised by their id: written as if they had never been away."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from bot.domain.consent import covering, wish_name
from bot.domain.ledger import Proposal
from bot.domain.orders import OwnOrder
from bot.domain.sessions import new_york_day, next_session, session_on
from bot.store.proposals import link, use_up
from bot.store.rows import ORDER_INSERT, order_row
from bot.store.settling import Moment, prices_of, save_prices

RECOGNISED = "recognised by its id"
"""The reason of such an order's first step."""


def save_recognised(
    connection: sqlite3.Connection, now: Moment, orders: Iterable[OwnOrder], approvals: tuple[Proposal, ...]
) -> None:
    """Write orders that a settlement recognised, before the settlement, inside the caller's transaction.

    Each counts for the session day it was sent in, and uses up the approval that covered it: a word is given once.
    """
    for order in orders:
        day = new_york_day(order.slot)
        session = session_on(day) or next_session(day)
        connection.execute(ORDER_INSERT, order_row(order, now.tick_id, session.day.isoformat()))
        connection.execute(
            "INSERT INTO order_transitions (tick_id, client_order_id, at, state_before, state, status,"
            " broker_order_id, filled_qty, filled_avg_price, reason) VALUES (?, ?, ?, '', ?, '', '', NULL, NULL, ?)",
            (now.tick_id, order.client_order_id, now.ts, order.state, RECOGNISED),
        )
        save_prices(connection, now.tick_id, order.client_order_id, (None, None, None), prices_of(order))
        used = covering(approvals, order)
        if used is not None:
            approvals = tuple(one for one in approvals if one is not used)
            link(connection, now.tick_id, order.client_order_id, used.number)
        use_up(connection, order.client_order_id, wish_name(order), now.tick_id)
