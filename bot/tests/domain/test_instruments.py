"""Option symbols in the OCC form: what reads, what is refused, and by what words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import BadSymbol
from bot.domain.instruments import is_option, is_standard_root, option_symbol, parse_option, underlying_of


@given(
    root=st.from_regex(r"[A-Z]{1,5}", fullmatch=True),
    expiry=st.dates(date(1998, 1, 1), date(2097, 12, 31)),
    right=st.sampled_from(("put", "call")),
    thousandths=st.integers(1, 99_999_999),
)
def test_a_symbol_that_is_written_reads_back_the_same(root: str, expiry: date, right: str, thousandths: int) -> None:
    strike = Decimal(thousandths).scaleb(-3)
    read = parse_option(option_symbol(root, expiry, right, strike))  # type: ignore[arg-type]
    assert (read.root, read.expiry, read.right, read.strike) == (root, expiry, right, strike)


@pytest.mark.parametrize(
    "text",
    [
        "", "XLF", "XLF261224P0005000", "XLF261224P000500000", "XLF261324P00050000", "XLF261232P00050000",
        "XLF261224X00050000", "xlf261224P00050000", "TOOLONG261224P00050000", "261224P00050000",
        "XLF261224P0005000A", "XLF261224P00000000", "XLF 261224 P 50",
    ],
)  # fmt: skip
def test_a_malformed_symbol_is_refused_by_name_and_is_no_option(text: str) -> None:
    assert not is_option(text)
    with pytest.raises(BadSymbol) as refusal:
        parse_option(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize("strike", ["0", "-1", "100000", "50.0005"])
def test_a_strike_that_no_symbol_can_hold_is_refused(strike: str) -> None:
    with pytest.raises(BadSymbol, match="a strike is"):
        option_symbol("XLF", date(2026, 12, 24), "put", Decimal(strike))


def test_an_adjusted_root_keeps_its_digit_and_is_not_standard() -> None:
    assert underlying_of("XLF1261224P00050000") == "XLF1"
    assert not is_standard_root("XLF1261224P00050000")
    assert is_standard_root("XLF261224P00050000")
