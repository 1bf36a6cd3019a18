"""A Discord webhook: one message posted, and the truth about what came of it (C006).

The address is the secret. Nothing here repeats it: no error, no repr, no log line. Rate limits are the server's own
words, never numbers of ours; a 404 means the hook was deleted, and it is never asked again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from bot.domain.alerts import Delivered, Message
from bot.domain.errors import BotError
from bot.talkers.http import Answer, exchange
from bot.talkers.shape import ALT, cut, fit, message_shape
from bot.talkers.waiting import Waits, seconds_in

SILENT = 4096  # a message that wakes nobody
_UNTAKEN = 900.0  # what was refused as it stands is hardly taken a minute later
_ADVICE = "make a new webhook (channel, Integrations) and put its address into DISCORD_WEBHOOK_URL"
_GONE = {401: "refused its token", 403: "is not allowed to post here", 404: "was deleted"}


class Discord:
    """One webhook, asked with `wait=true` so that what is not kept is answered with an error."""

    def __init__(self, url: str, *, pause: Callable[[float], None] = time.sleep, seconds: float = 10.0) -> None:
        self._url = url.rstrip("/")
        self._seconds = seconds
        self._waits = Waits(pause)

    def __repr__(self) -> str:
        return "Discord(webhook)"

    def post(
        self, message: Message | None = None, *, embeds: list[dict[str, Any]] | None = None, content: str = "",
        png: bytes | None = None, png_name: str = "report.png", alt: str = "", silent: bool = False,
    ) -> Delivered:  # fmt: skip
        """Post one message, cut to Discord's limits, and say what came of it.

        A `message` is escaped whole; `content` and `embeds` are taken as they are written, so their writer escapes
        the data in them. A picture goes along as an attachment and stands in the last
        embed, unless one of them has an image. A wait the server asks
        for is kept when it is a minute or less, else it is given back in `wait_seconds`.
        """
        if message is not None:
            said, shaped = message_shape(message)
            content, embeds, silent = content or said, [*shaped, *(embeds or ())], silent or message.silent
        content, fitted = fit(content, embeds or [])
        if png is not None:
            fitted = fitted or [{}]
            if not any("image" in embed for embed in fitted):
                fitted[-1] = {**fitted[-1], "image": {"url": f"attachment://{png_name}"}}
        if not (content or fitted):
            return Delivered(outcome="refused", words="nothing to say: the message is empty")
        body: dict[str, Any] = {"allowed_mentions": {"parse": []}}
        body |= {"content": content} if content else {}
        body |= {"embeds": fitted} if fitted else {}
        body |= {"flags": SILENT} if silent else {}
        if png is not None:
            body["attachments"] = [{"id": 0, "filename": png_name, "description": cut(alt, ALT)}]
        return self._waits.ask(lambda: self._once(body, png, png_name), _judge)

    def me(self) -> str:
        """Give the webhook's name without posting; raises BotError with what to do."""
        answer = exchange("GET", self._url, seconds=self._seconds)
        told = answer.json()
        if answer.status == 200 and isinstance(told, dict) and isinstance(told.get("name"), str):
            return cut(told["name"], 80)
        if answer.status in _GONE:
            raise BotError(f"Discord: the webhook {_GONE[answer.status]}; {_ADVICE}")
        raise BotError(f"Discord: expected the webhook's name, but {answer.words}; try again later")

    def _once(self, body: dict[str, Any], png: bytes | None, name: str) -> Answer:
        url = f"{self._url}?wait=true"
        if png is None:
            return exchange("POST", url, seconds=self._seconds, fields=body)
        return exchange(
            "POST", url, seconds=self._seconds, data={"payload_json": json.dumps(body)},
            files={"files[0]": (name, png, "image/png")},
        )  # fmt: skip


def _judge(answer: Answer) -> Delivered:
    """Say what an answer proves."""
    told = answer.json()
    told = told if isinstance(told, dict) else {}
    if not answer.left:
        return Delivered(outcome="refused", wait_seconds=30.0, words=f"Discord: {answer.words}")
    status = answer.status
    if status == 429:
        wait = seconds_in(told.get("retry_after"), answer.headers.get("retry-after"),
                          answer.headers.get("x-ratelimit-reset-after"))  # fmt: skip
        return Delivered(outcome="refused", wait_seconds=wait, words=f"Discord asks for a wait of {wait:g} s (429)")
    remote = told.get("id")
    if status in (200, 201) and isinstance(remote, str) and remote.isascii() and remote.isdigit() and len(remote) < 40:
        rest = 0.0
        if answer.headers.get("x-ratelimit-remaining", "").strip() == "0":
            rest = seconds_in(answer.headers.get("x-ratelimit-reset-after"))
        return Delivered(outcome="sent", remote_id=remote, wait_seconds=rest)
    if status == 404 or (status in (401, 403) and "code" in told):
        return Delivered(outcome="dead", words=f"Discord: the webhook {_GONE[status]} ({status}); {_ADVICE}")
    if status in (401, 403):  # without Discord's own code it was somebody between us: the hook itself may be well
        return Delivered(outcome="refused", wait_seconds=_UNTAKEN, words=f"Discord: {status}, not by its API")
    if 400 <= status < 500 and status != 408:
        code = told.get("code")
        why = f" (code {code})" if isinstance(code, int) else ""
        return Delivered(outcome="refused", wait_seconds=_UNTAKEN, words=f"Discord did not take it: {status}{why}")
    return Delivered(outcome="unknown", words=f"Discord: {answer.words}; it may have taken the message")
