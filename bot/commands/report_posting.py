"""Posting one day's report to the owner's channels: each of them once, written down before it is asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from time import monotonic
from typing import Any, NamedTuple

import msgspec

from bot.commands.voices import gaps_of, voices_of
from bot.domain.alerts import Alert, Channel, Delivered, Message
from bot.domain.errors import ConfigError, UsageError
from bot.domain.topics import CHANNEL_DEAD, REPORT_UNKNOWN, SEVERITY_OF
from bot.report.day import DayReport, day_lines
from bot.report.digest import SEVERITY, digest, fitted, headline, plain_lines
from bot.report.embeds import report_embeds
from bot.report.words import new_york
from bot.store.alerting import keep_alerts
from bot.store.database import Database
from bot.store.outbox import dead_key, open_channel, revive
from bot.store.reports import PICTURE, ReportRow, claim_report, count_reports, mark_dead, report_key, settle_report
from bot.wiring import House

TEXT_ROOM = 3_500
"""Characters of a report as a chat message, below what Telegram takes."""
LINES: dict[Channel, tuple[str, ...]] = {
    "discord": ("DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/<id>/<token>",),
    "telegram": ("TELEGRAM_BOT_TOKEN=<token>", "TELEGRAM_CHAT_ID=<chat>"),
    "email": ("SMTP_HOST=smtp.example.com", "SMTP_FROM=bot@example.com", "SMTP_TO=me@example.com"),
}
"""What stands in .env where a channel is configured."""


class Told(NamedTuple):
    """A day's report in every shape a channel takes; `png` is its picture, where one could be drawn."""

    day: date
    so_far: bool
    title: str
    message: Message
    whole: Message
    embeds: list[dict[str, Any]]
    png: bytes | None
    alt: str


class Piece(NamedTuple):
    """One message of a report: what its key ends with, and what asks the channel to take it."""

    suffix: str
    ask: Callable[[str], Delivered]


class Post(NamedTuple):
    """One channel with the messages a report is in it; `address_hash` tells whether it still has the same address."""

    channel: Channel
    address_hash: str
    pieces: tuple[Piece, ...]


class Came(NamedTuple):
    """What became of a report on one channel: in words, and whether it is there."""

    channel: Channel
    words: str
    good: bool


def shapes_of(report: DayReport, png: bytes | None, alt: str, at: datetime, mask: Callable[[str], str]) -> Told:
    """Give a report every shape; nothing secret that this desk knows of stands in any."""
    title = mask(headline(report))
    parts = fitted(digest(report), TEXT_ROOM, lambda part: len("\n".join(plain_lines([part]))) + 2)
    severity, silent = SEVERITY[report.colour], report.colour == "green"

    def message(lines: Sequence[str]) -> Message:
        return Message(title=title, lines=tuple(map(mask, lines)), severity=severity, at=at, silent=silent)

    return Told(
        day=report.day, so_far=report.so_far, title=title, message=message(plain_lines(parts)),
        whole=message(day_lines(report)), embeds=_masked(report_embeds(report, picture=png is not None), mask),
        png=png, alt=mask(alt),
    )  # fmt: skip


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [_masked(one, mask) for one in value]
    if isinstance(value, dict):
        return {key: _masked(one, mask) for key, one in value.items()}
    return value


def channels_of(house: House, only: str = "") -> dict[Channel, str]:
    """Give the channels that .env names, each with the hash of its address.

    Raises ConfigError with the lines to add where there is none to post to.
    """
    if only and only not in LINES:
        raise UsageError(f"--channel: expected {', '.join(LINES)}, got {only!r}")
    voices = voices_of(house.settings, math.inf, monotonic)
    found = {one.channel: one.address_hash for one in voices if not only or one.channel == only}
    if not found:
        named = [name for name in LINES if not only or name == only]
        what = f"{only} is not configured" if only else "no channel is configured to post the report to"
        lines = "; or ".join(", ".join(LINES[name]) for name in named)
        raise ConfigError((
            *gaps_of(house.settings),
            f"{what}: put this into .env: {lines} (`bot report` prints the report without any)",
        ))  # fmt: skip
    return found


def post_of(house: House, channel: Channel, address_hash: str, told: Told) -> Post:
    """Give what asks a channel to take a report; its secrets go no further than into its client."""
    settings = house.settings
    if channel == "discord":
        from bot.talkers.discord import Discord

        hook = Discord(settings.secrets.reveal("DISCORD_WEBHOOK_URL"))
        silent = told.message.silent

        def webhook(_: str) -> Delivered:
            return hook.post(content=told.title, embeds=told.embeds, png=told.png, alt=told.alt, silent=silent)

        return Post(channel, address_hash, (Piece("", webhook),))
    if channel == "telegram":
        from bot.talkers.telegram import Telegram

        bot = Telegram(settings.secrets.reveal("TELEGRAM_BOT_TOKEN"), settings.channels.telegram_api)
        chat, png = settings.channels.telegram_chat, told.png
        pieces = [Piece("", lambda _: bot.say(chat, told.message))]
        if png is not None:
            pieces.append(Piece(PICTURE, lambda _: bot.picture(chat, png, told.title, silent=True)))
        return Post(channel, address_hash, tuple(pieces))
    from bot.talkers.mail import Mail

    server = settings.channels.mail
    assert server is not None, "a channel that is not configured is not posted to"
    password = settings.secrets.reveal("SMTP_PASSWORD") if "SMTP_PASSWORD" in settings.secrets.names() else ""
    mail = Mail(server, password)
    pieces = [Piece("", lambda key: mail.send(told.whole, message_id=message_id(house, key)))]
    return Post(channel, address_hash, tuple(pieces))


