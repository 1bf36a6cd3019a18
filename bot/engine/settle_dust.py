"""Shares too few for what usually ends them: under a hundred no call covers them, under one no order takes them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from bot.domain.ledger import Lot
from bot.domain.money import ONE, SHARES_PER_CONTRACT, ZERO, plain


def odd_shares(before: Iterable[Lot], after: Iterable[Lot]) -> tuple[str, ...]:
    """Name what newly lies outside whole hundreds of a symbol of ours, who carries it and what ends it; said once.

    After a sale in part, an assignment beside other shares, a split or an adoption. A stop carries whole shares where
    stops are configured; a fraction of a share waits for its owner at the broker.
    """
    were, found = _odd(before), []
    for symbol, odd in sorted(_odd(after).items()):
        if odd == were.get(symbol, ZERO):
            continue
        whole, part = odd - odd % ONE, odd % ONE
        if whole:
            found.append(
                f"{symbol}: {plain(whole)} shares are left that make no whole hundred: no call is written on them; a "
                f"trailing stop carries them where one is configured, `bot close {symbol}` sells all of {symbol}"
            )
        if part:
            found.append(
                f"{symbol}: {plain(part)} of a share is left: it counts, and no order of this program takes less than "
                "one; sell it at the broker"
            )
    return tuple(found)


def _odd(lots: Iterable[Lot]) -> dict[str, Decimal]:
    """Give by symbol what of our shares lies beyond whole hundreds."""
    held: dict[str, Decimal] = {}
    for lot in lots:
        if lot.owner != "foreign":
            held[lot.symbol] = held.get(lot.symbol, ZERO) + lot.qty
    return {symbol: qty % SHARES_PER_CONTRACT for symbol, qty in held.items() if qty % SHARES_PER_CONTRACT}
