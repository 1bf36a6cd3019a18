"""Odd shares are named once, with who carries them and what ends them."""

from __future__ import annotations

import pytest

from bot.engine.settle_dust import odd_shares
from bot.tests.builders import a_lot


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("100", "40", ["40 shares are left"]),
        ("100", "100", []),
        ("40", "40", []),
        ("40", "140", []),
        ("100", "250", ["50 shares are left"]),
        ("100", "0.5", ["0.5 of a share is left"]),
        ("100", "40.25", ["40 shares are left", "0.25 of a share is left"]),
        ("40", "200", []),
    ],
)
def test_what_newly_lies_outside_whole_hundreds_is_named(before: str, after: str, told: list[str]) -> None:
    found = odd_shares([a_lot("XLF", before)], [a_lot("XLF", after)])
    assert len(found) == len(told)
    assert all(f"XLF: {words}" in note for words, note in zip(told, found, strict=True))


def test_two_lots_that_make_a_hundred_are_not_odd_and_foreign_ones_do_not_count() -> None:
    lots = [a_lot("XLF", "60"), a_lot("XLF", "40", id="lot-2"), a_lot("XLF", "7", id="lot-3", owner="foreign")]
    assert odd_shares([], lots) == ()


def test_the_words_name_what_ends_them() -> None:
    whole, part = odd_shares([], [a_lot("XLF", "40.5")])
    assert "a trailing stop carries them where one is configured, `bot close XLF` sells all of XLF" in whole
    assert "sell it at the broker" in part
