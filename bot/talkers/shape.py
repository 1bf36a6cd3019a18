"""The shape a channel takes: lengths as the channels count them, cutting, and Discord's limits. Pure."""

from __future__ import annotations

import re
from typing import Any

from bot.domain.alerts import Message
from bot.domain.topics import Severity

CONTENT, EMBEDS, OVERALL = 2_000, 10, 6_000
TITLE, DESCRIPTION, FIELDS, NAME, VALUE, FOOTER, AUTHOR = 256, 4_096, 25, 256, 1_024, 2_048, 256
ALT = 1_024
COLOURS: dict[Severity, int] = {"info": 0x5B6EE1, "warning": 0xE6B800, "high": 0xE67E22, "critical": 0xD32F2F}
MORE = "…"
_NOTHING = "\u200b"  # Discord refuses an empty name or value
_UNSHOWN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKUP = re.compile(r"[\\*_~`|\[\]<]")
_START = re.compile(r"^(\s*(?:\d+(?=\.))?)([>#+=.-])")  # a quotation, a heading, a list: only where a line starts
_CROWD = re.compile(r"@(?=everyone|here)")


def length(text: str) -> int:
    """Count a text as the channels may: in UTF-16 units, where most emoji are two.

    >>> length("abc"), length("🔴")
    (3, 2)
    """
    return len(text.encode("utf-16-le", "replace")) // 2


def cut(text: str, most: int) -> str:
    """Cut a text to at most so many UTF-16 units, with … where something is missing.

    >>> cut("abcdef", 4), cut("abcd", 4), cut("🔴🔴🔴", 5)
    ('abc…', 'abcd', '🔴🔴…')
    """
    text = clean(text)
    if length(text) <= most:
        return text
    units = text[:most].encode("utf-16-le")[: 2 * max(most - length(MORE), 0)]
    whole = units.decode("utf-16-le", "ignore")  # half a pair at the end goes
    if (len(whole) - len(whole.rstrip("\\"))) % 2:
        whole = whole[:-1]  # half an escape would escape the dots
    return whole + MORE if most >= 1 else ""


def clean(text: str) -> str:
    """Take out what no channel shows: control characters but line ends, turned writing, and halves of pairs.

    >>> clean("a\\x00b\\nc\\ud800")
    'ab\\nc'
    """
    return _UNSHOWN.sub("", text)


def escape(text: str) -> str:
    r"""Make data plain for Discord: no markdown, no mention, no link of its own.

    >>> escape("*AAPL* <@1> `x` a-b")
    '\\*AAPL\\* \\<@1> \\`x\\` a-b'
    """
    spelled = "\n".join(_escaped_line(line) for line in clean(text).split("\n"))
    return _CROWD.sub("@\u200b", spelled)  # one that is not escaped wakes nobody either: mentions are off


def _escaped_line(line: str) -> str:
    line = _MARKUP.sub(r"\\\g<0>", line)
    return _START.sub(r"\1\\\2", line)


def message_shape(message: Message) -> tuple[str, list[dict[str, Any]]]:
    """Give the content and the embeds of a message: its title as content, its lines below with their colour."""
    content = f"**{cut(escape(message.title.replace(chr(10), ' ')), CONTENT - 4)}**"
    embeds: list[dict[str, Any]] = []
    for text in _pages([escape(line) for line in message.lines], OVERALL - 40):
        embeds.append({"description": text, "color": COLOURS[message.severity]})
    if embeds:
        embeds[-1]["timestamp"] = message.at.isoformat()
    return content, embeds


def _pages(lines: list[str], room: int) -> list[str]:
    """Lay lines on pages of a description's length, `room` over all; what has no room is counted in the last line."""
    pages: list[str] = []
    page = ""
    for number, line in enumerate(lines):
        line = cut(line, DESCRIPTION - 60)
        tail = f"{MORE} and {len(lines) - number} more lines"
        used = sum(length(one) for one in pages) + length(page) + 1
        if used + length(line) + length(tail) + 1 > room:
            return [*pages, f"{page}\n{tail}" if page else tail]
        if page and length(page) + 1 + length(line) > DESCRIPTION - 60:
            pages.append(page)
            page = line
        else:
            page = f"{page}\n{line}" if page or number else line
    return [*pages, page] if page.strip() else pages


