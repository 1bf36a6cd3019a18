"""Alpaca's refusals in the house's words: by status, numeric code and fields, never by message text."""

from __future__ import annotations

from collections.abc import Collection

from bot.domain.errors import RefusalCode

DEFINITE = frozenset({400, 401, 403, 404, 405, 409, 422, 429})
"""Statuses that prove a request was not carried out; every other one proves nothing (design 11)."""

BY_CODE = {
    (422, 40010001): RefusalCode.DUPLICATE_ID,
    (422, 42210000): RefusalCode.MALFORMED,
    (404, 40410000): RefusalCode.NOT_FOUND,
}
BY_STATUS = {
    400: RefusalCode.MALFORMED,
    401: RefusalCode.NOT_PERMITTED,
    403: RefusalCode.NOT_PERMITTED,
    404: RefusalCode.NOT_FOUND,
    405: RefusalCode.MALFORMED,
    409: RefusalCode.OTHER,
    422: RefusalCode.MALFORMED,
    429: RefusalCode.RATE_LIMITED,
}
# 403 with 40310000 stands for capital, quantity, wash trade and permission alike. The answer's own fields tell the
# first three apart: what is asked of the account, what of a position, and which rule of crossing was broken.
SHARED = (403, 40310000)
BY_FIELD = (
    (frozenset({"reject_reason", "existing_order_id"}), RefusalCode.WASH_TRADE),
    (frozenset({"existing_qty", "held_for_orders", "available"}), RefusalCode.INSUFFICIENT_QUANTITY),
    (frozenset({"buying_power", "options_buying_power", "cost_basis"}), RefusalCode.INSUFFICIENT_FUNDS),
)


def refusal_code(status: int, broker_code: int, fields: Collection[str] = ()) -> RefusalCode:
    """Say why Alpaca said no, from the status, the code in the body and the names of the body's other fields.

    >>> refusal_code(422, 40010001).value, refusal_code(403, 40310000, ["cost_basis"]).value
    ('duplicate_id', 'insufficient_funds')
    """
    known = BY_CODE.get((status, broker_code))
    if known is not None:
        return known
    if (status, broker_code) == SHARED:
        for names, code in BY_FIELD:
            if not names.isdisjoint(fields):
                return code
    return BY_STATUS.get(status, RefusalCode.OTHER)


def cancel_refusal_code(status: int, broker_code: int) -> RefusalCode:
    """Say why a cancellation was refused: 422 means the order is past cancelling, whatever its code.

    >>> cancel_refusal_code(422, 42210000).value
    'not_cancelable'
    """
    return RefusalCode.NOT_CANCELABLE if status == 422 else refusal_code(status, broker_code)
