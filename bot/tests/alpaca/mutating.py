"""Answers made wrong in one place: a number that moved its point, a field that went, a list that lost its end.

What is changed, and how, is drawn from a `Random` in the caller's hand: the same one changes the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, NamedTuple

DOUBLED = "\ufdd0"
"""Ends the name of a key that shall stand twice in the text; no name ends so."""
NUMBER = re.compile(r"-?\d+(\.\d+)?")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT.*Z")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
OTHERS = ("SPY", "XLF", "EWZ", "ZZZZ", "PA9OTHER", "XLF261224P00035500", "buy", "sell", "filled", "true", "")
POINTS_MOVED = 0.2
"""How often a whole object has its points moved, and not one field of it changed."""
ODD = ("\u0663\u0661", "\u202e25000", "\x00", "x" * 3000, "NaN", "Infinity", "1e308", "null", "\U0001f4a9", "-0", "--5")


class Mutation(NamedTuple):
    """What was done to which place of which answer."""

    path: str
    place: tuple[Any, ...]
    how: str


def places_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List every place in a tree of JSON below its root."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in inside for place in ((*path, key), *places_of(one, (*path, key)))]


def moved(value: Any, times: float, add: float = 0.0) -> Any:
    """Multiply a number, or the text of one, and keep its kind."""
    number = float(value) * times + add
    if isinstance(value, str):
        return f"{number:.6f}".rstrip("0").rstrip(".")
    return int(number) if isinstance(value, int) and number == int(number) else number


NUMBERS: dict[str, Callable[[Any], Any]] = {
    "times 10": lambda value: moved(value, 10),
    "times 100": lambda value: moved(value, 100),
    "a tenth": lambda value: moved(value, 0.1),
    "a hundredth": lambda value: moved(value, 0.01),
    "negative": lambda value: moved(value, -1),
    "plus a fifth": lambda value: moved(value, 1.2),
    "less a fifth": lambda value: moved(value, 0.8),
    "plus one": lambda value: moved(value, 1, 1),
    "zero": lambda value: "0" if isinstance(value, str) else 0,
    "huge": lambda value: "1e308" if isinstance(value, str) else 1e308,
    "tiny": lambda value: "0.00000001" if isinstance(value, str) else 1e-8,
    "not a number": lambda value: "NaN" if isinstance(value, str) else float("nan"),
    "infinite": lambda value: "-Infinity" if isinstance(value, str) else float("-inf"),
    "the other kind": lambda value: float(value) if isinstance(value, str) else str(value),
}
MOMENTS: dict[str, Callable[[str], Any]] = {
    "the same in another zone": lambda text: text[:-1] + "+00:00",
    "read in another zone": lambda text: text[:-1] + "-05:00",
    "read further east": lambda text: text[:-1] + "+09:00",
    "without a zone": lambda text: text[:-1],
    "another year": lambda text: "2036" + text[4:],
    "long ago": lambda text: "1969" + text[4:],
    "no day of any month": lambda text: text[:5] + "13-45" + text[10:],
}
DAYS: dict[str, Callable[[str], Any]] = {
    "another year": lambda text: "2036" + text[4:],
    "the day after": lambda text: text[:8] + f"{min(int(text[8:]) + 1, 28):02d}",
    "no day": lambda text: text[:5] + "02-31",
    "a moment": lambda text: text + "T00:00:00-05:00",
}
ANYTHING: dict[str, Callable[[Any], Any]] = {
    "null": lambda value: None,
    "true": lambda value: True,
    "a list": lambda value: [value],
    "an object": lambda value: {"value": value},
    "nothing in it": lambda value: type(value)() if isinstance(value, str | list | dict) else 0,
}
LISTS: dict[str, Callable[[list[Any], Random], list[Any]]] = {
    "shuffled": lambda rows, draw: draw.sample(rows, len(rows)),
    "cut short": lambda rows, draw: rows[: draw.randrange(len(rows))],
    "a row twice": lambda rows, draw: [*rows, draw.choice(rows)],
    "a row gone": lambda rows, draw: [one for at, one in enumerate(rows) if at != len(rows) // 2],
    "a null row": lambda rows, draw: [*rows, None],
}


def mutated(path: str, body: Any, draw: Random) -> tuple[bytes, Mutation] | None:
    """Change one place of an answer; None where there is nothing in it to change."""
    places = places_of(body)
    if not places:
        return None
    tree = json.loads(json.dumps(body))
    place = _chosen(places, draw)
    if draw.random() < POINTS_MOVED:
        times = draw.choice((10, 100, 0.1, 0.01))
        _move_points(_inside(tree, place[:-1]), times)
        return json.dumps(tree).encode(), Mutation(path, place[:-1], f"every number of it times {times}")
    holder = _inside(tree, place[:-1])
    value, key = holder[place[-1]], place[-1]
    how = _change(holder, key, value, draw)
    text = json.dumps(tree).replace(json.dumps(DOUBLED)[1:-1], "")
    return text.encode(), Mutation(path, place, how)


def _inside(tree: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        tree = tree[key]
    return tree


def _move_points(holder: Any, times: float) -> None:
    """Move the point of every number below a place, so that they agree with each other and with nothing else."""
    for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
        if isinstance(value, dict | list):
            _move_points(value, times)
        elif type(value) in (int, float) or (isinstance(value, str) and NUMBER.fullmatch(value)):
            holder[key] = moved(value, times)


def _chosen(places: list[tuple[Any, ...]], draw: Random) -> tuple[Any, ...]:
    """Draw a kind of field first, so that four thousand rows of a chain do not hide the rest."""
    kinds: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for place in places:
        kinds.setdefault(tuple("#" if isinstance(key, int) or key.isupper() else key for key in place), []).append(
            place
        )
    return draw.choice(kinds[draw.choice(sorted(kinds))])


def _said(word: str, value: Any) -> str:
    return word


def _change(holder: Any, key: Any, value: Any, draw: Random) -> str:
    general = [f"{name}!" for name in ANYTHING] + ["gone!", "twice!"]
    if isinstance(value, list) and value and draw.random() < 0.8:
        how = draw.choice(sorted(LISTS))
        holder[key] = LISTS[how](value, draw)
        return how
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    words = value if isinstance(value, str) else ""
    special: list[tuple[str, Callable[[Any], Any]]] = []
    if numeric or NUMBER.fullmatch(words):
        special = [*NUMBERS.items()] * 2
    elif MOMENT.fullmatch(words):
        special = [*MOMENTS.items()]
    elif DAY.fullmatch(words):
        special = [*DAYS.items()]
    if isinstance(value, str):
        for word in (*draw.sample(OTHERS, 2), *draw.sample(ODD, 2)):
            special.append((f"the word {word[:12]!a}", partial(_said, word)))
    if isinstance(value, bool):
        special = [("the other way", lambda one: not one)]
    if special and draw.random() < 0.8:
        how, change = draw.choice(special)
        holder[key] = change(value)
        return how
    how = draw.choice(general)[:-1]
    if how in ANYTHING:
        holder[key] = ANYTHING[how](value)
    elif isinstance(holder, list) or how == "gone":
        del holder[key]
    else:
        name, change = draw.choice([*NUMBERS.items()]) if numeric else ("another word", lambda _: draw.choice(OTHERS))
        holder[key + DOUBLED] = change(value)
        return f"twice, the second {name}"
    return how
