"""The first hour of an owner who has a past: 300 shares from an assignment, two short puts, a stranger's position."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.tests.alpaca.story import STEPS, Story, told


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    with told(tmp_path / "desk") as played:
        yield played


def test_an_owner_sees_the_past_and_what_comes_next_and_nothing_is_sent(story: Story) -> None:
    """C018, wheel section 4: something happens for whoever holds assigned shares already."""
    out = {}
    for words in STEPS:
        done = story.say(*words)
        assert (done.code, done.err) == (0, ""), done.err
        out[words[0]] = " ".join(done.out.split())
    assert "in all +78.00 USD, 1 of 1 with a profit" in out["import-history"]
    assert "XLF 300" in out["import-history"]
    assert "would have refused" in out["import-history"].lower()
    assert "SPY: still foreign" in out["adopt"]
    assert "XLF: 300 shares are ours now" in out["adopt"]
    for name in ("week", "tick"):
        assert re.search(r"SPY 10 \S*bot adopt SPY", out[name])
        assert "PAPER MONEY" in out[name]
        assert "indicative (DELAYED)" in out[name]
    assert "APPROVED wheel: sell_to_open 1 XLF" in out["tick"]
    assert story.desk.posts() == 0


def test_its_ticks_stay_within_their_requests(story: Story) -> None:
    """One chain (a call on the shares), calendar and corporate actions on the day's first tick alone."""
    story.say("import-history")
    story.say("adopt", "--all")
    counts = []
    for _ in range(2):
        before = len(story.desk.world.seen)
        result = json.loads(story.say("tick", "--dry", "--json").out)
        assert result["foreign"][0]["command"] == "bot adopt SPY"
        counts.append(len(story.desk.world.seen) - before)
        story.desk.pass_by()
    first_of_day, later = counts
    assert later == 8 + 2
    assert first_of_day <= 8 + 2 + 2
