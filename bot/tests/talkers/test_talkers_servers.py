"""The servers that stand for the chats hold the chats' own rules, so that a client that passes them is right."""

from __future__ import annotations

import json
import time
from threading import Thread
from typing import Any

import pytest

from bot.talkers.http import Answer, exchange
from bot.tests.talkers.discord_server import DiscordServer, discord_server, faults_of
from bot.tests.talkers.telegram_server import CHAT, TOKEN, TelegramServer, telegram_server

OFF: dict[str, Any] = {"allowed_mentions": {"parse": []}}


def post(server: DiscordServer, message: dict[str, Any], query: str = "?wait=true") -> Answer:
    """Post to the webhook as a plain client would."""
    return exchange("POST", server.url + query, seconds=5, fields=message)


def call(server: TelegramServer, method: str, fields: dict[str, Any], token: str = TOKEN) -> Any:
    """Call a method of the bot's API and give what it told."""
    return exchange("POST", f"{server.address}/bot{token}/{method}", seconds=5, fields=fields).json()


def test_discord_tells_the_number_of_a_message_only_when_it_is_waited_for() -> None:
    with discord_server() as server:
        assert post(server, {"content": "x", **OFF}).json()["id"].isdigit()
        assert post(server, {"content": "x", **OFF}, "").status == 204
        assert [one["waited"] for one in server.taken] == [True, False]


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ({}, "empty message"),
        ({"content": " "}, "empty message"),
        ({"content": "x" * 2001}, "2000"),
        ({"content": "🔴" * 1001}, "2000"),
        ({"embeds": [{"title": "x"}] * 11}, "10 or fewer"),
        ({"embeds": [{"description": "x" * 3001}] * 2}, "6000"),
        ({"embeds": [{"title": "x" * 257}]}, "title"),
        ({"embeds": [{"description": "x" * 4097}]}, "description"),
        ({"embeds": [{"footer": {"text": "x" * 2049}}]}, "footer"),
        ({"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]}, "fields"),
        ({"embeds": [{"fields": [{"name": " ", "value": "v"}]}]}, "field"),
        ({"embeds": [{"fields": [{"name": "n" * 257, "value": "v"}]}]}, "field"),
        ({"embeds": [{"fields": [{"name": "n", "value": "v" * 1025}]}]}, "field"),
        ({"embeds": [{"image": {"url": "attachment://none.png"}}]}, "no such attachment"),
        ({"embeds": [{"color": 0x1000000}]}, "color"),
        ({"content": "x", "contents": "y"}, "unknown"),
    ],
)
def test_discord_refuses_what_breaks_its_limits(message: dict[str, Any], why: str) -> None:
    assert any(why in fault for fault in faults_of({**OFF, **message}))
    with discord_server() as server:
        assert post(server, {**OFF, **message}).status == 400
        assert server.taken == []


def test_discord_takes_what_stands_right_at_its_limits() -> None:
    fields = [{"name": "n" * 10, "value": "v" * 10}] * 25
    message = {
        "content": "x" * 2000,
        "embeds": [{"description": "x" * 4096}, {"title": "t" * 256, "fields": fields}],
        **OFF,
    }
    assert faults_of(message) == []
    assert faults_of({"content": "x"}) != []  # mentions are on


def test_discord_takes_so_many_in_a_window_and_says_how_long_to_wait() -> None:
    with discord_server(per_window=2, window=0.3) as server:
        first, second, third = (post(server, {"content": "x", **OFF}) for _ in range(3))
        assert (first.headers["x-ratelimit-remaining"], second.headers["x-ratelimit-remaining"]) == ("1", "0")
        assert third.status == 429
        time.sleep(third.json()["retry_after"])
        assert post(server, {"content": "x", **OFF}).status == 200
        assert len(server.taken) == 3


def test_discord_knows_a_deleted_webhook_no_more() -> None:
    with discord_server() as server:
        server.deleted = True
        assert post(server, {"content": "x", **OFF}).status == 404
        assert exchange("GET", server.url[:-1], seconds=5).json()["code"] == 10015


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"chat_id": CHAT, "text": "x" * 4096}, None),
        ({"chat_id": CHAT, "text": "x" * 4097}, 400),
        ({"chat_id": CHAT, "text": "&lt;" * 4096, "parse_mode": "HTML"}, None),
        ({"chat_id": CHAT, "text": "a < b", "parse_mode": "HTML"}, 400),
        ({"chat_id": CHAT, "text": "a & b", "parse_mode": "HTML"}, 400),
        ({"chat_id": CHAT, "text": " "}, 400),
        ({"chat_id": "8", "text": "x"}, 400),
    ],
)
def test_telegram_refuses_what_its_documentation_refuses(fields: dict[str, Any], status: int | None) -> None:
    with telegram_server() as server:
        told = call(server, "sendMessage", fields)
        assert (told["ok"], told.get("error_code")) == (status is None, status)
        assert len(server.taken) == (status is None)


def test_telegram_knows_blocked_chats_moved_groups_and_wrong_tokens() -> None:
    with telegram_server((CHAT, "5", "6")) as server:
        server.blocked.add("5")
        server.moved["6"] = -1009
        assert call(server, "sendMessage", {"chat_id": "5", "text": "x"})["error_code"] == 403
        assert call(server, "sendMessage", {"chat_id": "6", "text": "x"})["parameters"] == {"migrate_to_chat_id": -1009}
        assert call(server, "getMe", {}, TOKEN + "x")["error_code"] == 401
        assert call(server, "getNothing", {})["error_code"] == 404


def test_telegram_forgets_updates_below_the_offset_and_gives_the_others_again() -> None:
    with telegram_server() as server:
        first, second = server.write("a"), server.write("b")
        both = call(server, "getUpdates", {"offset": 0})["result"]
        assert [one["update_id"] for one in both] == [first, second]
        assert call(server, "getUpdates", {"offset": 0})["result"] == both
        assert [one["update_id"] for one in call(server, "getUpdates", {"offset": second})["result"]] == [second]
        assert len(server.waiting) == 1


def test_telegram_lets_one_poller_wait_and_refuses_a_second() -> None:
    with telegram_server() as server:
        heard: list[Any] = []
        first = Thread(target=lambda: heard.append(call(server, "getUpdates", {"timeout": 3})))
        first.start()
        while not server.asked:
            time.sleep(0.01)
        time.sleep(0.05)
        assert call(server, "getUpdates", {"timeout": 0})["error_code"] == 409
        server.write("now")
        first.join(5)
        assert json.dumps(heard).count("now") == 1
