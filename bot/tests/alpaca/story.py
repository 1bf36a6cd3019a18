"""An owner connects an account that has a past: 300 shares from an assignment, two short puts, a stranger's position.

`python -m bot.tests.alpaca.story` plays it against the pretended Alpaca and prints what the owner sees.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.domain.sessions import next_session, session_on
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.world import ACCOUNT, AlpacaWorld
from bot.tests.builders import D
from bot.tests.commands.typed import Done, typed

BEGAN = datetime(2026, 8, 17, 16, 0, tzinfo=UTC)
TODAY = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
STEPS = (
    ("import-history",), ("adopt", "--all"), ("week", "--days", "35"), ("scan", "--limit", "3"), ("tick", "--dry"),
)  # fmt: skip


class Story:
    """The account and its owner; `put` and `other` are the short puts that are open today."""

    def __init__(self, desk: AlpacaDesk) -> None:
        self.desk = desk
        world = desk.world
        first = self.series("XLF", "put", 20, "0.97")
        world.trade(first, "-2", "0.61")
        self.until(BEGAN + timedelta(days=9))
        world.trade(first, "2", "0.22")
        assigned = self.series("XLF", "put", 15, "1.04")
        world.trade(assigned, "-3", "1.35")
        self.until(datetime(2026, 9, 10, 16, 0, tzinfo=UTC))
        world.assign(assigned, "3")
        self.until(datetime(2026, 9, 22, 16, 0, tzinfo=UTC))
        world.pay_dividend("XLF", "0.19")
        call = self.series("XLF", "call", 20, "1.05")
        world.trade(call, "-3", "0.44")
        self.until(datetime(2026, 10, 7, 16, 0, tzinfo=UTC))
        world.trade(call, "3", "0.12")
        self.until(datetime(2026, 11, 11, 17, 0, tzinfo=UTC))
        self.put = self.series("EWZ", "put", 20, "0.95")
        world.trade(self.put, "-1", "0.58")
        self.other = self.series("XLF", "put", 28, "0.93")
        world.trade(self.other, "-1", "0.47")
        world.hold("SPY", "10", "641.20")
        self.until(TODAY)

    def series(self, underlying: str, right: str, days: int, moneyness: str) -> str:
        """Pick a listed series that lasts at least so many days, at a strike near a multiple of the price."""
        world = self.desk.world
        quote = world.quotes[underlying]
        assert quote.bid is not None
        aim = quote.bid * D(moneyness)
        listed = [
            one
            for one in world.contracts.values()
            if one.underlying == underlying and one.right == right and (one.expiry - world.today()).days >= days
        ]
        expiry = min(one.expiry for one in listed)
        return min((one for one in listed if one.expiry == expiry), key=lambda one: abs(one.strike - aim)).symbol

    def until(self, moment: datetime) -> None:
        """Let the world live to a moment, a session at a time, and the market with it."""
        world = self.desk.world
        day = next_session(world.today()).day
        while day < moment.date():
            session = session_on(day)
            assert session is not None
            world.pass_to(session.close_at)
            day = next_session(day).day
        world.pass_to(moment)
        self.desk.renew()

    def say(self, *words: str, **variables: str) -> Done:
        """Type a command as the owner does, at the world's moment."""
        return typed(self.desk.folder, *words, now=self.desk.world.at, **variables)


@contextmanager
def told(folder: Path) -> Iterator[Story]:
    """Play the story up to today."""
    with AlpacaDesk(folder, AlpacaWorld(at=BEGAN, cash="60000")) as desk:
        lines = [f"{name}={value}" for name, value in desk.variables.items() if name != "BOT_MODE"]
        (folder / ".env").write_text("\n".join(lines) + "\n")
        (folder / ".env").chmod(0o600)
        yield Story(desk)


def main() -> None:
    """Print what the owner types and sees."""
    os.environ.setdefault("COLUMNS", "120")
    with TemporaryDirectory() as folder, told(Path(folder) / "desk") as story:
        for words in STEPS:
            before = len(story.desk.world.seen)
            done = story.say(*words)
            print(f"$ bot {' '.join(words)}")
            print(done.out.replace(folder, "~").replace(ACCOUNT, "PA...").rstrip())
            if done.err:
                print(done.err.replace(folder, "~").rstrip())
            asked = len(story.desk.world.seen) - before
            print(f"[exit {done.code}; {asked} requests, {story.desk.posts()} orders sent]\n")


if __name__ == "__main__":
    main()
