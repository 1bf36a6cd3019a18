"""What `bot doctor` finds of the ways to the owner: channels, what waits for them, and, only when asked, their answer.

Asking posts nothing: Discord tells a webhook's name, Telegram the bot's and the chat's, a mail server takes a greeting
and a login. The outside witness of `bot watch` is never asked: a ping would say that all is well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.domain.alerts import CHANNELS, Channel
from bot.domain.errors import BotError
from bot.ops.finding import Finding
from bot.report.words import ago, count
from bot.store import condition
from bot.store.queries import Ledger
from bot.wiring import House

WAITS_LOOK = timedelta(minutes=15)
"""A message that has waited longer than this: the sender's timer comes every minute."""
ASK_SECONDS = 10.0
_NAMES: dict[Channel, tuple[str, ...]] = {
    "discord": ("DISCORD_WEBHOOK_URL",),
    "telegram": ("TELEGRAM_BOT_TOKEN", "TELEGRAM_CHAT_ID"),
    "email": ("SMTP_HOST", "SMTP_FROM", "SMTP_TO"),
}


def configured(house: House) -> tuple[Channel, ...]:
    """List the channels that .env names whole."""
    return tuple(channel for channel in CHANNELS if not _lacking(house, channel))


def _lacking(house: House, channel: Channel) -> list[str]:
    """Name what .env lacks for a channel."""
    settings = house.settings
    there = {
        "DISCORD_WEBHOOK_URL": "DISCORD_WEBHOOK_URL" in settings.secrets.names(),
        "TELEGRAM_BOT_TOKEN": "TELEGRAM_BOT_TOKEN" in settings.secrets.names(),
        "TELEGRAM_CHAT_ID": bool(settings.channels.telegram_chat),
    }
    mail = settings.channels.mail is not None
    return [name for name in _NAMES[channel] if not there.get(name, mail)]


def routed(house: House, channel: Channel) -> str:
    """Give the least severity that a channel is told, or nothing where it is told nothing."""
    return getattr(house.desk.alerts, channel) or ""


def examine_channels(house: House, ledger: Ledger | None, now: datetime) -> Iterator[Finding]:
    """Look at every channel as .env, desk.toml and the outbox have it; nobody is asked."""
    rows = {} if ledger is None else condition.channel_rows(ledger.connection)
    named = configured(house)
    if not named:
        words = "no channel is set: nobody is told when something goes wrong"
        yield Finding(
            "look",
            "channels",
            words,
            "set DISCORD_WEBHOOK_URL, TELEGRAM_... or SMTP_... in .env, then `bot alerts test`",
        )
    for channel in CHANNELS:
        lacking = _lacking(house, channel)
        if lacking and len(lacking) < len(_NAMES[channel]):
            yield Finding(
                "look", channel, f"half set: {', '.join(lacking)} is missing", f"set {', '.join(lacking)} in .env"
            )
        elif not lacking:
            yield _channel(house, channel, rows.get(channel), now)
    yield from _people(house)
    if ledger is not None:
        number, oldest = condition.unanswered(ledger.connection)
        if number and oldest is not None:
            words = f"{count(number, 'critical alert')} nobody acknowledged, the oldest {ago(oldest, now)}"
            yield Finding("look", "alerts", words, "`bot alerts list`, then `bot alerts ack N`")


def _channel(house: House, channel: Channel, row: condition.ChannelRow | None, now: datetime) -> Finding:
    least = routed(house, channel)
    if not least:
        words = f'set in .env, and desk.toml says alerts.{channel} = "off"'
        return Finding("look", channel, words, f"set alerts.{channel} in desk.toml, or take it out of .env")
    if channel == "email" and _login_without_password(house):
        return Finding("look", channel, "SMTP_USER is set and SMTP_PASSWORD is not", "set SMTP_PASSWORD in .env")
    words = f"told what is {least} or graver"
    if row is None:
        return Finding("look", channel, f"{words}; nothing was ever sent", "`bot alerts test`")
    if row.dead_since is not None:
        words = f"dead since {row.dead_since:%Y-%m-%d %H:%M} UTC: {row.dead_why}"
        return Finding("look", channel, words, "put a new address or token into .env, then `bot alerts test`")
    if row.oldest is not None and now - row.oldest > WAITS_LOOK:
        last = "nothing was ever taken" if row.sent_at is None else f"it last took one {ago(row.sent_at, now)}"
        until = (
            ""
            if row.wait_until is None or row.wait_until < now
            else f", it asked to wait until {row.wait_until:%H:%M} UTC"
        )
        waiting = count(row.waiting, "message waits", "messages wait")
        words = f"{waiting}, the oldest since {ago(row.oldest, now)}; {last}{until}"
        return Finding(
            "look", channel, words, "`bot alerts send` says why; then its timer: systemctl list-timers 'bot-*'"
        )
    if row.sent_at is None:
        return Finding("look", channel, f"{words}; it never took anything", "`bot alerts test`")
    unknown = f"; of {count(row.unknown, 'message')} nobody knows whether they arrived" if row.unknown else ""
    return Finding("good", channel, f"{words}; it last took one {ago(row.sent_at, now)}{unknown}")


