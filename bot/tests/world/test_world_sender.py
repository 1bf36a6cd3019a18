"""Kill real senders at any instant and at each durable step: no alert is lost, and none comes twice unmarked.

No chat knows a key by which it would drop a double. One window is left: from `sending` on the disk to the answer on
the disk nobody can know whether the message was taken. What a kill leaves in that window is said once more, and says
so itself.
"""

from __future__ import annotations

import os
import random
import signal
from functools import partial
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import pytest

from bot.commands import sending
from bot.store.database import Transaction
from bot.tests.faults.processes import child, exit_of, killed
from bot.tests.faults.sender import MINUTE, SenderDesk, doubled, shown, told_in
from bot.tests.faults.soaking import many, seed_of
from bot.tests.talkers.discord_server import DiscordServer, discord_server

LIVES = 6
"""Runs of the sender that a life has time for."""


@pytest.fixture(autouse=True)
def requests_are_loaded() -> None:
    """Children have the library in memory already: a kill falls into the work, not into an import."""
    import requests

    assert requests


def live_on(desk: SenderDesk, dice: random.Random) -> None:
    """Let things happen and the sender run, minute after minute, until something ends it."""
    for _ in range(LIVES):
        desk.alert(dice.randrange(1, 3), dice.choice(("info", "high", "critical")))
        desk.at += MINUTE
        desk.run("alerts", "send")


def in_the_window(desk: SenderDesk) -> int:
    return int(desk.rows("SELECT count(*) FROM outbox WHERE state = 'sending'")[0][0])


def must_be_whole(desk: SenderDesk, server: DiscordServer, window: int, where: str) -> int:
    """Run the sender to its end, and look at what the server has; gives how many messages were marked."""
    for _ in range(3):
        desk.send()
    told = [shown(one) for one in server.taken if "still CRITICAL" not in shown(one)]
    numbers = set().union(*map(told_in, told)) if told else set()
    (known,) = desk.rows("SELECT count(*) FROM alerts")[0]
    assert numbers == set(range(1, known + 1)), f"{where}: lost"
    unmarked, warned = doubled(told)
    assert unmarked == set(), f"{where}: said twice without a word"
    assert warned <= window, f"{where}: {warned} warnings, {window} kills in the window"
    assert desk.rows("SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')") == [(0,)], where
    return warned


def test_senders_killed_at_random_instants_lose_nothing_and_mark_what_may_be_double(tmp_path: Path) -> None:
    """Issue 6: none lost or doubled over 200 kills of the sender."""
    seed, kills = seed_of(2026), many(15, 200)
    dice = random.Random(seed)
    with discord_server() as server:
        desk = SenderDesk(tmp_path / "desk", ("repeat_minutes", '"off"'), DISCORD_WEBHOOK_URL=server.url)
        desk.set("messages_per_hour", "600")
        desk.alert()
        began = perf_counter()
        desk.send()
        took = perf_counter() - began
        window = done = 0
        while done < kills:
            number = child(partial(live_on, desk, random.Random(dice.random())))
            sleep(dice.uniform(0.0, 2.5 * took))
            if killed(number):
                done += 1
                window += in_the_window(desk)
            desk.at += LIVES * MINUTE
        warned = must_be_whole(desk, server, window, f"seed {seed}")
        (known,) = desk.rows("SELECT count(*) FROM alerts")[0]
    print(
        f"\nseed {seed}: {done} kills, {window} of them between `sending` and the answer, {known} alerts, "
        f"{len(server.taken)} messages, {warned} marked as perhaps said before; none lost, none double unmarked"
    )


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_sender_killed_at_each_durable_step_goes_on_from_there(tmp_path: Path, after: bool) -> None:
    steps = window = warned = 0
    while True:
        steps += 1
        with discord_server() as server:
            desk = SenderDesk(tmp_path / f"desk-{after}-{steps}", DISCORD_WEBHOOK_URL=server.url)
            desk.alert(2, "critical")
            desk.alert(3)
            desk.at += MINUTE
            code = exit_of(child(partial(die_at, desk, steps, after)))
            left = in_the_window(desk)
            warned += must_be_whole(desk, server, left, f"step {steps}")
            window += left
        if code != -signal.SIGKILL:
            assert code == 0, code
            break
    print(
        f"\nkilled {'after' if after else 'before'} each of {steps - 1} steps: {window} in the window, {warned} marked"
    )
    assert steps > 8, "commits and questions to the channel are all steps"
    assert window >= 2, "one window for each message"


def die_at(desk: SenderDesk, nth: int, after: bool) -> None:
    """Run the sender and die at its nth step: a commit, or a message to the channel."""
    count = 0
    commit, ask = Transaction.__exit__, sending._asked

    def step(work: partial[Any]) -> Any:
        nonlocal count
        count += 1
        if count == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = work()
        if count == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    Transaction.__exit__ = lambda *given: step(partial(commit, *given))  # type: ignore[method-assign]
    sending._asked = lambda *given: step(partial(ask, *given))
    done = desk.run("alerts", "send")
    assert done.code == 0, done
