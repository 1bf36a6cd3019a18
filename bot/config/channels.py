"""The part of `.env` that says where the owner is reached, checked. No message repeats an address that is a secret."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from bot.domain.channels import TELEGRAM_API, Channels, MailServer, Security
from bot.venues.hosts import LOOPBACK, PRINTABLE

DISCORD_HOSTS = frozenset({"discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"})
_WEBHOOK = re.compile(r"/api(?:/v\d+)?/webhooks/\d+/[\w-]+/?", re.ASCII)
_TOKEN = re.compile(r"\d{3,20}:[\w-]{20,}", re.ASCII)
_CHAT = re.compile(r"-?\d{1,20}|@\w{4,40}", re.ASCII)
_ADDRESS = re.compile(r"[^\s@<>,;\"]+@[^\s@<>,;\"]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252})")
HIDDEN = "the value is not shown, it is a secret"


def webhook_fault(url: str) -> str:
    """Say what is wrong with a Discord webhook, or nothing; plain http is for a server on this machine.

    >>> webhook_fault(f"https://discord.com/api/webhooks/{12345}/abcDEF-_9")
    ''
    >>> webhook_fault("https://example.com/api/webhooks/12345/abcDEF")[:62]
    'DISCORD_WEBHOOK_URL: expected https://discord.com/api/webhooks'
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host, parts = "", urlsplit("")
    away = parts.scheme == "https" and parts.netloc in DISCORD_HOSTS
    here = parts.scheme == "http" and host in LOOPBACK and "@" not in parts.netloc
    good = PRINTABLE.fullmatch(url) and _WEBHOOK.fullmatch(parts.path) and not parts.query and not parts.fragment
    if good and (away or here):
        return ""
    return f"DISCORD_WEBHOOK_URL: expected https://discord.com/api/webhooks/<id>/<token>; {HIDDEN}"


def token_fault(token: str) -> str:
    """Say what is wrong with a Telegram token, or nothing.

    >>> token_fault("123456:ABCDEFGHIJKLMNOPQRSTUV")
    ''
    """
    if _TOKEN.fullmatch(token):
        return ""
    return f"TELEGRAM_BOT_TOKEN: expected <number>:<letters> as @BotFather writes it; {HIDDEN}"


def read_channels(text_of: Callable[[str], tuple[str, str]], faults: list[str]) -> Channels:
    """Read the channels; `text_of` gives a variable's text and its origin, faults are added to the list."""

    def fault(name: str, words: str) -> None:
        faults.append(f"{text_of(name)[1]}: {name}: {words}")

    chat = text_of("TELEGRAM_CHAT_ID")[0]
    if chat and not _CHAT.fullmatch(chat):
        fault("TELEGRAM_CHAT_ID", "expected a chat's number (a group's is negative) or @channelname")
    api = text_of("TELEGRAM_API_URL")[0].rstrip("/")
    if api and api != TELEGRAM_API and not _loopback(api):
        fault("TELEGRAM_API_URL", "expected an http address on this machine; leave it out for Telegram's own")
        api = ""

    def users(name: str) -> tuple[int, ...]:
        words = [word.strip() for word in text_of(name)[0].split(",") if word.strip()]
        if any(not (word.isascii() and word.isdigit() and len(word) <= 20) for word in words):
            fault(name, "expected user ids with commas, such as 12345,67890 (@userinfobot tells yours)")
            return ()
        return tuple(int(word) for word in words)

    return Channels(
        telegram_chat=chat, telegram_api=api or TELEGRAM_API, admins=users("TELEGRAM_ADMINS"),
        operators=users("TELEGRAM_OPERATORS"), mail=_mail(text_of, fault),
    )  # fmt: skip


def _loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and (parts.hostname or "") in LOOPBACK and "@" not in parts.netloc
    except ValueError:
        return False


def _mail(text_of: Callable[[str], tuple[str, str]], fault: Callable[[str, str], None]) -> MailServer | None:
    host, port = text_of("SMTP_HOST")[0], text_of("SMTP_PORT")[0]
    sender = text_of("SMTP_FROM")[0]
    recipients = tuple(word.strip() for word in text_of("SMTP_TO")[0].split(",") if word.strip())
    security = text_of("SMTP_SECURITY")[0]
    if security not in ("starttls", "tls", "none"):
        fault("SMTP_SECURITY", "expected starttls or tls or none")
        return None
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536):
        fault("SMTP_PORT", f"expected a port from 1 to 65535, got a text of {len(port)} characters")
        return None
    if not host:
        return None
    good = True
    if not _HOST.fullmatch(host):
        good = False
        fault("SMTP_HOST", "expected a host name without a port, such as smtp.example.com")
    if not _ADDRESS.fullmatch(sender):
        good = False
        fault("SMTP_FROM", "expected one address such as bot@example.com; SMTP_HOST needs it")
    if not recipients or not all(_ADDRESS.fullmatch(one) for one in recipients):
        good = False
        fault("SMTP_TO", "expected addresses with commas, such as me@example.com; SMTP_HOST needs it")
    if security == "none" and host not in LOOPBACK:
        good = False
        fault("SMTP_SECURITY", "none would send a password and positions in the clear: use starttls or tls")
    user = text_of("SMTP_USER")[0]
    if not good:
        return None
    return MailServer(
        host=host, port=int(port), security=cast(Security, security), user=user, sender=sender, recipients=recipients
    )
