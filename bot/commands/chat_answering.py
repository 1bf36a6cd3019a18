"""One message by chat, from its arrival to its answer: who, how old, how often, what, and what was said.

Kept in this order, each durable before the next: the message was taken up; what came of it; the chat has the answer.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import Callable
from datetime import datetime

from bot.commands.approving import standing_lines
from bot.commands.chat_doing import Desk, Heard, do, more_of
from bot.commands.chat_words import Spoken, addressed_to, kept_words, plain_text, refusal, understood, without_code
from bot.domain import topics
from bot.domain.alerts import Alert
from bot.domain.channels import Role
from bot.domain.errors import BotError, ConfigError, UsageError
from bot.domain.sessions import new_york_day
from bot.report.chat import fitted, phone_words
from bot.report.words import clock, count
from bot.store.listening import (
    CODE_SECONDS,
    CODE_TRIES,
    State,
    Taken,
    Untold,
    answered,
    cut_short,
    finish,
    keep_code,
    listening_ledger,
    pass_over,
    recent,
    take_up,
    untold,
    use_code,
)
from bot.talkers.telegram import Telegram, Update
from bot.wiring import House

OLDEST_SECONDS = 60
A_MINUTE, A_MINUTE_IN_ALL = 10, 30
CALMING = ("/stop", "/halt", "/pause", "/confirm")
"""Words that take risk away, and their confirmation, have twice the room."""
OUTCOME = 300
"""Characters of an answer that the record keeps."""
_SLOW = f"slow down: {A_MINUTE} commands a minute are carried out, the others are not read"


class Answering:
    """Takes messages and answers them; `tally` counts what became of them."""

    def __init__(
        self, house: House, env: str, client: Telegram, bot: str, now: Callable[[], datetime],
        pause: Callable[[float], None],
    ) -> None:  # fmt: skip
        self._house, self._env, self._client, self._bot = house, env, client, bot
        self._now, self._pause = now, pause
        self._channels = house.settings.channels
        self._name = ""
        self._dropped: list[tuple[int, str]] = []
        self.tally: Counter[str] = Counter()

    def recover(self) -> None:
        """Tell in one message what an earlier run began and did not end, or ended and may not have told."""
        with listening_ledger(self._house.home) as database:
            cut_short(database)
            rows = [one for one in untold(database, self._now()) if one.chat == self._channels.telegram_chat]
        told = [one for one in rows if one.state != "limited"]
        if told:
            self._answer([one.id for one in rows], [_late_words(one) for one in told], "bot status")

    def take(self, update: Update) -> None:
        """Deal with one message: at most once, whatever dies."""
        role = self._channels.role_of(update.user)
        text = self._masked(update.text)
        words = kept_words(text)
        taken = Taken(self._bot, update.id, update.user, update.chat, _author(update), words, update.at)
        if role is None or update.chat != self._channels.telegram_chat:
            why = "not on the list of those who may" if role is None else "another chat than TELEGRAM_CHAT_ID"
            self._keep(taken, "stranger", why, self._stranger_alert(taken, why))
            return
        if self._for_others(update):
            with listening_ledger(self._house.home) as database:
                pass_over(database, self._bot, update.id, self._now())
            return
        age = (self._now() - update.at).total_seconds()
        if abs(age) > OLDEST_SECONDS:
            behind = "this machine's clock is behind, or Telegram's ahead: nothing was done; set the clock"
            why = f"older than {OLDEST_SECONDS} s: nothing was done; send it again" if age > 0 else behind
            if row := self._keep(taken, "dropped", why):
                self._dropped.append((row, f"{words} of {clock(update.at)} New York was dropped: {why}"))
            return
        if self._too_often(update.user, 1 + (words.casefold().startswith(CALMING))):
            if row := self._keep(taken, "limited", _SLOW):
                self._answer([row], [_SLOW], "bot status")
            return
        row = self._keep(taken, "begun", "")
        if row:
            self._carry(taken, role, row, text)

    def tell_dropped(self) -> None:
        """Say once what came too late to be done."""
        if self._dropped:
            rows = [row for row, _ in self._dropped]
            said = [words for _, words in self._dropped[-5:]]
            more = len(rows) - len(said)
            self._dropped = []
            self._answer(rows, [*([f"{more} more before:"] if more else []), *said], "bot status")

    def _stranger_alert(self, taken: Taken, why: str) -> Alert:
        """Make the day's one alert of strangers: their number is what an owner who set this up wrong needs."""
        day = new_york_day(self._now()).isoformat()
        words = f"{taken.author} is {why}; nothing was answered. If it is you: TELEGRAM_ADMINS, TELEGRAM_OPERATORS and "
        return Alert(
            at=self._now(), topic=topics.CHAT_STRANGER, severity=topics.SEVERITY_OF[topics.CHAT_STRANGER],
            key=f"{topics.CHAT_STRANGER}:{day}", title="A stranger writes to the desk's bot",
            words=self._masked(f"{words}TELEGRAM_CHAT_ID in .env say who may and where (this was chat {taken.chat})."),
            lasts="once",
        )  # fmt: skip

    def _keep(self, taken: Taken, state: State, outcome: str, alert: Alert | None = None) -> int:
        """Keep a message before anything is done; 0 where it was dealt with before, or is counted on another row."""
        with listening_ledger(self._house.home) as database:
            row = take_up(database, taken, self._now(), state, outcome, alert)
        if row is None:
            self.tally["replayed"] += 1
            return 0
        self.tally["command" if state == "begun" else state] += 1
        return row

    def _too_often(self, user: int, room: int) -> bool:
        with listening_ledger(self._house.home) as database:
            counts = recent(database, self._now())
        return counts.get(user, 0) >= room * A_MINUTE or sum(counts.values()) >= room * A_MINUTE_IN_ALL

    def _for_others(self, update: Update) -> bool:
        """Say whether a message is for another bot, or talk between people in a group."""
        named = addressed_to(update.text)
        if named:
            self._name = self._name or self._client.me().lstrip("@").casefold()
            return named.casefold() != self._name
        return update.chat.startswith("-") and not plain_text(update.text).lstrip().startswith("/")

    def _carry(self, taken: Taken, role: Role, row: int, text: str) -> None:
        """Carry a command out, keep what came of it, and answer."""
        heard = Heard()
        more = "bot status"
        state: State = "done"
        try:
            spoken, confirmed = self._meant(taken, role, row, text)
            more = more_of(spoken)
            if spoken.wants_code and not confirmed:
                lines = self._ask(taken, spoken)
            else:
                desk = Desk(self._house, self._env, taken.author, role, self._now, self._waiting(spoken))
                lines = do(spoken, desk, heard)
        except BotError as error:
            state = "refused" if isinstance(error, UsageError) else "failed"
            lines = [*heard.lines, *phone_words(str(error)).splitlines()]
        said = [self._masked(line) for line in lines]
        with listening_ledger(self._house.home) as database:
            kept = without_code(" ".join(" ".join(said).split()))
            finish(database, row, state, kept if len(kept) <= OUTCOME else f"{kept[: OUTCOME - 3]}...")
        self._answer([row], said, more)

    def _meant(self, taken: Taken, role: Role, row: int, text: str) -> tuple[Spoken, bool]:
        """Give the command that is meant, and whether a code confirmed it; raises UsageError where it may not be."""
        spoken, confirmed = understood(text), False
        if spoken.name == "confirm":
            with listening_ledger(self._house.home) as database:
                words, why = use_code(database, taken, self._hash(taken, spoken.given[0]), row, self._now())
            if why:
                raise UsageError(why)
            spoken, confirmed = understood(words), True
        if denied := refusal(role, spoken):
            raise UsageError(f"{denied}: nothing was done")
        return spoken, confirmed

    def _ask(self, taken: Taken, spoken: Spoken) -> list[str]:
        """Keep a new code and say how to confirm. Approving all is pinned to what stands now."""
        if spoken.name == "approve":
            lines, nothing, _ = standing_lines(self._house, self._now())
            if not lines:
                return [nothing]
            spoken = Spoken(name="approve", given=tuple(str(one.number) for one in lines[:20]))
            wishes = [f"{one.number}: {one.wish}" for one in lines[:20]]
        else:
            wishes = []
        code = f"{secrets.randbelow(1_000_000):06}"
        with listening_ledger(self._house.home) as database:
            keep_code(database, taken, spoken.text, self._hash(taken, code), self._now())
        tries = f"{CODE_SECONDS} seconds, {CODE_TRIES} tries, you alone"
        return [f"{spoken.text} wants your confirmation ({tries}):", *wishes, f"/confirm {code}"]

    def _hash(self, taken: Taken, code: str) -> str:
        key = self._house.settings.secrets.reveal("TELEGRAM_BOT_TOKEN").encode()
        return hmac.new(key, f"{taken.user} {taken.chat} {code}".encode(), "sha256").hexdigest()

    def _waiting(self, spoken: Spoken) -> Callable[[float], None]:
        """Give what waits for a tick at work, and says so once."""
        told = False

        def wait(seconds: float) -> None:
            nonlocal told
            if not told:
                told = True
                self._client.say(self._channels.telegram_chat, f"a tick is at work, asking again: {spoken.text}")
            self._pause(seconds)

        return wait

    def _answer(self, rows: list[int], lines: list[str], more: str) -> None:
        """Say something in the chat; where it is not taken, the next run tells what came of it."""
        text = fitted([self._masked(line) for line in lines], more)
        done = self._client.say(self._channels.telegram_chat, text)
        if done.outcome == "sent":
            with listening_ledger(self._house.home) as database:
                answered(database, rows, self._now())
            return
        self.tally["not answered"] += 1
        if done.outcome == "dead":
            raise ConfigError(done.words)

    def _masked(self, text: str) -> str:
        return self._house.settings.secrets.mask(text)


def _author(update: Update) -> str:
    name = " ".join(plain_text(update.user_name).split())[:32]
    return f"telegram {name or 'nameless'} {update.user}"


def _late_words(one: Untold) -> str:
    """Say what became of a command whose answer may not have arrived."""
    what = f"{one.words} of {clock(one.at)} New York"
    if one.state == "cut_short":
        return f"{what} was cut short: look at /status"
    times = f" ({count(one.times, 'time')})" if one.times > 1 else ""
    return f"{what} was {one.state}{times}: {one.outcome}"
