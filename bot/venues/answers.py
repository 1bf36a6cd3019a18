"""What came back over the wire, and how its body is read: strictly, with exact numbers."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

DEEPEST = 200
EXPONENT = 400  # beyond every double; which field makes sense is for its reader to say
MESSAGE_LENGTH = 300


class Nonsense(Exception):
    """A body that is no answer; the text says what it is instead."""


class Answer:
    """One HTTP answer with its whole body. Stands where alpaca-py expects a response and hands itself back.

    alpaca-py turns a bad status into its own error, or into a retry of its own, inside `raise_for_status`; statuses
    are judged by us, so that never raises, and its `json` gives this answer whole, status and headers included.
    """

    text = "answer"

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def raise_for_status(self) -> None:
        """Leave the judgement of the status to whoever asked."""

    def json(self) -> Answer:
        """Give the answer itself."""
        return self


def _exact(text: str) -> Decimal:
    """Read a JSON number with a fraction or an exponent."""
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise Nonsense("it holds a number beyond reason") from error
    if abs(number.adjusted()) > EXPONENT:
        raise Nonsense("it holds a number beyond reason")
    return number


_DECODER = msgspec.json.Decoder(float_hook=_exact)


def read_json(body: bytes) -> Any:
    """Read a JSON body: numbers with a fraction as Decimal, others as int.

    Raises Nonsense for an empty body, HTML, anything that is not JSON (NaN and Infinity are not), numbers beyond
    reason, and nesting deeper than any answer has.
    """
    if not body.strip():
        raise Nonsense("it is empty")
    collecting = gc.isenabled()
    gc.disable()  # at the bottom of a deep body no finalizer could run: what it had to close would stay open for good
    try:
        value = _DECODER.decode(body)
    except RecursionError:
        raise Nonsense(f"it is nested deeper than {DEEPEST} levels") from None
    except (msgspec.MsgspecError, ValueError) as error:
        if body.lstrip()[:1] == b"<":
            raise Nonsense("it is HTML, not JSON (a proxy or a gate page answered)") from None
        raise Nonsense(f"it is not JSON ({str(error)[:80]})") from None
    finally:
        if collecting:
            gc.enable()
    if _depth(value) > DEEPEST:
        raise Nonsense(f"it is nested deeper than {DEEPEST} levels")
    return value


def _depth(value: Any) -> int:
    """Count levels of nesting, without recursion, and no further than matters."""
    level, depth = [value], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            child
            for one in level
            if isinstance(one, list | dict)
            for child in (one.values() if isinstance(one, dict) else one)
            if isinstance(child, list | dict)
        ]
    return depth


def refusal_of(body: bytes) -> tuple[int, str, frozenset[str]]:
    """Read the body of a refusal: its code (0 where it has none), its message as it came, its fields' names."""
    try:
        value = read_json(body)
    except Nonsense as error:
        return 0, f"the answer gives no reason: {error}", frozenset()
    if not isinstance(value, dict):
        return 0, "the answer gives no reason", frozenset()
    code, message = value.get("code"), value.get("message")
    if isinstance(code, str) and code.isdecimal() and len(code) < 19:
        code = int(code)
    number = code if isinstance(code, int) and not isinstance(code, bool) else 0
    words = message if isinstance(message, str) and message.strip() else "the answer gives no reason"
    return number, words, frozenset(value)


def plain_words(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Make a stranger's text fit for our records: one line, printable, 300 characters, secrets struck out."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text[:4000]).split())
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 3] + "..."