def fit(content: str, embeds: list[dict[str, Any]]) -> tuple[str, list[dict[str, Any]]]:
    """Cut and split content and embeds to Discord's limits; the same embeds come back where they keep them.

    An embed with more than 25 fields goes on in a next one. What has no room among the first ten embeds or the
    6,000 characters is cut from the end, and the last embed says so.
    """
    whole = [part for embed in embeds for part in _split(embed)]
    fitted: list[dict[str, Any]] = []
    left = OVERALL
    missing = len(whole) > EMBEDS
    for embed in whole[:EMBEDS]:
        shaped, used, lost = _shaped(embed, left)
        missing = missing or lost
        if used or "image" in shaped:
            fitted.append(shaped)
        left -= used
    if missing and fitted:
        last = fitted[-1]
        footer = last.get("footer", {})
        said = "more than fits here: the whole is in the report on the machine"
        if not footer and left >= length(said):
            last["footer"] = {"text": said}
    return cut(content, CONTENT), fitted


def size(embeds: list[dict[str, Any]]) -> int:
    """Count the characters Discord adds up over all embeds of a message."""
    return sum(length(text) for embed in embeds for text in _texts(embed))


def _texts(embed: dict[str, Any]) -> list[str]:
    texts = [str(embed.get(key, "")) for key in ("title", "description")]
    texts += [str(embed.get("footer", {}).get("text", "")), str(embed.get("author", {}).get("name", ""))]
    return texts + [str(field[key]) for field in embed.get("fields", ()) for key in ("name", "value")]


def _split(embed: dict[str, Any]) -> list[dict[str, Any]]:
    """Give an embed in as many as its fields need; title and words open it, footer and image end it."""
    fields = list(embed.get("fields", ()))
    if len(fields) <= FIELDS:
        return [dict(embed)]
    first = {key: value for key, value in embed.items() if key not in ("footer", "image", "timestamp", "fields")}
    last = {key: embed[key] for key in ("footer", "image", "timestamp") if key in embed}
    colour = {"color": embed["color"]} if "color" in embed else {}
    parts = [{**colour, "fields": fields[at : at + FIELDS]} for at in range(0, len(fields), FIELDS)]
    return [{**first, **parts[0]}, *parts[1:-1], {**parts[-1], **last}]


def _shaped(embed: dict[str, Any], room: int) -> tuple[dict[str, Any], int, bool]:
    """Give one embed within its own limits and `room` characters, what it uses, and whether fields were lost."""
    shaped = {key: value for key, value in embed.items() if key not in ("title", "description", "footer", "fields")}
    used, lost = 0, False

    def taken(text: str, most: int) -> str:
        nonlocal used, lost
        text = str(text).strip()
        short = cut(text, min(most, max(room - used, 0)))
        lost = lost or short != text
        used += length(short)
        return short

    if "author" in shaped:
        author = shaped.pop("author")
        if name := taken(author.get("name", ""), AUTHOR):
            shaped["author"] = {**author, "name": name}
    for key, most in (("title", TITLE), ("description", DESCRIPTION)):
        if text := taken(embed.get(key, ""), most):
            shaped[key] = text
    footer = taken(embed.get("footer", {}).get("text", ""), FOOTER)
    fields = []
    for field in embed.get("fields", ()):
        if room - used < 2:
            lost = True
            break
        name = taken(str(field["name"]).strip() or _NOTHING, min(NAME, room - used - 1))
        value = taken(str(field["value"]).strip() or _NOTHING, VALUE)
        fields.append({**field, "name": name, "value": value})
    if fields:
        shaped["fields"] = fields
    if footer:
        shaped["footer"] = {**embed["footer"], "text": footer}
    return shaped, used, lost
