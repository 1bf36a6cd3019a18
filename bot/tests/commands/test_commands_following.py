"""How a follow-up is said: one line for a person, one object for a program; and a desk that only records."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bot.commands.following import asides, follow_line, follow_object
from bot.commands.ticking import one_tick
from bot.domain.ledger import Books, Drift
from bot.domain.market import ChainRequest
from bot.domain.snapshot import decode_snapshot, encode_snapshot
from bot.engine.follow import FollowUp
from bot.engine.ports import TickResult
from bot.tests.builders import an_order, call, held
from bot.tests.commands.typed import AT, new_home
from bot.tests.engine.test_engine_follow import Scene, a_reprice
from bot.tests.engine.test_engine_tick import A_PUT, PUT
from bot.wiring import House, load_house, moment, wall_clock


def followed() -> TickResult:
    scene = Scene()
    (first,) = scene.run(A_PUT).orders
    return scene.run(a_reprice(first, "0.61"), follow_up=1)


def test_a_reprice_is_said_with_its_new_limit() -> None:
    assert follow_line(FollowUp(1, followed())) == (
        f"follow-up 1: repriced {PUT} to 0.61 (accepted); 1 of our orders work"
    )  # fmt: skip


def test_a_follow_up_with_nothing_to_do_says_so() -> None:
    scene = Scene()
    scene.run(A_PUT)
    line = follow_line(FollowUp(2, scene.run(follow_up=1)))
    assert line == "follow-up 2: nothing to change; 1 of our orders work"


def test_errors_refusals_and_several_legs_are_said() -> None:
    result = followed()
    legs = (A_PUT.legs[0], replace(A_PUT.legs[0], symbol=call("XLF", result.snapshot.session.day, "42")))
    sold = an_order(PUT, legs=legs, replaces="", purpose="open", limit_price=Decimal("-0.40"))
    line = follow_line(FollowUp(1, replace(result, orders=(sold,), errors=("no quote",))))
    assert "sent open on XLF to -0.4" in line
    assert "1 error;" in line


def test_a_failure_is_said_in_both_languages() -> None:
    failed = FollowUp(3, None, "no answer in 10 s")
    assert follow_line(failed) == "follow-up 3 failed: no answer in 10 s"
    assert follow_object(failed) == {"follow_up": 3, "failure": "no answer in 10 s"}


def test_a_program_gets_a_follow_up_as_a_whole_tick() -> None:
    told = follow_object(FollowUp(1, followed()))
    assert told["follow_up"] == 1
    assert {"tick", "verdicts", "orders", "errors"} <= set(told)
    assert told["orders"][0]["limit_price"] == "0.61"


def changed(folder: Path, **lines: str) -> House:
    new_home(folder)
    path = folder / "data" / "desk.toml"
    text = path.read_text()
    for key, value in lines.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text)
        assert count
    path.write_text(text)
    return load_house(str(folder / ".env"))


def ticked(house: House) -> TickResult:
    return one_tick(house, dry=True, at=moment(AT, house.settings, wall_clock()), command="test")


def test_a_record_only_desk_observes_settles_and_records_its_chains(tmp_path: Path) -> None:
    """A003, A039: strategies off; three whole chains of both sides, each series within its bytes (design 18)."""
    house = changed(tmp_path, enabled="false", record_chains='["SPY", "XLF", "TLT"]')
    result = ticked(house)
    assert result.verdicts == ()
    chains = [one for one in result.snapshot.requests if isinstance(one, ChainRequest)]
    assert [(one.underlying, one.right) for one in chains] == [
        (symbol, right) for symbol in ("SPY", "XLF", "TLT") for right in ("put", "call")
    ]
    assert {(one.underlying, one.right) for one in result.snapshot.chains} == {
        (one.underlying, one.right) for one in chains
    }
    assert result.snapshot.spot("TLT") is not None
    stored = encode_snapshot(result.snapshot)
    assert decode_snapshot(stored) == result.snapshot
    series = sum(chain.size for chain in result.snapshot.chains)
    assert series > 5_000  # SPY lists a strike each dollar, most days of the week
    assert len(stored) / series < 40_000 / (10 * 200)


def test_recording_a_chain_changes_no_decision(tmp_path: Path) -> None:
    plain = ticked(changed(tmp_path / "plain"))
    recording = ticked(changed(tmp_path / "recording", record_chains='["XLF", "EWZ", "TLT"]'))
    assert [one.intent for one in plain.verdicts] == [one.intent for one in recording.verdicts]
    assert plain.verdicts
    assert [one.approved for one in plain.verdicts] == [one.approved for one in recording.verdicts]
    assert len(recording.snapshot.chains) == 6


def with_strangers(result: TickResult, **given: Any) -> TickResult:
    gone = Drift(symbol="XLE", kind="unexplained", what="shares are gone", broker=Decimal(0), ours=Decimal(100))
    facts: dict[str, Any] = {
        "positions": (held("XLF", "250", "foreign"), held("BTCUSD", "0.5", "foreign")), "books": Books(drift=(gone,)),
    }  # fmt: skip
    return replace(result, snapshot=replace(result.snapshot, **(facts | given)), errors=("a", "b", "c", "d", "a"))


def test_what_is_not_ours_drift_and_errors_have_a_line_each_with_the_command_that_adopts() -> None:
    lines = asides(with_strangers(followed()), "BOT_HOME=x ", set())
    assert lines == [
        "not ours: XLF 250 (`BOT_HOME=x bot adopt XLF`); BTCUSD 0.5 (looks like a pair of coins)",
        "drift: XLE (unexplained) shares are gone",
        "errors: a; b; c; and 1 more",
    ]


def test_a_follow_up_adds_only_what_is_new_and_a_quiet_tick_nothing() -> None:
    said: set[str] = set()
    first = with_strangers(followed())
    asides(first, "", said)
    assert asides(first, "", said) == []
    more = with_strangers(followed(), positions=(held("XLF", "250", "foreign"), held("EWZ", "100", "foreign")))
    assert asides(more, "", said) == ["not ours: EWZ 100 (`bot adopt EWZ`)"]
    assert asides(replace(followed(), errors=()), "", set()) == []
