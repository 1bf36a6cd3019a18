"""Secrets struck out of what a stranger says: a venue that repeats our keys must not put them into our records."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from urllib.parse import quote, quote_plus

LEAST = 8
"""Texts shorter than this are no secrets, and occur by chance."""
STRUCK = b"***"


def spellings(secret: str) -> tuple[bytes, ...]:
    """Give the ways a secret may be written: plain, in a URL, in JSON, as base64 wherever it begins in it, as hex.

    >>> [one.decode() for one in spellings("ab/cd/ef+gh")][:3]
    ['ab/cd/ef+gh', 'ab%2Fcd%2Fef%2Bgh', 'ab%2fcd%2fef%2bgh']
    """
    if len(secret) < LEAST:
        return ()
    plain = secret.encode()
    found = [secret]
    for url in (quote(secret, safe=""), quote_plus(secret, safe=""), quote(secret)):
        found += [url, re.sub("%..", lambda code: code[0].lower(), url)]
    found += [json.dumps(secret)[1:-1], secret.replace("/", "\\/"), plain.hex(), plain.hex().upper()]
    for before in range(3):
        # Six bits a letter: what depends on the text before and after it is left out.
        whole = b64encode(b"\0" * before + plain).decode()
        first, last = -(-before * 8 // 6), (before + len(plain)) * 8 // 6
        found += [whole[first:last], whole[first:last].replace("+", "-").replace("/", "_")]
    return tuple(one.encode() for one in dict.fromkeys(found))


def struck(body: bytes, spelled: tuple[bytes, ...]) -> bytes:
    """Give a body without any of the spellings.

    >>> struck(b'{"message": "no such key: hush-hush"}', spellings("hush-hush"))
    b'{"message": "no such key: ***"}'
    """
    for one in spelled:
        if one in body:
            body = body.replace(one, STRUCK)
    return body
