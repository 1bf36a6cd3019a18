"""What the owner is told at once, as facts: an alert as it was noticed, and what a channel is asked to say."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from bot.domain.facts import Fact
from bot.domain.topics import Severity

Channel = Literal["discord", "telegram", "email"]
CHANNELS: tuple[Channel, ...] = ("discord", "telegram", "email")
DeliveryState = Literal["pending", "sending", "sent", "unknown", "dead"]
"""pending: not asked yet, or provably not taken; sending: asked, no answer kept; unknown: asked, and nobody knows."""


class Alert(Fact, frozen=True, kw_only=True):
    """One thing worth telling. The same `key` is the same thing: it is counted, not told again, while it lasts.

    `title` is one line without markup; `words` say what happened, why, and the command that helps; neither holds a
    secret. `ends` names the keys of alerts that this one ends (a halt that cleared), parted by blanks. `lasts` says
    what counts as the same: for a moment, within `same_minutes`; a state, until another alert ends it; once, for good.
    """

    at: datetime
    topic: str
    severity: Severity
    key: str
    title: str
    words: str = ""
    tick_id: int | None = None
    ends: str = ""
    lasts: Literal["moment", "state", "once"] = "moment"


class KeptAlert(Fact, frozen=True, kw_only=True):
    """An alert as the store keeps it: with its number, how often it was seen, and who has seen to it."""

    id: int
    alert: Alert
    times: int = 1
    last_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    ended_at: datetime | None = None


class Message(Fact, frozen=True, kw_only=True):
    """What one channel is asked to say, before it takes that channel's shape.

    `title` one line, `lines` the body, `severity` the gravest in it, `silent` when nobody needs to be woken.
    """

    title: str
    lines: tuple[str, ...] = ()
    severity: Severity = "info"
    at: datetime
    silent: bool = False


class Delivered(Fact, frozen=True, kw_only=True):
    """What came of asking a channel once.

    sent: it has it (`remote_id` where it tells one). refused: it provably has not, and may be asked again after
    `wait_seconds`. unknown: it may have it. dead: never ask this address again. `words` say why, without the address.
    """

    outcome: Literal["sent", "refused", "unknown", "dead"]
    remote_id: str = ""
    wait_seconds: float = 0.0
    words: str = ""
