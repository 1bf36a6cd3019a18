"""Where the owner is reached: addresses are checked when they are read, and no message repeats one."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.channels import token_fault, webhook_fault
from bot.config.settings import Settings, load_settings
from bot.domain.channels import TELEGRAM_API
from bot.domain.errors import ConfigError

HOOK = "https://discord.com/api/webhooks/" + "123456/abc-DEF_9"
TOKEN = "12345678" + ":" + "A" * 35
MAIL = "SMTP_HOST=mail.example.com\nSMTP_FROM=bot@example.com\nSMTP_TO=me@example.com, you@example.com\n"


def settings_of(folder: Path, text: str) -> Settings:
    path = folder / ".env"
    path.write_text(text)
    path.chmod(0o600)
    return load_settings({}, folder)


def fault_of(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings_of(folder, text)
    return "\n".join(caught.value.faults)


@pytest.mark.parametrize(
    "address",
    [
        HOOK, HOOK + "/", HOOK.replace("/api/", "/api/v10/"), HOOK.replace("discord.com", "ptb.discord.com"),
        "http://127.0.0.1:8080/api/webhooks/1/x", "http://[::1]:8080/api/webhooks/1/x",
    ],
)  # fmt: skip
def test_a_webhook_of_discords_or_of_this_machine_is_taken(address: str) -> None:
    assert webhook_fault(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        "", "nonsense", HOOK.replace("https", "http"), HOOK.replace("discord.com", "discord.com.evil.example"),
        HOOK.replace("discord.com", "user@discord.com"), HOOK + "?wait=true", HOOK + "#x", HOOK.replace("/api/", "/"),
        HOOK.replace("123456", "name"), HOOK + " ", HOOK.replace("discord.com", "discord.com:444"), "http://[/",
        "http://a@127.0.0.1/api/webhooks/1/x",
    ],
)  # fmt: skip
def test_any_other_webhook_is_refused_and_never_repeated(tmp_path: Path, address: str) -> None:
    said = webhook_fault(address)
    assert said.startswith("DISCORD_WEBHOOK_URL: expected https://discord.com/api/webhooks/<id>/<token>")
    assert "123456" not in said
    if address.strip() == address and address:
        told = fault_of(tmp_path, f"DISCORD_WEBHOOK_URL='{address}'\n")
        assert "DISCORD_WEBHOOK_URL" in told
        assert "abc-DEF_9" not in told


@pytest.mark.parametrize("token", ["", "123", "abc:def", TOKEN + " ", "x" + TOKEN, "12345678:short"])
def test_a_token_that_botfather_never_wrote_is_refused_and_never_repeated(token: str) -> None:
    assert token_fault(TOKEN) == ""
    said = token_fault(token)
    assert said.startswith("TELEGRAM_BOT_TOKEN: expected")
    assert "A" * 35 not in said


def test_every_channel_is_read(tmp_path: Path) -> None:
    people = "TELEGRAM_ADMINS=1, 2\nTELEGRAM_OPERATORS=2,3\n"
    settings = settings_of(tmp_path, f"TELEGRAM_CHAT_ID=-100123\n{people}TELEGRAM_BOT_TOKEN={TOKEN}\n{MAIL}")
    found = settings.channels
    assert (found.telegram_chat, found.telegram_api) == ("-100123", TELEGRAM_API)
    assert [found.role_of(user) for user in (1, 2, 3, 4)] == ["admin", "admin", "operator", None]
    assert found.mail is not None
    assert (found.mail.port, found.mail.security) == (587, "starttls")
    assert found.mail.recipients == ("me@example.com", "you@example.com")
    assert TOKEN not in repr(settings)


def test_without_a_word_nobody_is_told_and_nobody_may_speak(tmp_path: Path) -> None:
    found = load_settings({}, tmp_path).channels
    assert (found.telegram_chat, found.mail, found.role_of(1)) == ("", None, None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("TELEGRAM_CHAT_ID=my chat", "TELEGRAM_CHAT_ID: expected a chat's number"),
        ("TELEGRAM_ADMINS=me", "TELEGRAM_ADMINS: expected user ids"),
        ("TELEGRAM_OPERATORS=1;2", "TELEGRAM_OPERATORS: expected user ids"),
        ("TELEGRAM_API_URL=https://api.example", "TELEGRAM_API_URL: expected an http address on this machine"),
        (MAIL + "SMTP_PORT=0", "SMTP_PORT: expected a port"),
        (MAIL + "SMTP_PORT=99999999", "SMTP_PORT: expected a port"),
        (MAIL + "SMTP_SECURITY=ssl", "SMTP_SECURITY: expected starttls or tls or none"),
        (MAIL + "SMTP_SECURITY=none", "SMTP_SECURITY: none would send a password"),
        ("SMTP_HOST=mail.example.com", "SMTP_FROM: expected one address"),
        (MAIL.replace("me@example.com", "me"), "SMTP_TO: expected addresses"),
        (MAIL.replace("mail.example.com", "mail.example.com:25"), "SMTP_HOST: expected a host name"),
        (MAIL.replace("bot@example.com", '"bot\\nBcc: x@y.example"@example.com'), "SMTP_FROM: expected one address"),
    ],
)
def test_what_cannot_be_an_address_is_named_with_its_variable(tmp_path: Path, text: str, words: str) -> None:
    assert words in fault_of(tmp_path, text + "\n")
