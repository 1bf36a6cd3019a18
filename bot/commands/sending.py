"""`bot alerts send` and `bot alerts test`: what waits for the owner goes out, by each channel that is named.

A process of its own with a lock of its own: no tick waits for it, and its death harms none. It holds no transaction
while it speaks, and what goes wrong on one channel stops no other.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import msgspec

from bot.commands.opening import log_of, warn
from bot.commands.voices import Voice, gaps_of, voices_of
from bot.config.effective import settings_from_process
from bot.config.settings import Settings
from bot.domain import topics
from bot.domain.alerts import Alert, Channel, Delivered, Message
from bot.domain.desk import AlertNumbers
from bot.domain.errors import BotError, ConfigError, ForeignStore, StoreError
from bot.report.composing import HOUR, IN_FULL, Draft, Standing, Waiting, compose, is_quiet, one_line, told
from bot.store.alerting import end_alerts, keep_alerts, open_outbox
from bot.store.database import Database, moment_text
from bot.store.lock import HOME_ADVICE, held
from bot.store.outbox import (
    CRITICAL,
    ORDINARY,
    ChannelRow,
    OutboxRow,
    add_message,
    begin_sending,
    dead_key,
    drop_answered_repeats,
    due_messages,
    give_up_sending,
    keep_answer,
    may_ask,
    open_channel,
    read_message,
)
from bot.store.outbox_waiting import LaneWaiting, asked_lately, keep_message, lane_waiting, pass_over, standing_of
from bot.store.queries import ledger_exists
from bot.wiring import House, environment_of, load_house, wall_clock

LOCK_NAME = "alerts.lock"
BUDGET_SECONDS = 50.0
"""How long one run may take: its timer comes every minute."""
UNKEPT_MINUTES = 30
"""Where nothing can be written, not even that something was said, the clock alone says when to say it again."""
DESK_KEY = "desk.toml"
NO_CHANNEL = (
    "no channel is named: put DISCORD_WEBHOOK_URL, or TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID, or SMTP_HOST, SMTP_FROM "
    "and SMTP_TO into .env"
)


class Sender(NamedTuple):
    """Whom to tell what about, from a house; without one (a desk.toml at fault) with the shipped numbers."""

    settings: Settings
    numbers: AlertNumbers
    tag: str
    house: House | None = None
    fault: str = ""


class Spoken(NamedTuple):
    """What came of one channel in one run."""

    channel: Channel
    outcomes: tuple[str, ...] = ()
    words: str = ""

    @property
    def failed(self) -> bool:
        """Say whether something is to be asked again."""
        return bool({"refused", "unknown"} & set(self.outcomes))


def sender_of(env: str) -> Sender:
    """Read who is to be told; raises ConfigError only where .env itself cannot be used.

    A desk.toml that cannot be used stops every tick: that is just when its owner must be told.
    """
    try:
        house = load_house(env)
    except ConfigError as error:
        settings = settings_from_process(Path(env) if env else None)
        tag = f"{settings.home.name} {environment_of(settings).upper()}"
        return Sender(settings, AlertNumbers(), tag, fault=str(error))
    return _of_house(house)


def _of_house(house: House) -> Sender:
    tag = f"{house.desk.name} {environment_of(house.settings).upper()}"
    return Sender(house.settings, house.desk.alerts, tag, house)


def run_send(env: str, *, as_json: bool) -> None:
    """Tell every channel what waits for it, and print what came of it; 75 where something is to be asked again."""
    sender = sender_of(env)
    _warn(sender)
    home = sender.settings.home
    if not ledger_exists(home):
        print(json.dumps({"home": str(home), "channels": {}}) if as_json else f"no tick ran yet   home {home}")
        return
    with _alone(home, "bot alerts send"):
        try:
            with open_outbox(home) as database:
                spoken = send(sender, database, wall_clock)
        except (StoreError, ForeignStore) as error:
            _say_unkept(sender, error, wall_clock())
            raise
    if as_json:
        channels = {one.channel: {"outcomes": list(one.outcomes), "words": one.words} for one in spoken}
        print(json.dumps({"home": str(home), "channels": channels}))
    else:
        for one in spoken:
            print(f"{one.channel}: {', '.join(one.outcomes) or 'nothing to say'}{f' ({one.words})' * bool(one.words)}")
        if not spoken:
            print(NO_CHANNEL)
    if any(one.failed for one in spoken):
        raise SystemExit(75)


def send(
    sender: Sender, database: Database, now: Callable[[], datetime], meter: Callable[[], float] = monotonic
) -> tuple[Spoken, ...]:
    """Notice what is new, then compose and deliver for each channel; a channel that died is told to the others."""
    deadline = meter() + BUDGET_SECONDS
    _notice(sender, database, now())
    with database.writing() as connection:
        give_up_sending(connection, now())
    voices = voices_of(sender.settings, deadline, meter)
    spoken = {voice.channel: Spoken(voice.channel) for voice in voices}
    for _ in range(2):
        died = False
        for voice in voices:
            try:
                one = _serve(sender, database, voice, now)
            except (StoreError, ForeignStore):  # no channel's own fault, and nothing may leave unwritten
                raise
            except BotError as error:
                one = Spoken(voice.channel, (), sender.settings.secrets.mask(str(error)))
            before = spoken[voice.channel]
            spoken[voice.channel] = Spoken(voice.channel, before.outcomes + one.outcomes, one.words or before.words)
            died = died or "dead" in one.outcomes
        if not died:
            break
    _log(sender, spoken.values(), now)
    return tuple(spoken.values())


def run_test(env: str) -> None:
    """Send one test message by each channel, dead or not, and print what came of it; 1 unless all took it."""
    house = load_house(env)
    sender = _of_house(house)
    warn(house)
    gaps = gaps_of(house.settings)
    voices = voices_of(house.settings, monotonic() + BUDGET_SECONDS, monotonic)
    if not voices:
        raise ConfigError((*gaps, NO_CHANNEL))
    good = not gaps
    for gap in gaps:
        print(f"bot: {gap}", file=sys.stderr)
    with ExitStack() as stack:
        database = None
        if ledger_exists(house.home):
            stack.enter_context(_alone(house.home, "bot alerts test"))
            database = stack.enter_context(open_outbox(house.home))
        for voice in voices:
            answer = _test_one(sender, database, voice)
            good = good and answer.outcome == "sent"
            words = f" ({answer.words})" if answer.words else ""
            off = "" if told(sender.numbers, voice.channel) else "; desk.toml tells it nothing: [alerts] has it off"
            print(f"{voice.channel}: {answer.outcome}{words}{off}")
    if not good:
        raise SystemExit(1)


def _test_one(sender: Sender, database: Database | None, voice: Voice) -> Delivered:
    at = wall_clock()
    title = f"[{sender.tag}] test message"
    lines = ("This channel works: alerts of this desk arrive here.", "sent by `bot alerts test`; nothing is wrong")
    message = Message(title=title, lines=lines, at=at)
    if database is None:
        row = OutboxRow(0, moment_text(at), voice.channel, "test", "test:0", message, (), 0)
        return _asked(sender, voice, row)
    with database.writing() as connection:
        open_channel(connection, voice.channel, voice.address_hash, at)
        row = read_message(connection, add_message(connection, voice.channel, "test", "test", message, (), at))
    return _deliver(sender, database, voice, row, wall_clock)


def _alone(home: Path, command: str) -> AbstractContextManager[int]:
    who = f"{command}, since {wall_clock():%Y-%m-%d %H:%M:%S} UTC"
    return held(home / LOCK_NAME, f"{home / LOCK_NAME}", who, HOME_ADVICE.format(home))


def _warn(sender: Sender) -> None:
    if sender.house is not None:
        warn(sender.house)
    for words in (*gaps_of(sender.settings), sender.fault):
        if words:
            print(f"warning: {words}", file=sys.stderr)


def _say_unkept(sender: Sender, error: BotError, now: datetime) -> None:
    """Tell every channel that the ledger takes no alerts, such as on a full disk; twice an hour, kept nowhere."""
    if now.minute % UNKEPT_MINUTES:
        return
    title = one_line(f"[{sender.tag}] CRITICAL: no alert can be kept or delivered")
    lines = (*str(error).splitlines(), f"said every {UNKEPT_MINUTES} minutes until the ledger can be written again")
    told_lines = tuple(sender.settings.secrets.mask(one_line(line, 500)) for line in lines)
    message = Message(title=title, lines=told_lines, severity="critical", at=now)
    for voice in voices_of(sender.settings, monotonic() + BUDGET_SECONDS, monotonic):
        if told(sender.numbers, voice.channel) and voice.has_time():
            row = OutboxRow(0, moment_text(now), voice.channel, "alerts", "", message, (), 0)
            answer = _asked(sender, voice, row)
            print(f"{voice.channel}: {answer.outcome}{f' ({answer.words})' * bool(answer.words)}", file=sys.stderr)


def _notice(sender: Sender, database: Database, now: datetime) -> None:
    """Write down what happened since anybody looked; what hinders that is said and hinders no delivery."""
    from bot.commands.alerting import notice

    if sender.house is None:
        fault = sender.settings.secrets.mask(sender.fault)
        alert = Alert(
            at=now, topic=topics.UNIT_FAILED, severity="high", key=DESK_KEY, lasts="state",
            title="desk.toml cannot be used: no tick runs", words=f"{fault}\nmend it, then `bot config check`",
        )  # fmt: skip
        with database.writing() as connection:
            keep_alerts(connection, (alert,), sender.numbers.same_minutes)
        return
    with database.writing() as connection:
        end_alerts(connection, (DESK_KEY,), now)
    failed = notice(sender.house, database, now)
    if failed:
        print(f"warning: {failed}", file=sys.stderr)


def _serve(sender: Sender, database: Database, voice: Voice, now: Callable[[], datetime]) -> Spoken:
    """Compose what one channel is to be told and ask it, message by message, until one is not taken."""
    if not told(sender.numbers, voice.channel):
        return Spoken(voice.channel, (), "off in desk.toml")
    row = _compose(sender, database, voice, now())
    if row.dead_since is not None:
        return Spoken(voice.channel, (), f"dead since {row.dead_since:%Y-%m-%d %H:%M} UTC: {row.dead_why}")
    if not may_ask(row, now()):
        return Spoken(voice.channel, (), f"asked to wait until {row.wait_until:%H:%M:%S} UTC")
    outcomes: list[str] = []
    quiet = is_quiet(sender.numbers.quiet_hours, now())
    for message in due_messages(database, voice.channel, now(), only_critical=quiet):
        if not voice.has_time():
            return Spoken(voice.channel, tuple(outcomes), "the run's time is up: the rest goes with the next")
        answer = _deliver(sender, database, voice, message, now)
        outcomes.append(answer.outcome)
        if answer.outcome != "sent":
            return Spoken(voice.channel, tuple(outcomes), answer.words)
    return Spoken(voice.channel, tuple(outcomes))


def _compose(sender: Sender, database: Database, voice: Voice, now: datetime) -> ChannelRow:
    """Write down, in one transaction with the cursors, what a channel is to be told now."""
    channel = voice.channel
    severities = told(sender.numbers, channel)
    with database.writing() as connection:
        row = open_channel(connection, channel, voice.address_hash, now)
        if not may_ask(row, now):
            return row
        lanes: dict[str, LaneWaiting] = {
            CRITICAL: lane_waiting(connection, channel, CRITICAL, ("critical",), now, IN_FULL),
            ORDINARY: lane_waiting(
                connection, channel, ORDINARY, tuple(one for one in severities if one != "critical"), now, IN_FULL
            ),
        }
        standing = () if drop_answered_repeats(connection, channel) else standing_of(connection, channel)
        critical, ordinary = asked_lately(connection, channel, now - HOUR)
        waiting = Waiting(
            channel=channel, critical=lanes[CRITICAL].alerts, ordinary=lanes[ORDINARY].alerts,
            standing=tuple(Standing(kept=kept, said_at=at) for kept, at in standing),
            before=lanes[CRITICAL].before | lanes[ORDINARY].before, asked_critical=critical, asked_ordinary=ordinary,
        )  # fmt: skip
        for lane, found in lanes.items():
            if not found.alerts:
                pass_over(connection, channel, lane, found)
        for draft in compose(waiting, sender.numbers, now, sender.tag):
            lane = CRITICAL if draft.lane == "critical" else ORDINARY
            message = _masked(sender, draft)
            if draft.kind == "repeat":
                add_message(connection, channel, "repeat", "repeat", message, draft.alert_ids, now)
            else:
                keep_message(connection, channel, lane, message, draft.alert_ids, lanes[lane], now)
    return row


def _masked(sender: Sender, draft: Draft) -> Message:
    mask = sender.settings.secrets.mask
    message = draft.message
    return msgspec.structs.replace(
        message, title=mask(message.title), lines=tuple(mask(line) for line in message.lines)
    )  # fmt: skip


def _deliver(
    sender: Sender, database: Database, voice: Voice, row: OutboxRow, now: Callable[[], datetime]
) -> Delivered:
    """Ask a channel to take one message: written down before, answered after, nothing open between."""
    begin_sending(database, row)
    answer = _asked(sender, voice, row)
    at = now()
    with database.writing() as connection:
        keep_answer(connection, row, answer, at)
        if answer.outcome == "dead":
            alert = Alert(
                at=at, topic=topics.CHANNEL_DEAD, severity="high", key=dead_key(row.channel), lasts="state",
                title=f"{row.channel} takes no messages any more",
                words=f"{answer.words}\nwhat waits for it is kept; `bot alerts test` asks it again",
            )  # fmt: skip
            keep_alerts(connection, (alert,), sender.numbers.same_minutes)
    return answer


def _asked(sender: Sender, voice: Voice, row: OutboxRow) -> Delivered:
    try:
        fingerprint = sha256(f"{sender.tag}\0{row.id}\0{row.at}\0{row.message!r}".encode()).hexdigest()[:24]
        answer = voice.say(row.message, f"{row.id}.{fingerprint}")
    except Exception as error:  # noqa: BLE001 - whatever it is, the message may have left, and others wait
        answer = Delivered(outcome="unknown", words=f"{row.channel}: {type(error).__name__}: {error}")
    return msgspec.structs.replace(answer, words=sender.settings.secrets.mask(answer.words))


def _log(sender: Sender, spoken: Iterable[Spoken], now: Callable[[], datetime]) -> None:
    """Keep in the log what was said, and to whom not."""
    if sender.house is None:
        return
    log = log_of(sender.house, "bot alerts send", now)
    try:
        for one in spoken:
            if one.outcomes:
                log.say("alerts", channel=one.channel, outcomes=", ".join(one.outcomes), message=one.words)
    finally:
        log.close()