def _login_without_password(house: House) -> bool:
    mail = house.settings.channels.mail
    return mail is not None and bool(mail.user) and "SMTP_PASSWORD" not in house.settings.secrets.names()


def _people(house: House) -> Iterator[Finding]:
    channels = house.settings.channels
    if "TELEGRAM_BOT_TOKEN" in house.settings.secrets.names() and not (channels.admins or channels.operators):
        words = "nobody may speak to the bot by chat: TELEGRAM_ADMINS and TELEGRAM_OPERATORS are empty"
        yield Finding("good", "chat", words)
    elif channels.admins or channels.operators:
        yield Finding(
            "good", "chat", f"{count(len(channels.admins), 'admin')}, {count(len(channels.operators), 'operator')}"
        )


def ask_channels(house: House, seconds: float = ASK_SECONDS) -> Iterator[Finding]:
    """Ask each channel that is set who it is; nothing is posted, and what goes wrong is a finding."""
    for channel in configured(house):
        asked = {"discord": _ask_discord, "telegram": _ask_telegram, "email": _ask_mail}[channel]
        try:
            yield Finding("good", f"{channel} asked", asked(house, seconds))
        except BotError as error:
            do = "mend .env as it says, then `bot doctor --reach`"
            yield Finding("look", f"{channel} asked", house.settings.secrets.mask(str(error)), do)
    if "WATCH_PING_URL" in house.settings.secrets.names():
        yield Finding(
            "good", "ping", "WATCH_PING_URL is set; it is not asked here, for that would say that all is well"
        )


def _ask_discord(house: House, seconds: float) -> str:
    from bot.talkers.discord import Discord

    return (
        f"the webhook answers as {Discord(house.settings.secrets.reveal('DISCORD_WEBHOOK_URL'), seconds=seconds).me()}"
    )


def _ask_telegram(house: House, seconds: float) -> str:
    from bot.talkers.telegram import Telegram

    channels = house.settings.channels
    bot = Telegram(house.settings.secrets.reveal("TELEGRAM_BOT_TOKEN"), channels.telegram_api, seconds=seconds)
    return f"the bot is {bot.me()}, the chat {bot.chat_name(channels.telegram_chat)}"


def _ask_mail(house: House, seconds: float) -> str:
    """Greet the mail server and log in, as a message would; nothing is handed over."""
    import smtplib
    import ssl

    mail = house.settings.channels.mail
    assert mail is not None, "asked only where it is set"
    where = f"{mail.host}:{mail.port}"
    try:
        context = ssl.create_default_context()
        kind = smtplib.SMTP_SSL(mail.host, mail.port, timeout=seconds, context=context) if mail.security == "tls" else (
            smtplib.SMTP(mail.host, mail.port, timeout=seconds)
        )  # fmt: skip
        with kind as server:
            if mail.security == "starttls":
                server.starttls(context=context)
            server.ehlo()
            if mail.user:
                server.login(mail.user, house.settings.secrets.reveal("SMTP_PASSWORD"))
    except smtplib.SMTPAuthenticationError as error:
        raise BotError(f"{where} refuses SMTP_USER and SMTP_PASSWORD ({error.smtp_code})") from None
    except smtplib.SMTPException as error:
        raise BotError(f"{where} answers, but not as wanted ({type(error).__name__}): check SMTP_SECURITY") from None
    except (OSError, ValueError) as error:
        raise BotError(f"{where} cannot be reached ({type(error).__name__}): check SMTP_HOST and SMTP_PORT") from None
    return f"{where} takes {'the login' if mail.user else 'the greeting'}"
