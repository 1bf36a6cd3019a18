"""The channels that are named, each as something that can be asked to say a message."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import pbkdf2_hmac, sha256
from time import sleep
from typing import NamedTuple

from bot.config.settings import Settings
from bot.domain.alerts import Channel, Delivered, Message
from bot.domain.errors import OutOfTime

CHAT_SECONDS = 10.0
MAIL_SECONDS = 15.0
_ROUNDS = 50_000  # a mail password may be short: its hash in the ledger must not be tried out quickly


class Voice(NamedTuple):
    """One channel: the hash of its address and secret, and what says a message under a name of its own."""

    channel: Channel
    address_hash: str
    say: Callable[[Message, str], Delivered]
    has_time: Callable[[], bool]


def voices_of(settings: Settings, deadline: float, meter: Callable[[], float]) -> tuple[Voice, ...]:
    """Give every channel that is named in full; none speaks or waits past the deadline."""
    held, channels, found = settings.secrets.names(), settings.channels, []

    def pause(seconds: float) -> None:
        if meter() + seconds + CHAT_SECONDS > deadline:
            raise OutOfTime(f"{seconds:.1f}")
        sleep(seconds)

    def voice(channel: Channel, mark: str, seconds: float, say: Callable[[Message, str], Delivered]) -> Voice:
        return Voice(channel, mark, _in_time(channel, say), lambda: meter() + seconds <= deadline)

    if "DISCORD_WEBHOOK_URL" in held:
        from bot.talkers.discord import Discord

        url = settings.secrets.reveal("DISCORD_WEBHOOK_URL")
        discord = Discord(url, pause=pause, seconds=CHAT_SECONDS)
        found.append(voice("discord", _hash(url), CHAT_SECONDS, lambda message, _: discord.post(message)))
    if "TELEGRAM_BOT_TOKEN" in held and channels.telegram_chat:
        from bot.talkers.telegram import Telegram

        token, chat = settings.secrets.reveal("TELEGRAM_BOT_TOKEN"), channels.telegram_chat
        telegram = Telegram(token, channels.telegram_api, seconds=CHAT_SECONDS, pause=pause)
        mark = _hash(token, chat, channels.telegram_api)
        found.append(voice("telegram", mark, CHAT_SECONDS, lambda message, _: telegram.say(chat, message)))
    if channels.mail is not None:
        found.append(_mail_voice(settings, voice))
    return tuple(found)


def _mail_voice(settings: Settings, voice: Callable[..., Voice]) -> Voice:
    from bot.talkers.mail import Mail

    server = settings.channels.mail
    assert server is not None
    password = settings.secrets.reveal("SMTP_PASSWORD") if "SMTP_PASSWORD" in settings.secrets.names() else ""
    mail = Mail(server, password, seconds=MAIL_SECONDS)
    domain = server.sender.rpartition("@")[2]
    address = repr(server)
    mark = _hash(address, pbkdf2_hmac("sha256", password.encode(), address.encode(), _ROUNDS).hex())
    return voice(
        "email", mark, MAIL_SECONDS,
        lambda message, name: mail.send(message, message_id=f"<escapement.{name}@{domain}>"),
    )  # fmt: skip


def gaps_of(settings: Settings) -> tuple[str, ...]:
    """Name what is missing for a channel that is named in part."""
    held, channels = settings.secrets.names(), settings.channels
    found = []
    if "TELEGRAM_BOT_TOKEN" in held and not channels.telegram_chat:
        found.append("TELEGRAM_BOT_TOKEN is set and TELEGRAM_CHAT_ID is not: Telegram is told nothing")
    if channels.telegram_chat and "TELEGRAM_BOT_TOKEN" not in held:
        found.append("TELEGRAM_CHAT_ID is set and TELEGRAM_BOT_TOKEN is not: Telegram is told nothing")
    return tuple(found)


def _in_time(channel: Channel, say: Callable[[Message, str], Delivered]) -> Callable[[Message, str], Delivered]:
    """Give up before a wait that the run has no time for: a channel that asks to wait has taken nothing."""

    def said(message: Message, name: str) -> Delivered:
        try:
            return say(message, name)
        except OutOfTime as error:
            wait = float(str(error))
            return Delivered(outcome="refused", wait_seconds=wait, words=f"{channel} asks for a wait of {wait:g} s")

    return said


def _hash(*parts: str) -> str:
    return sha256("\0".join(parts).encode()).hexdigest()
