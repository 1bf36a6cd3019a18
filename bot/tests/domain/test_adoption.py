"""Which foreign positions a command can make ours, and the words for those that none can."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bot.domain.adoption import adopt_fault, adopt_words

D = Decimal


@pytest.mark.parametrize(("symbol", "qty"), [("XLF", 100), ("BRK.B", 1), ("XLF261218P00050000", -1)])
def test_shares_and_short_standard_options_can_be_adopted(symbol: str, qty: int) -> None:
    assert adopt_fault(symbol, D(qty)) == ""
    assert adopt_words(symbol, D(qty)) == f"`bot adopt {symbol}` takes them over"


@pytest.mark.parametrize(
    ("symbol", "qty", "says"),
    [
        ("XLF", -100, "short shares"),
        ("XLF261218P00050000", 1, "a long option"),
        ("XLF1261218P00050000", -1, "an adjusted contract"),
        ("SPX261218P05000000", -1, "settled in cash"),
        ("BTCUSD", 1, "a pair of coins"),
        ("$$$", 1, "no such instrument"),
    ],
)
def test_what_cannot_be_adopted_says_why_and_names_no_command(symbol: str, qty: int, says: str) -> None:
    assert says in adopt_words(symbol, D(qty))
    assert "bot adopt" not in adopt_words(symbol, D(qty))
