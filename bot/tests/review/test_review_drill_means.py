"""A drill is of the guards: a simulated account too small for the desk's names must not hold real money back."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.commands.drilling import _last_lines
from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.domain.desk import Desk
from bot.drill.playing import chosen, drill, with_means
from bot.markets.synthetic import SyntheticMarket
from bot.tests.builders import D


def with_cash(profile: str, dollars: str) -> Desk:
    desk = read_desk(desk_text(profile))  # type: ignore[arg-type]
    return replace(desk, simulator=replace(desk.simulator, equity=D(dollars)))


def test_a_desk_too_small_for_its_names_is_drilled_with_means_and_says_so() -> None:
    """The conservative profile at 5,000 opens nothing in any session tried; its guards are the same at 50,000."""
    found = drill(with_cash("conservative", "5000"), 1, worlds=("simulator",), scenes=chosen("F1"))
    assert [one.status for one in found.outcomes] == ["passed"] * len(found.outcomes)
    assert found.richer == 10
    lines = _last_lines(None, found, "", 0.0, whole=True)  # type: ignore[arg-type]
    assert "played with 10 times the cash of [simulator]: with its own nothing could be opened" in lines


@pytest.mark.parametrize("profile", ["balanced"])
def test_a_desk_with_means_is_drilled_as_it_is(profile: str, tmp_path: Path) -> None:
    desk = with_cash(profile, "25000")
    played, _, richer = with_means(desk, SyntheticMarket(1), tmp_path)
    assert (played, richer) == (desk, 1)


def test_a_desk_that_opens_nothing_at_any_size_stays_as_it_is(tmp_path: Path) -> None:
    desk = with_cash("conservative", "5000")
    off = replace(desk, wheels=tuple((priority, False, params) for priority, _, params in desk.wheels))
    played, _, richer = with_means(off, SyntheticMarket(1), tmp_path)
    assert (played, richer) == (off, 1)
