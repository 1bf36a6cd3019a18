"""Discord's webhook as its documentation has it: its limits, its errors, its waits. On this machine only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bot.tests.talkers.chat_server import PNG, Asked, ChatServer, Reply

HOOK, TOKEN = "4711", "CANARYhookCANARYhookCANARY"


class DiscordServer(ChatServer):
    """One webhook. `per_window` posts in `window` seconds are taken, further ones get a 429; 0 is no limit."""

    def __init__(self, *, per_window: int = 0, window: float = 2.0) -> None:
        super().__init__()
        self.per_window, self.window = per_window, window
        self.deleted = False
        self._times: list[float] = []

    @property
    def url(self) -> str:
        """Give the webhook's secret address."""
        return f"{self.address}/api/webhooks/{HOOK}/{TOKEN}"

    def limited(self, seconds: float) -> Reply:
        """Answer one request too many, with the float in its body that Discord gives."""
        told = {"message": "You are being rate limited.", "retry_after": seconds, "global": False}
        return Reply(429, told, headers=(("Retry-After", str(int(seconds) + 1)),))

    def reply(self, asked: Asked) -> Reply:
        """Answer a look at the webhook, or a post to it."""
        path, _, query = asked.path.partition("?")
        if path != f"/api/webhooks/{HOOK}/{TOKEN}" or self.deleted:
            return Reply(404, {"message": "Unknown Webhook", "code": 10015})
        if asked.method == "GET":
            return Reply(200, {"id": HOOK, "name": "Desk", "token": TOKEN})
        headers: tuple[tuple[str, str], ...] = ()
        if self.per_window:
            now = time.monotonic()
            self._times = [at for at in self._times if at > now - self.window]
            if len(self._times) >= self.per_window:
                return self.limited(round(self._times[0] + self.window - now, 3) + 0.001)
            self._times.append(now)
            after = f"{self._times[0] + self.window - now:.3f}"
            headers = (("X-RateLimit-Remaining", str(self.per_window - len(self._times))),
                       ("X-RateLimit-Reset-After", after))  # fmt: skip
        message = json.loads(asked.fields["payload_json"]) if "payload_json" in asked.fields else asked.fields
        faults = faults_of(message, asked)
        if faults:
            return Reply(400, {"message": "Invalid Form Body", "code": 50035, "errors": faults}, headers=headers)
        kept = {**message, "files": asked.files, "waited": query == "wait=true"}
        if query != "wait=true":
            return Reply(204, None, kept, headers)
        return Reply(200, {"id": str(10**17 + len(self.taken)), "type": 0}, kept, headers)


@contextmanager
def discord_server(*, per_window: int = 0, window: float = 2.0) -> Iterator[DiscordServer]:
    """Run a webhook of its own for one test."""
    server = DiscordServer(per_window=per_window, window=window)
    with server.running():
        yield server


def faults_of(message: dict[str, Any], asked: Asked | None = None) -> list[str]:
    """List what Discord would refuse about a message."""
    files = asked.files if asked else {}
    fields = asked.fields if asked else {}
    embeds = message.get("embeds", [])
    faults = [
        f"unknown {key}" for key in message.keys() - {"content", "embeds", "allowed_mentions", "flags", "attachments"}
    ]
    if not (str(message.get("content", "")).strip() or embeds or files):
        faults.append("Cannot send an empty message")
    if _long(message.get("content", "")) > 2_000:
        faults.append("content: 2000 or fewer in length")
    if len(embeds) > 10:
        faults.append("embeds: 10 or fewer in length")
    if sum(_long(text) for embed in embeds for text in _counted(embed)) > 6_000:
        faults.append("embeds: size exceeds maximum size of 6000")
    if message.get("allowed_mentions") != {"parse": []}:
        faults.append("this hook wants mentions off")
    names = [fields.get(f"files[{at}] filename") for at in range(len(files))]
    for embed in embeds:
        faults += _embed_faults(embed)
        image = embed.get("image", {}).get("url", "")
        if image.startswith("attachment://") and image.removeprefix("attachment://") not in names:
            faults.append("image: no such attachment")
    for one in message.get("attachments", []):
        if f"files[{one['id']}]" not in files or _long(one.get("description", "")) > 1_024:
            faults.append("attachments: unknown id or long description")
    if any(not content.startswith(PNG) for content in files.values()):
        faults.append("this hook takes PNG files only")
    return faults


def _embed_faults(embed: dict[str, Any]) -> list[str]:
    faults = []
    for name, most in (("title", 256), ("description", 4_096)):
        if _long(embed.get(name, "")) > most:
            faults.append(f"{name}: {most} or fewer in length")
    if _long(embed.get("footer", {}).get("text", "")) > 2_048 or _long(embed.get("author", {}).get("name", "")) > 256:
        faults.append("footer or author: too long")
    fields = embed.get("fields", [])
    if len(fields) > 25:
        faults.append("fields: 25 or fewer in length")
    for field in fields:
        if not (0 < _long(str(field["name"]).strip()) <= 256 and 0 < _long(str(field["value"]).strip()) <= 1_024):
            faults.append("field: name or value empty or too long")
    colour = embed.get("color", 0)
    if not (type(colour) is int and 0 <= colour <= 0xFFFFFF):
        faults.append("color: out of range")
    if not any(key in embed for key in ("title", "description", "fields", "image", "footer", "author")):
        faults.append("an empty embed")
    return faults


def _counted(embed: dict[str, Any]) -> list[str]:
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts.append(embed.get("author", {}).get("name", ""))
    return texts + [field[key] for field in embed.get("fields", []) for key in ("name", "value")]


def _long(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
