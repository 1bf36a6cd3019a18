"""The doctor on the ways to the owner: channels set, half set, dead, waiting; and asked over real HTTP and SMTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.ops.doctor_reach import ask_channels, configured
from bot.tests.commands.typed import AT, SATURDAY, new_home, typed
from bot.tests.ops.doctored import doctored, keep_channel, keep_message, ledger_of
from bot.tests.talkers import discord_server as discord
from bot.tests.talkers import telegram_server as telegram
from bot.tests.talkers.smtp_server import smtp_server
from bot.wiring import load_house

HOUR = timedelta(hours=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    return tmp_path


@pytest.fixture
def hook() -> Iterator[discord.DiscordServer]:
    with discord.discord_server() as server:
        yield server


@pytest.fixture
def bot() -> Iterator[telegram.TelegramServer]:
    with telegram.telegram_server() as server:
        yield server


def of_telegram(bot: telegram.TelegramServer, **changes: str) -> dict[str, str]:
    told = {"TELEGRAM_BOT_TOKEN": telegram.TOKEN, "TELEGRAM_CHAT_ID": telegram.CHAT, "TELEGRAM_API_URL": bot.address}
    return told | changes


def test_a_desk_without_any_channel_is_told_so(folder: Path) -> None:
    one = doctored(folder)["channels"]
    assert (one.level, "bot alerts test" in one.do) == ("look", True)


@pytest.mark.parametrize(
    ("variables", "missing"),
    [({"TELEGRAM_BOT_TOKEN": telegram.TOKEN}, "TELEGRAM_CHAT_ID"), ({"TELEGRAM_CHAT_ID": "5"}, "TELEGRAM_BOT_TOKEN")],
)
def test_half_a_channel_names_its_other_half(folder: Path, variables: dict[str, str], missing: str) -> None:
    one = doctored(folder, now=SATURDAY, **variables)["telegram"]
    assert (one.level, one.do) == ("look", f"set {missing} in .env")


def test_a_channel_goes_from_never_to_sent_to_waiting_to_dead(folder: Path) -> None:
    home, hook = folder / "data", "http://127.0.0.1:9/api/webhooks/1/abcDEF"

    def looked() -> Any:
        return doctored(folder, DISCORD_WEBHOOK_URL=hook)["discord"]

    assert (looked().level, looked().do) == ("look", "`bot alerts test`")
    keep_channel(home, "discord", sent=SATURDAY - 3 * HOUR)
    assert (looked().level, "3 hours ago" in looked().words) == ("good", True)
    keep_message(home, "discord", "alerts", "alerts:1-2", SATURDAY - 2 * HOUR, "pending")
    assert (looked().level, "1 message waits, the oldest since 2 hours ago" in looked().words) == ("look", True)
    keep_channel(home, "discord", dead=SATURDAY - HOUR)
    assert (looked().level, "was deleted" in looked().words, "bot alerts test" in looked().do) == ("look", True, True)
    assert doctored(folder)["channels"].level == "look"


def test_a_critical_alert_that_nobody_acknowledged_is_told(folder: Path) -> None:
    with ledger_of(folder / "data") as ledger:
        ledger.execute(
            'INSERT INTO alerts (at, topic, severity, "key", title, words, last_at) VALUES'
            " ('2026-11-20T15:00:00.000000Z', 'safety.dms.triggered', 'critical', 'k', 't', 'w', '2026-11-20')"
        )
    one = doctored(folder)["alerts"]
    assert (one.level, "1 critical alert" in one.words, "bot alerts ack" in one.do) == ("look", True, True)


def test_nothing_is_asked_unless_it_is_wanted(folder: Path, hook: discord.DiscordServer) -> None:
    assert "discord asked" not in doctored(folder, DISCORD_WEBHOOK_URL=hook.url)
    assert hook.asked == []


def test_asked_channels_say_who_they_are_and_get_no_message(
    folder: Path, hook: discord.DiscordServer, bot: telegram.TelegramServer
) -> None:
    found = doctored(folder, "--reach", DISCORD_WEBHOOK_URL=hook.url, now=SATURDAY, **of_telegram(bot))
    assert found["discord asked"].words == "the webhook answers as Desk"
    assert found["telegram asked"].words == "the bot is @desk_bot, the chat Desk"
    assert (hook.taken, bot.taken) == ([], [])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"TELEGRAM_BOT_TOKEN": "7654321:CANARYbotCANARYbotCANARYbot"}, "TELEGRAM_BOT_TOKEN"),
        ({"TELEGRAM_CHAT_ID": "-42"}, "TELEGRAM_CHAT_ID"),
    ],
)
def test_a_revoked_token_and_a_wrong_chat_are_named_without_a_secret(
    folder: Path, bot: telegram.TelegramServer, changes: dict[str, str], words: str
) -> None:
    done = typed(folder, "doctor", "--reach", now=SATURDAY, **of_telegram(bot, **changes))
    flat = " ".join(done.out.split())
    assert "look telegram asked" in flat
    assert words in flat
    assert "CANARY" not in done.out + done.err


def test_a_deleted_webhook_is_named_without_its_address(folder: Path, hook: discord.DiscordServer) -> None:
    hook.deleted = True
    done = typed(folder, "doctor", "--reach", now=SATURDAY, DISCORD_WEBHOOK_URL=hook.url)
    assert "was deleted" in " ".join(done.out.split())
    assert discord.TOKEN not in done.out + done.err


def of_mail(port: int, **changes: str) -> dict[str, str]:
    told = {
        "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_SECURITY": "none", "SMTP_FROM": "bot@example.com",
        "SMTP_TO": "me@example.com",
    }  # fmt: skip
    return told | changes


def test_a_mail_server_is_greeted_and_gets_no_message(folder: Path) -> None:
    with smtp_server() as server:
        one = doctored(folder, "--reach", now=SATURDAY, **of_mail(server.port))["email asked"]
    assert (one.level, one.words.endswith("takes the greeting")) == ("good", True)
    assert server.taken == []
    assert not any(words.upper().startswith(("MAIL", "RCPT", "DATA")) for words in server.said)


def test_a_mail_server_that_refuses_the_login_or_is_not_there_is_named(folder: Path) -> None:
    with smtp_server(answers={"AUTH": "535 5.7.8 no"}) as server:
        variables = of_mail(server.port, SMTP_USER="bot", SMTP_PASSWORD="CANARYmailCANARY")
        done = typed(folder, "doctor", "--reach", now=SATURDAY, **variables)
    assert "SMTP_USER and SMTP_PASSWORD" in " ".join(done.out.split())
    assert "CANARY" not in done.out + done.err
    gone = doctored(folder, "--reach", now=SATURDAY, **of_mail(server.port))["email asked"]
    assert (gone.level, "cannot be reached" in gone.words) == ("look", True)


def test_the_witness_of_the_watch_is_never_asked(folder: Path) -> None:
    one = doctored(folder, "--reach", WATCH_PING_URL="https://127.0.0.1:9/none")["ping"]
    assert (one.level, "not asked" in one.words) == ("good", True)


def test_channels_count_as_set_only_when_they_are_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert configured(load_house()) == ()
    assert list(ask_channels(load_house())) == []
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", telegram.TOKEN)
    assert configured(load_house()) == ()
    monkeypatch.setenv("TELEGRAM_CHAT_ID", "5")
    assert configured(load_house()) == ("telegram",)
