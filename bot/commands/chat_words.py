"""What a message by chat asks for: its words checked before anything is done, and who may ask for it. Pure."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from typing import Literal, NamedTuple

from bot.domain.channels import Role
from bot.domain.errors import UsageError
from bot.domain.facts import Fact
from bot.domain.ledger import HALT_RANK

LONGEST = 300
"""Characters a command may have; nobody types more by hand."""
KEPT = 200
"""Characters of a message that the record keeps."""
DAYS_MOST = 365
_COMMAND = re.compile(r"/([a-z_]{1,32})(@\w{1,64})?", re.ASCII | re.IGNORECASE)
_SYMBOL = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,20}", re.ASCII)
_ORDER = re.compile(r"[A-Za-z0-9#_.-]{1,80}", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)
Kind = Literal["read", "word"]


class Known(NamedTuple):
    """A command: how it is typed, what it does, who may."""

    usage: str
    meaning: str
    role: Role
    kind: Kind


COMMANDS: dict[str, Known] = {
    "status": Known("/status", "how it stands, and why nothing happened if nothing did", "operator", "read"),
    "today": Known("/today", "the newest day: colour, money, fills, refusals", "operator", "read"),
    "pnl": Known("/pnl", "day, month, year against holding; each strategy's book", "operator", "read"),
    "positions": Known("/positions", "shares and options held, with distance and profit", "operator", "read"),
    "week": Known("/week", "what the days ahead hold", "operator", "read"),
    "why": Known("/why SYMBOL", "why something was, or was not, traded", "operator", "read"),
    "approve": Known("/approve [N ...|all]", "list what waits for your word, or approve it", "operator", "word"),
    "decline": Known("/decline N ...", "decline proposals", "operator", "word"),
    "pause": Known("/pause SYMBOL|* [DAYS]", "no new risk for days of 24 hours (1); exits go on", "operator", "word"),
    "resume": Known("/resume [SYMBOL|*]", "lift the halt, or a pause", "admin", "word"),
    "stop": Known("/stop", "halt stop: nothing is sent any more; not a flatten", "admin", "word"),
    "halt": Known("/halt LEVEL [WHY]", "no_new_risk, reduce_only (admins), stop (admins)", "operator", "word"),
    "health": Known("/health", "what the doctor finds", "operator", "read"),
    "limits": Known("/limits", "trip wires and limits in force", "operator", "read"),
    "alerts": Known("/alerts", "what was told and nobody acknowledged", "operator", "read"),
    "ack": Known("/ack N|all", "acknowledge alerts", "operator", "word"),
    "confirm": Known("/confirm CODE", "confirm what asked for a code", "operator", "word"),
    "help": Known("/help", "this list", "operator", "read"),
}
_BARE = frozenset({"status", "today", "pnl", "positions", "week", "stop", "health", "limits", "alerts", "help"})


class Spoken(Fact, frozen=True, kw_only=True):
    """A command that was understood: its name, and its arguments as their command takes them."""

    name: str
    given: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Write it as it would be typed."""
        return " ".join((f"/{self.name}", *self.given))

    @property
    def reads(self) -> bool:
        """Say whether it changes nothing."""
        return COMMANDS[self.name].kind == "read" or (self.name == "approve" and not self.given)

    @property
    def wants_code(self) -> bool:
        """Say whether it must be confirmed: what stops everything, what lets risk be taken, what answers for many."""
        everything = self.name == "approve" and self.given == ("all",)
        return self.name in ("stop", "resume") or everything or (self.name == "halt" and self.given[0] == "stop")


def plain_text(text: str) -> str:
    """Give a message without what is not seen: control characters, marks that turn the direction of writing.

    >>> plain_text("/sta\\u202etus\\x07")
    '/status'
    """
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one)[0] != "C")


def kept_words(text: str) -> str:
    """Give what the record keeps of a message: one line, cut, and of a confirmation not the code.

    >>> kept_words("/confirm 123456"), kept_words("/status\\nplease")
    ('/confirm ******', '/status please')
    """
    words = " ".join(plain_text(text[: 4 * KEPT]).split())
    words = without_code(words)
    return words if len(words) <= KEPT else f"{words[: KEPT - 3]}..."


