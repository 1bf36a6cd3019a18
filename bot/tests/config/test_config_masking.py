"""Secrets do not come back in anybody's words: plain, as programs quote them, or encoded wherever they stand."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.masking import forms_of
from bot.config.secret import Secrets

KEY = "PKCANARY/7+Z=%41?"
SECRET = 'sEcr3t "quoted"\\/canary0123456789'
PING = "https://ping.example.com/11112222-3333-4444-5555-666677778888?rid=abcdefghij"
HELD = Secrets({"ALPACA_API_KEY": KEY, "ALPACA_SECRET_KEY": SECRET, "WATCH_PING_URL": PING})


def spellings(secret: str) -> list[str]:
    return [
        secret, quote(secret), quote(secret, safe=""), quote_plus(secret), quote(secret, safe="").lower(),
        json.dumps(secret), repr(secret), secret.encode().hex(), base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(), base64.b64encode(f"me:{secret}".encode()).decode(),
        base64.b64encode(f"{secret}:other".encode()).decode(), base64.b64encode(f"a{secret}bc".encode()).decode(),
    ]  # fmt: skip


@pytest.mark.parametrize("secret", [KEY, SECRET])
def test_no_spelling_of_a_secret_stays(secret: str) -> None:
    for spelled in spellings(secret):
        if spelled == quote(secret, safe="").lower():
            continue  # a program that lowers letters changes the secret itself
        masked = HELD.mask(f"GET /v2/account failed: {spelled} was refused")
        assert spelled not in masked
        assert "(ALPACA_" in masked
        assert masked.startswith("GET /v2/account failed: ")


@given(st.text(st.characters(codec="utf-8"), min_size=8, max_size=60), st.text(max_size=7), st.text(max_size=7))
def test_base64_of_anything_around_a_secret_does_not_give_it_away(secret: str, before: str, behind: str) -> None:
    whole = base64.b64encode((before + secret + behind).encode("utf-8", "replace")).decode()
    masked = Secrets({"ALPACA_API_KEY": secret}).mask(whole)
    left = masked.replace("(ALPACA_API_KEY)", "")
    # Of the letters that the secret alone decides none is left; at each end one may be shared with its neighbour.
    assert len(left) <= len(whole) - (len(secret.encode()) * 4 // 3 - 3)


@pytest.mark.parametrize(
    "words", [PING, "HTTPSConnectionPool: Max retries exceeded with url: " + PING.split("example.com")[1], quote(PING)]
)
def test_an_address_that_is_secret_is_masked_without_its_host_too(words: str) -> None:
    assert "11112222" not in HELD.mask(words)


def test_what_holds_no_secret_stays_as_it_is() -> None:
    words = "tick 9: the broker refused main-0aeab156 (insufficient_funds), 403/40310000"
    assert HELD.mask(words) == words
    assert Secrets({}).mask(words) == words


def test_a_secret_of_three_letters_does_not_blacken_every_word() -> None:
    assert Secrets({"ALPACA_API_KEY": "the"}).mask("the tick") == "the tick"


def test_what_the_environment_holds_need_not_be_valid_text() -> None:
    broken = b"key-\xff\xfe-canary".decode("utf-8", "surrogateescape")
    assert "canary" not in Secrets({"ALPACA_API_KEY": broken}).mask(f"refused {broken}")


def test_longer_forms_go_first() -> None:
    forms = forms_of(KEY)
    assert list(forms) == sorted(forms, key=lambda form: (-len(form), form))
