"""A venue's words hold none of our secrets, however it spells them; all other words stay as they came."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

import pytest

from bot.venues.striking import spellings, struck

SECRET = "hush/K3y+7f3a9c51=="
URL_LOW = "hush%2fK3y%2b7f3a9c51%3d%3d"
BASIC = b64encode(f"key-id:{SECRET}".encode()).decode()


@pytest.mark.parametrize(
    "written",
    [
        SECRET, quote(SECRET, safe=""), URL_LOW, SECRET.encode().hex(),
        SECRET.encode().hex().upper(), b64encode(SECRET.encode()).decode(), urlsafe_b64encode(SECRET.encode()).decode(),
        BASIC, json.dumps(SECRET)[1:-1], SECRET.replace("/", "\\/"),
    ],
)  # fmt: skip
def test_a_secret_is_struck_out_however_it_is_written(written: str) -> None:
    left = struck(f'{{"message": "no {written} here"}}'.encode(), spellings(SECRET))
    assert b"***" in left
    assert left.startswith(b'{"message": "no ')
    assert written[4:-6].encode() not in left


def test_what_is_no_secret_stays_as_it_came() -> None:
    body = b'{"message": "insufficient buying power", "id": "4a51"}'
    assert struck(body, spellings(SECRET)) == body


def test_a_text_too_short_to_be_a_secret_strikes_nothing() -> None:
    assert spellings("a") == ()
    assert struck(b'{"qty": 1}', spellings("1")) == b'{"qty": 1}'
