"""Every form in which a secret may come back in somebody else's words, so that none of them is written down."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus, urlsplit

LEAST = 4
"""Characters below which a form is left alone: a secret of three letters would blacken every word."""


def forms_of(secret: str) -> tuple[str, ...]:
    """Give the forms of a secret that must not be shown, longest first.

    As it is; as JSON, Python and URLs write it; in hexadecimal; and in base64 wherever it stands in what was encoded,
    such as behind a user's name. Of an address also what stands behind its host: libraries name that alone.
    """
    whole = [secret]
    if "://" in secret:
        parts = urlsplit(secret)
        behind = parts.path + (f"?{parts.query}" if parts.query else "")
        whole += [part for part in (behind, *parts.path.split("/"), parts.query) if len(part) >= 2 * LEAST]
    found = {form for one in whole for form in _forms(one) if len(form) >= LEAST}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def _forms(text: str) -> set[str]:
    raw = text.encode("utf-8", "surrogateescape")  # what the environment holds need not be valid text
    spelled = {quote(raw), quote(raw, safe=""), quote_plus(raw)}
    found = {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
    found |= spelled | {_lowered(one) for one in spelled} | {raw.hex(), raw.hex().upper()}
    for offset in range(3):
        core = _base64_core(raw, offset)
        found |= {core, core.replace("+", "-").replace("/", "_"), quote(core, safe="")}
    return found


def _lowered(quoted: str) -> str:
    """Write the escapes of a quoted text in small letters, as some programs do."""
    parts = quoted.split("%")
    return parts[0] + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts[1:])


def _base64_core(raw: bytes, offset: int) -> str:
    """Give the part of a text's base64 that does not depend on what stands before or behind it.

    Three bytes are four letters, so a text begins at one of three places; the letters it shares are left out.
    """
    letters = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    first = (0, 2, 3)[offset]
    shared = (offset + len(raw)) % 3
    return letters[first:-1] if shared else letters[first:]