def message_id(house: House, key: str) -> str:
    """Give a mail's own id: the same report of the same home has the same one, whenever it is sent."""
    from hashlib import sha256

    return f"<{sha256(f'{house.home.absolute()} {key}'.encode()).hexdigest()[:32]}@escapement>"


def post_report(
    database: Database, post: Post, told: Told, now: Callable[[], datetime], same_minutes: int, *, again: bool = False
) -> Came:
    """Post a report to one channel, once; what stands in the way is said, and what nobody knows is an alert."""
    number = 0
    with database.writing() as connection:
        row = open_channel(connection, post.channel, post.address_hash, now())
        if again:
            number = count_reports(connection, post.channel, report_key(told.day, so_far=told.so_far))
    if row.dead_since is not None and not again:
        since = new_york(row.dead_since)
        words = f"not posted: this channel takes no messages since {since}: {row.dead_why}; `bot alerts test` asks it"
        return Came(post.channel, words, False)
    base = report_key(told.day, so_far=told.so_far, again=number)
    payload = msgspec.json.encode(told.message).decode()
    came = Came(post.channel, "", True)
    for piece in post.pieces:
        key = f"{base}{piece.suffix}"
        at = now()
        with database.writing() as connection:
            barred = claim_report(connection, post.channel, key, payload, at)
            if barred is not None and barred.state == "unknown":
                keep_alerts(connection, [unknown_alert(post.channel, told.day, key, barred.error, at)], same_minutes)
        if barred is not None:
            came = Came(post.channel, _barred_words(barred, told.day), barred.state == "sent")
            if not came.good:
                return came
            continue
        came = _ask(database, post.channel, key, piece, told.day, now, same_minutes)
        if not came.good:
            return came
    return came


def _ask(
    database: Database, channel: Channel, key: str, piece: Piece, day: date, now: Callable[[], datetime],
    same_minutes: int,
) -> Came:  # fmt: skip
    """Ask a channel for what is written down as on its way, and keep the answer."""
    answer = piece.ask(key)
    at = now()
    with database.writing() as connection:
        state = settle_report(connection, channel, key, answer, at)
        if state == "sent":
            revive(connection, channel, at)
        if state == "dead":
            mark_dead(connection, channel, answer.words, at)
            keep_alerts(connection, [dead_alert(channel, answer.words, at)], same_minutes)
        if state == "unknown":
            keep_alerts(connection, [unknown_alert(channel, day, key, answer.words, at)], same_minutes)
    if state == "sent":
        return Came(channel, f"posted{f' as {answer.remote_id}' if answer.remote_id else ''}", True)
    if state == "unknown":
        return Came(channel, f"nobody knows whether it is there: {answer.words}; {_look(day, channel)}", False)
    if state == "dead":
        return Came(channel, f"not posted, and not asked again as it is set up: {answer.words}", False)
    wait = f", in {answer.wait_seconds:.0f} s at the earliest" if answer.wait_seconds else ""
    return Came(channel, f"not posted: {answer.words}; `bot report --post` tries again{wait}", False)


def unknown_alert(channel: Channel, day: date, key: str, why: str, at: datetime) -> Alert:
    """Give the alert that nobody knows whether a report reached its channel."""
    return Alert(
        at=at, topic=REPORT_UNKNOWN, severity=SEVERITY_OF[REPORT_UNKNOWN], key=f"{key}:{channel}", lasts="once",
        title=f"nobody knows whether the report of {day} reached {channel}",
        words=f"{why}; it is not sent twice by itself: {_look(day, channel)}",
    )  # fmt: skip


def dead_alert(channel: Channel, why: str, at: datetime) -> Alert:
    """Give the alert that a channel takes no messages: the others tell it."""
    return Alert(
        at=at, topic=CHANNEL_DEAD, severity=SEVERITY_OF[CHANNEL_DEAD], key=dead_key(channel), lasts="state",
        title=f"{channel} takes no messages any more",
        words=f"{why}\nwhat waits for it is kept; `bot alerts test` asks it again",
    )  # fmt: skip


def _look(day: date, channel: Channel) -> str:
    return f"look there, and where it is missing `bot report --post --day {day} --channel {channel} --again` sends it"


def _barred_words(row: ReportRow, day: date) -> str:
    if row.state == "sent":
        when = "" if row.delivered_at is None else f" on {new_york(row.delivered_at)}"
        return f"posted already{when}; `--again` posts it once more"
    if row.state == "unknown":
        return f"nobody knows whether it is there: {row.error}; {_look(day, row.channel)}"
    until = "" if row.next_at is None else f" before {new_york(row.next_at)}"
    return f"not posted yet: {row.error}; it may not be asked again{until}"
