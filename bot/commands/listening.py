"""`bot listen`: commands from Telegram, read for a while and carried out one by one (B050, B051).

A message is kept, with how far messages are read, before anything is done about it: whatever dies, no command is
carried out twice, and one that was begun and not ended is told by the next run.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from hashlib import sha256
from time import monotonic, sleep

from bot.commands.chat_answering import Answering
from bot.commands.opening import warn
from bot.config.effective import state_folder_of_process
from bot.domain.errors import ConfigError, TryLater
from bot.report.words import count
from bot.store.account_lock import ADVICE
from bot.store.listening import listening_ledger, offset_of, pass_over
from bot.store.lock import HOME_ADVICE, held
from bot.talkers.telegram import Telegram, Updates
from bot.wiring import House, load_house, wall_clock

LOCK = "listen.lock"
SPARE_SECONDS = 5
"""How long after its time a run still begins what it has read; the rest is read by the next."""
POLL_MOST = 50
"""Seconds that one question to Telegram waits at most."""


def run_listen(
    env: str, *, seconds: int, clock: Callable[[], datetime] | None = None, pause: Callable[[float], None] = sleep
) -> None:
    """Listen for so many seconds, carry out what is said, and print what it came to.

    Raises ConfigError (78) where the chat is not set up or the token is refused, TryLater (75) where somebody else
    listens, Telegram cannot be reached or the home has no ledger yet; the next run begins where this one ended.
    """
    house = load_house(env)
    warn(house)
    token = _token(house)
    now = clock or wall_clock
    who = f"bot listen, since {now():%Y-%m-%d %H:%M:%S} UTC"
    with ExitStack() as locks:
        house.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home = house.home
        locks.enter_context(held(home / LOCK, f"the chat of {home}", who, HOME_ADVICE.format(home)))
        path = state_folder_of_process() / f"telegram-{sha256(token.encode()).hexdigest()[:16]}.lock"
        locks.enter_context(held(path, "this Telegram bot", f"{who}, home {home}", ADVICE))
        listener = Listener(house, env, Telegram(token, house.settings.channels.telegram_api, pause=pause), now, pause)
        listener.listen(seconds)
    print(f"{listener.words}   home {house.home}")


def _token(house: House) -> str:
    """Give the token where the chat is set up whole; raises ConfigError naming everything that lacks."""
    channels = house.settings.channels
    faults = []
    if not channels.telegram_chat.lstrip("-").isdigit():
        faults.append("TELEGRAM_CHAT_ID: expected the number of the one chat commands are taken from")
    if not channels.admins and not channels.operators:
        faults.append("TELEGRAM_ADMINS, TELEGRAM_OPERATORS: nobody may command; set a user's number (@userinfobot)")
    try:
        token = house.settings.secrets.reveal("TELEGRAM_BOT_TOKEN")
    except ConfigError as error:
        faults = [*error.faults, *faults]
    if faults:
        raise ConfigError(faults)
    return token


class Listener:
    """One run: asks Telegram until its time is up, and hands each message on."""

    def __init__(
        self, house: House, env: str, client: Telegram, now: Callable[[], datetime], pause: Callable[[float], None]
    ) -> None:
        number = house.settings.secrets.reveal("TELEGRAM_BOT_TOKEN").partition(":")[0]
        self._bot = sha256(number.encode()).hexdigest()[:16]
        self._home, self._client, self._now = house.home, client, now
        self._answering = Answering(house, env, client, self._bot, now, pause)

    @property
    def words(self) -> str:
        """Say what the run came to."""
        tally = self._answering.tally
        parts = [count(tally.get(name, 0), name) for name in ("command",)]
        parts += [f"{number} {name}" for name, number in sorted(tally.items()) if name != "command"]
        return f"listened: {', '.join(parts)}"

    def listen(self, seconds: int) -> None:
        """Tell what the last run left untold, then take what comes until the time is up; at least one look."""
        self._answering.recover()
        until = monotonic() + seconds
        while True:
            left = until - monotonic()
            with listening_ledger(self._home) as database:
                offset = offset_of(database, self._bot, self._now())
            got = self._client.updates(offset, max(0, min(int(left), POLL_MOST)))
            _refuse(got)
            whole = self._take(got, until)
            if whole and got.next_offset > offset:
                with listening_ledger(self._home) as database:
                    pass_over(database, self._bot, got.next_offset - 1, self._now())
            if until - monotonic() < 1:
                return

    def _take(self, got: Updates, until: float) -> bool:
        """Take the messages one by one; False where time ran out first: the rest is asked for again."""
        for place, update in enumerate(got.updates):
            if place and monotonic() > until + SPARE_SECONDS:
                self._answering.tell_dropped()
                return False
            self._answering.take(update)
        self._answering.tell_dropped()
        return True


def _refuse(got: Updates) -> None:
    """Raise what a failed look means: nothing is asked again in this run."""
    if got.conflict:
        raise TryLater(f"{got.words}; end the other program, or give this desk a bot of its own (@BotFather)")
    if got.dead:
        raise ConfigError(got.words)
    if got.words:
        raise TryLater(f"{got.words}: nothing was read; the next run asks again")
