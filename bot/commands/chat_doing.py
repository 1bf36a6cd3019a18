"""What a chat may have done: the terminal's own commands, called in this process, and what they say."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from types import TracebackType
from typing import NamedTuple, TypeVar

from bot.commands.approving import carry_out, nothing_stands, run_decline
from bot.commands.chat_reading import READERS, why
from bot.commands.chat_words import Spoken, help_lines
from bot.commands.owner import run_halt, run_lift_pause, run_pause, spoken_by
from bot.domain.channels import Role
from bot.domain.errors import TryLater
from bot.report.chat import phone_words
from bot.wiring import House

PATIENCE_SECONDS = 45
"""How long a word waits for a tick at work. What halts waits as long as it does at a keyboard."""
Result = TypeVar("Result")


class Desk(NamedTuple):
    """Where and for whom something is done. `wait` is called each time somebody else holds the home."""

    house: House
    env: str
    author: str
    role: Role
    now: Callable[[], datetime]
    wait: Callable[[float], None]


class Heard:
    """What a command printed, kept for the chat; remarks about settings and waiting are left to the terminal."""

    def __init__(self) -> None:
        self._said, self._beside = io.StringIO(), io.StringIO()
        self._stack = ExitStack()

    def __enter__(self) -> Heard:
        self._stack.enter_context(redirect_stdout(self._said))
        self._stack.enter_context(redirect_stderr(self._beside))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def lines(self) -> list[str]:
        """Give what was said, in the words of a chat."""
        beside = [one for one in self._beside.getvalue().splitlines() if not one.startswith(("waiting:", "warning:"))]
        told = phone_words("\n".join([*self._said.getvalue().splitlines(), *dict.fromkeys(beside)]))
        return told.splitlines()


def more_of(spoken: Spoken) -> str:
    """Name the command at a keyboard that says all of it."""
    if spoken.name == "why":
        return f"bot why {spoken.given[0]}"
    return READERS[spoken.name][1] if spoken.name in READERS else "bot status"


def do(spoken: Spoken, desk: Desk, heard: Heard) -> list[str]:
    """Carry one command out and give what to answer; raises the BotError of the command itself.

    What the command printed before it failed stands in `heard`.
    """
    with spoken_by(desk.author), heard:
        if spoken.reads:
            lines = _read(spoken, desk)
        elif spoken.name in ("stop", "halt"):  # these wait by themselves, as long as any tick may take
            lines = _word(spoken, desk)
        else:
            lines = _patiently(lambda: _word(spoken, desk), desk.wait)
    return [phone_words(line) for line in lines] or [*heard.lines, *_after(spoken)]


def _after(spoken: Spoken) -> list[str]:
    """Say what a stop leaves as it is: whoever types it on a phone may think that everything is closed."""
    if spoken.name == "stop" or spoken.given[:1] == ("stop",):
        return ["nothing is sent from here on; what is held stays, stops resting at the broker stay; /resume lifts it"]
    return []


def _patiently(work: Callable[[], Result], wait: Callable[[float], None]) -> Result:
    """Do something as soon as nobody else holds the home; raises TryLater when patience is used up."""
    for _ in range(PATIENCE_SECONDS):
        try:
            return work()
        except TryLater:
            wait(1.0)
    return work()


def _read(spoken: Spoken, desk: Desk) -> list[str]:
    if spoken.name == "help":
        return help_lines(desk.role)
    if spoken.name == "why":
        return why(desk.house, spoken.given[0])
    return READERS[spoken.name][0](desk.house, desk.env, desk.now)


def _word(spoken: Spoken, desk: Desk) -> list[str]:
    """Carry out what changes something; what comes back is empty where the command itself said it."""
    env, given = desk.env, spoken.given
    if spoken.name == "approve":
        carried = carry_out(desk.house, [int(one) for one in given])
        return [nothing_stands(())] if carried is None else carried[1]
    if spoken.name == "decline":
        run_decline(env, numbers=[int(one) for one in given], at="")
    elif spoken.name == "ack":
        from bot.commands.alerts_told import run_alerts_ack

        everything = given == ("all",)
        run_alerts_ack(env, number=None if everything else int(given[0]), everything=everything)
    elif spoken.name == "pause":
        days = int(given[1]) if len(given) > 1 else 1
        run_pause(env, symbol=given[0], until=(desk.now() + timedelta(days=days)).isoformat(), reason="by chat")
    elif spoken.name == "resume" and given:
        run_lift_pause(env, symbol=given[0])
    elif spoken.name == "resume":
        run_halt(env, level="run", reason="by chat")
    else:
        level, *words = ("stop",) if spoken.name == "stop" else given
        run_halt(env, level=level, reason=" ".join(words) or "by chat", pause=desk.wait)
    return []
