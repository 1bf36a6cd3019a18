"""A listener that is killed at any moment: each command once at most, and its writer hears of every one (B051)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random
from time import sleep, time

from bot.tests.commands.chatting import Phone, phone_for
from bot.tests.commands.typed import AT, new_home, typed
from bot.tests.faults.soaking import many, seed_of
from bot.tests.talkers.telegram_server import CHAT

LISTEN = """
from bot.commands import chat_answering, listening
chat_answering.A_MINUTE = chat_answering.A_MINUTE_IN_ALL = 1_000_000
print("listening", flush=True)
listening.run_listen("", seconds=0)
"""


def listens(phone: Phone, kill_after: float | None) -> int:
    """Listen once in a process of its own, and kill it so many seconds after it began."""
    root = Path(__file__).parents[3]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("BOT_", "TELEGRAM_"))}
    environ = {**kept, **phone.variables(), "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        [sys.executable, "-c", LISTEN], cwd=phone.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"listening\n"
    if kill_after is not None:
        sleep(kill_after)
        process.send_signal(signal.SIGKILL)
    errors = process.communicate(timeout=60)[1].decode()
    assert process.returncode in (0, -signal.SIGKILL), errors
    return process.returncode


def test_kills_of_the_listener_neither_double_nor_lose_a_command(tmp_path: Path) -> None:
    kills, random = many(8, 200), Random(seed_of(20))
    new_home(tmp_path / "desk")
    assert typed(tmp_path / "desk", "tick", "--at", AT, BOT_MODE="live").code == 0
    killed = 0
    with phone_for(tmp_path / "desk") as phone:
        for number in range(1, kills + 1):
            phone.server.write(f"/pause XLF {number}", chat=int(CHAT), at=int(time()))
            killed += listens(phone, random.uniform(0.0, 0.16)) != 0
            if number % 4 == 0:  # what was killed before it was read waits at Telegram, for a minute at most
                assert listens(phone, None) == 0
        assert listens(phone, None) == 0
        rows = phone.rows("SELECT words, state FROM commands WHERE answered_at IS NOT NULL ORDER BY id")
        pauses = [day for (day,) in phone.rows('SELECT date("until") FROM pauses')]
        shown = "\n".join(phone.shown())
    assert killed > kills // 4, "the kills came too late to mean anything"
    assert [words for words, _ in rows] == [f"/pause XLF {number}" for number in range(1, kills + 1)]
    assert len(pauses) == len(set(pauses)), "a command was carried out twice"
    done = sum(state == "done" for _, state in rows)
    cut = [words for words, state in rows if state == "cut_short"]
    assert done <= len(pauses) <= done + len(cut)
    for words in cut:
        assert f"{words} of " in shown
    assert shown.count("no new risk until") >= done
