"""The notional an order opens: puts at their strike, calls and shares at the share's price (wheel 2.22)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from bot.domain.instruments import is_option, parse_option
from bot.domain.money import SHARES_PER_CONTRACT, ZERO
from bot.domain.orders import OrderIntent, OwnOrder
from bot.domain.wheelmath import collateral


class Notional(NamedTuple):
    """What is opened: dollars of puts (K M q), shares (of calls M q), and a price where the share shows none."""

    puts: Decimal = ZERO
    shares: Decimal = ZERO
    price: Decimal | None = None

    def dollars(self, spot: Decimal | None) -> Decimal | None:
        """Give the notional in dollars at a share price; None where it needs a price and there is none."""
        if self.shares == 0:
            return self.puts
        price = self.price if spot is None else spot
        return None if price is None else self.puts + self.shares * price


def notional_of(order: OrderIntent | OwnOrder, qty: Decimal) -> Notional:
    """Give what `qty` of an order opens: its legs sold, or those bought where none is sold."""
    opening = [leg for leg in order.legs if leg.position_intent.endswith("_to_open")]
    counted = [leg for leg in opening if leg.side == "sell"] or opening
    puts, shares, price = ZERO, ZERO, None
    for leg in counted:
        count = qty * leg.ratio
        if not is_option(leg.symbol):
            shares, price = shares + count, order.limit_price
            continue
        contract = parse_option(leg.symbol)
        if contract.right == "put":
            puts += collateral(contract.strike, count)
        else:
            shares, price = shares + SHARES_PER_CONTRACT * count, contract.strike
    return Notional(puts, shares, price)
