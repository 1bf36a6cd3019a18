"""Where the owner is reached: addresses without their secrets, and who may speak to the bot."""

from __future__ import annotations

from typing import Literal

from bot.domain.facts import Fact

Security = Literal["starttls", "tls", "none"]
Role = Literal["admin", "operator"]
TELEGRAM_API = "https://api.telegram.org"


class MailServer(Fact, frozen=True, kw_only=True):
    """A mail server to send through; the password is a secret and stands elsewhere."""

    host: str
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    sender: str
    recipients: tuple[str, ...]


class Channels(Fact, frozen=True, kw_only=True):
    """Every channel as .env names it; one that is not named is told nothing."""

    telegram_chat: str = ""
    telegram_api: str = TELEGRAM_API
    admins: tuple[int, ...] = ()
    operators: tuple[int, ...] = ()
    mail: MailServer | None = None

    def role_of(self, user: int) -> Role | None:
        """Give what a person may do by chat; None for a stranger.

        >>> Channels(admins=(7,), operators=(7, 8)).role_of(7), Channels().role_of(7)
        ('admin', None)
        """
        if user in self.admins:
            return "admin"
        return "operator" if user in self.operators else None
