"""Trip wires as the owner reads them."""

from __future__ import annotations

from msgspec.structs import replace

from bot.domain.trip import Trip
from bot.report.trips import trip_object, trip_sentences, trip_words
from bot.tests.builders import NOON, D

WIRE = Trip(
    name="drawdown_no_new_risk", level="no_new_risk", value=D("0.05"), limit=D("0.12"), unit="fraction",
    readings_needed=3, good_needed=3, clears="by itself after 3 slots in a row under the limit",
)  # fmt: skip


def test_a_wire_far_from_its_limit_is_not_spoken_of() -> None:
    assert trip_words((WIRE,)) == ""
    assert trip_sentences((WIRE,)) == []


def test_a_near_limit_an_overstepped_one_and_a_tripped_wire_say_so_with_their_numbers() -> None:
    near, over = replace(WIRE, value=D("0.10")), replace(WIRE, value=D("0.13"), readings=2)
    held = replace(over, readings=3, tripped_at=NOON, good=1)
    assert trip_words((near,)) == "drawdown_no_new_risk 10.00%, limit 12.00% (80 % of it reached)"
    assert trip_words((over,)) == "drawdown_no_new_risk 13.00%, limit 12.00% (over, reading 2 of 3)"
    assert trip_sentences((held,)) == [
        "drawdown_no_new_risk 13.00%, limit 12.00% (tripped): NO_NEW_RISK since Wed 2026-11-18 12:00 New York; "
        "it clears by itself after 3 slots in a row under the limit (1 of 3)"
    ]
    told = trip_object(held)
    assert (told["tripped"], told["value"], told["limit"], told["warned"]) == (True, "0.13", "0.12", 100)


def test_what_could_not_be_measured_is_named() -> None:
    assert "not measured: drawdown_no_new_risk" in trip_sentences((replace(WIRE, value=None),))[0]