def without_code(words: str) -> str:
    """Give words about a confirmation without its six digits: the record keeps no code."""
    return re.sub(r"[0-9]{6}", "******", words) if "confirm" in words.casefold() else words


def addressed_to(text: str) -> str:
    """Give the bot a command names behind an @, or nothing.

    >>> addressed_to("/status@OtherBot now"), addressed_to("/status")
    ('OtherBot', '')
    """
    found = _COMMAND.match(plain_text(text[:LONGEST]).strip())
    return (found[2] or "")[1:] if found else ""


def understood(text: str) -> Spoken:
    """Read a message as one command; raises UsageError saying what was expected.

    >>> understood("/pause xlf 3").given
    ('XLF', '3')
    """
    if len(text) > LONGEST:
        raise UsageError(f"a command has {LONGEST} characters at most, this message has {len(text):,}")
    words = plain_text(text).strip()
    if "\n" in words:
        raise UsageError("one command a message, on one line")
    first, *given = words.split() or [""]
    found = _COMMAND.fullmatch(first)
    if found is None:
        raise UsageError("a command begins with a slash: /help lists them")
    name = found[1].lower()
    if name not in COMMANDS:
        near = get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        raise UsageError(f"there is no /{name}{f'; did you mean /{near[0]}?' if near else ''} (/help lists all)")
    return Spoken(name=name, given=_given(name, given))


def _given(name: str, given: list[str]) -> tuple[str, ...]:
    """Check the words behind a command."""
    usage = UsageError(f"expected {COMMANDS[name].usage}")
    if name in _BARE:
        if given:
            raise usage
        return ()
    if name == "halt":
        return _halted(given)
    if name == "confirm":
        if len(given) != 1 or not re.fullmatch(r"[0-9]{6}", given[0], re.ASCII):
            raise UsageError("expected /confirm and the six digits of the code")
        return (given[0],)
    if name in ("approve", "decline", "ack"):
        return _numbers(name, given, usage)
    if name == "why":
        if len(given) != 1 or not _ORDER.fullmatch(given[0]):
            raise usage
        return (given[0],)
    most = 2 if name == "pause" else 1
    if len(given) > most or (name == "pause" and not given):
        raise usage
    if given and given[0] != "*" and not _SYMBOL.fullmatch(given[0]):
        raise usage
    if len(given) == 2 and not (_NUMBER.fullmatch(given[1]) and 1 <= int(given[1]) <= DAYS_MOST):
        raise UsageError(f"expected days from 1 to {DAYS_MOST}, as in /pause {given[0].upper()} 3")
    return tuple(one.upper() for one in given)


def _halted(given: list[str]) -> tuple[str, ...]:
    level = given[0].lower() if given else ""
    if level not in HALT_RANK or level == "run":
        raise UsageError("expected /halt no_new_risk, /halt reduce_only or /halt stop, and words why if you like")
    return (level, *given[1:])


def _numbers(name: str, given: list[str], usage: UsageError) -> tuple[str, ...]:
    if [one.lower() for one in given] == ["all"] and name != "decline":
        return ("all",)
    if not given and name == "approve":
        return ()
    if not given or len(given) > (1 if name == "ack" else 20) or not all(_NUMBER.fullmatch(one) for one in given):
        raise usage
    return tuple(dict.fromkeys(str(int(one)) for one in given))


def refusal(role: Role, spoken: Spoken) -> str:
    """Say why a person of a role may not do something, or nothing.

    >>> refusal("operator", Spoken(name="halt", given=("no_new_risk",)))
    ''
    >>> refusal("operator", Spoken(name="stop"))
    '/stop needs an admin (TELEGRAM_ADMINS)'
    """
    stronger = spoken.name == "halt" and spoken.given[0] != "no_new_risk"
    if role == "admin" or (COMMANDS[spoken.name].role == "operator" and not stronger):
        return ""
    return f"{spoken.text if stronger else f'/{spoken.name}'} needs an admin (TELEGRAM_ADMINS)"


def help_lines(role: Role) -> list[str]:
    """List what a person of a role may type, and what is left to the machine."""
    shown = [known for known in COMMANDS.values() if role == "admin" or known.role == "operator"]
    lines = [f"{known.usage} - {known.meaning}" for known in shown]
    last = "Not by chat: closing everything (`bot panic --flatten`), settings, orders of your own: type those there."
    return ["You may type:", *lines, "", last]
