"""How Alpaca's market data is asked for: page by page within bounds, and around symbols it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, Protocol, TypeVar

from bot.domain.errors import BrokerError, BrokerRefused, BrokerUnreachable, MarketError
from bot.venues.allowance import RateLimit
from bot.venues.daycache import DayCache
from bot.venues.parsing import object_of, word_of

BAD_SYMBOL = frozenset({400, 422})
"""Statuses by which a whole batch is refused for one symbol in it."""
ASKS_MAX = 24
"""Requests spent on one batch in which symbols are refused: two bad ones in a few hundred cost no more."""
RESERVE = 20
NOTES_SHOWN = 3
_Told = TypeVar("_Told")


class Client(Protocol):
    """The part of a venue's client that reads, and knows what the trading and the data host still take."""

    @property
    def limits(self) -> RateLimit:
        """The trading host's requests of this minute."""

    @property
    def data_limits(self) -> RateLimit:
        """The data host's requests of this minute."""

    def read(
        self, path: str, query: Mapping[str, str] | None = None, *, data: bool = False, version: str = "v2"
    ) -> Any:
        """GET a path; raises BrokerUnreachable or BrokerRefused."""


class Pages(NamedTuple):
    """The pages of one reading, and whether the bound ended it before the last one."""

    pages: list[dict[str, Any]]
    cut: bool


class Told(NamedTuple):
    """Answers by symbol, what could not be read, and the symbols those words are about."""

    answers: dict[str, Any]
    errors: tuple[str, ...]
    failed: frozenset[str] = frozenset()


def nearly_used(client: Client) -> bool:
    """Say whether few requests of the minute are left (20, or a tenth of a small limit): what can wait then waits."""
    for said in (client.limits, client.data_limits):
        reserve = RESERVE if said.limit is None else min(RESERVE, said.limit // 10)
        if said.remaining is not None and said.remaining < reserve:
            return True
    return False


def read_pages(
    client: Client, path: str, query: Mapping[str, str], *, data: bool, version: str, pages_max: int
) -> Pages:
    """Read page after page up to a bound; raises as the client does, and for a page that leads to itself."""
    asked, found = dict(query), list[dict[str, Any]]()
    while len(found) < pages_max:
        page = object_of(client.read(path, asked, data=data, version=version), path)
        found.append(page)
        token = word_of(page, "next_page_token")
        if not token:
            return Pages(found, False)
        if token == asked.get("page_token"):
            raise BrokerUnreachable(f"{path}: page {len(found)} names itself as the next one")
        asked["page_token"] = token
    return Pages(found, True)


def read_batch(symbols: Sequence[str], what: str, ask: Callable[[Sequence[str]], dict[str, Any]]) -> Told:
    """Ask for symbols in one request, and by halves where one of them has it refused: a bad one costs only itself."""
    waiting, asks = [list(symbols)], 0
    answers: dict[str, Any] = {}
    errors: list[str] = []
    failed: set[str] = set()
    while waiting:
        batch = waiting.pop(0)
        if asks == ASKS_MAX:
            errors.append(f"{what}: too many symbols are refused, not asked: {', '.join(batch)}")
            failed.update(batch)
            continue
        asks += 1
        try:
            answers.update(ask(batch))
        except BrokerRefused as error:
            if error.status in BAD_SYMBOL and len(batch) > 1:
                half = (len(batch) + 1) // 2
                waiting += [batch[:half], batch[half:]]
            else:
                errors.append(f"{what} {shortened(batch)}: {error}")
                failed.update(batch)
        except (BrokerError, MarketError) as error:
            errors.append(f"{what} {shortened(batch)}: {error}")
            failed.update(batch)
    return Told(answers, tuple(errors), frozenset(failed))


def attempt(what: str, ask: Callable[[], _Told]) -> tuple[_Told | None, str]:
    """Ask, and give the answer or words for why there is none: a failed part must not cost the others."""
    try:
        return ask(), ""
    except (BrokerError, MarketError) as error:
        return None, f"{what}: {error}"


def shortened(symbols: Sequence[str], most: int = 5) -> str:
    """Name the first few symbols and count the others.

    >>> shortened(["A", "B", "C"], 2)
    'A, B and 1 more'
    """
    more = len(symbols) - most
    return ", ".join(symbols[:most]) + (f" and {more} more" if more > 0 else "")


def parts(symbols: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """Cut symbols into batches."""
    for first in range(0, len(symbols), size):
        yield symbols[first : first + size]


def inner(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Give the object under a key, or an empty one where there is none."""
    found = raw.get(key)
    return found if isinstance(found, dict) else {}


def listed_in(raw: Mapping[str, Any], key: str) -> list[Any]:
    """Give the list under a key, or an empty one where there is none."""
    found = raw.get(key)
    return found if isinstance(found, list) else []


def joined(pages: Sequence[Mapping[str, Any]], key: str) -> dict[str, Any]:
    """Put the objects under a key of all pages together; where they hold lists, the lists are put together."""
    found: dict[str, Any] = {}
    for page in pages:
        for name, value in inner(page, key).items():
            found[name] = [*found[name], *value] if isinstance(value, list) and name in found else value
    return found


def named(what: str, notes: Sequence[str], most: int = NOTES_SHOWN) -> list[str]:
    """Give notes with what they are about, equal ones once, the first few and how many more."""
    distinct = list(dict.fromkeys(notes))
    more = [f"{what}: {len(distinct) - most} more such notes"] if len(distinct) > most else []
    return [*(f"{what}: {note}" for note in distinct[:most]), *more]


def kept(cache: DayCache, name: str, day: date) -> Any:
    """Give what is kept under a name for a day, or None; nothing is made."""
    try:
        return cache.get(name, day, _nothing_kept)
    except _NothingKept:
        return None


class _NothingKept(Exception):
    """Nothing is kept under that name for that day."""


def _nothing_kept() -> Any:
    raise _NothingKept
