"""Where prices come from, said on every page: one venue and delayed feeds are labelled (wheel 1.20)."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.accounts import account_name
from bot.domain.facts import Fact
from bot.domain.instruments import is_option
from bot.domain.market import delayed, modelled, one_venue
from bot.domain.snapshot import InputAge, Snapshot

__all__ = ["Feed", "account_name", "age_words", "feed_line", "feeds_of", "label_of"]

DAY = 86_400
"""Seconds of a day."""
AHEAD_SHOWN = 0.05
"""Seconds by which a clock may be ahead before it is said: less is the way of one request."""


class Feed(Fact, frozen=True, kw_only=True):
    """One source of prices: of "shares" or of "options", by its own name; `label` says what is weak about it."""

    what: str
    source: str
    label: str = ""


def label_of(source: str) -> str:
    """Say what is weak about a source, or nothing.

    >>> label_of("alpaca iex"), label_of("alpaca indicative"), label_of("alpaca sip")
    ('one venue', 'delayed', '')
    """
    return ", ".join(
        meaning
        for true, meaning in (
            (one_venue(source), "one venue"),
            (delayed(source), "delayed"),
            (modelled(source), "no market's quotes"),
        )
        if true
    )


def feeds_of(snapshot: Snapshot) -> tuple[Feed, ...]:
    """List the sources of a Snapshot's share and option prices; of a simulated world only those that are modelled."""
    shares = {quote.source for quote in snapshot.quotes if not is_option(quote.symbol)}
    options = {quote.source for quote in snapshot.quotes if is_option(quote.symbol)}
    options |= {chain.source for chain in snapshot.chains}
    return tuple(
        Feed(what=what, source=source, label=label_of(source))
        for what, sources in (("shares", shares), ("options", options))
        for source in sorted(sources)
        if modelled(source) or not snapshot.simulated
    )


def feed_line(feeds: Iterable[Feed]) -> str:
    """Say where prices come from in one line; nothing where there were none.

    >>> feed_line((Feed(what="shares", source="alpaca iex", label="one venue"),))
    'shares alpaca iex (ONE VENUE)'
    """
    return ", ".join(f"{feed.what} {feed.source}{f' ({feed.label.upper()})' if feed.label else ''}" for feed in feeds)


def age_words(ages: Iterable[InputAge]) -> str:
    """Say how old the inputs were when the Snapshot closed, oldest chain only; a clock ahead of ours says so.

    >>> age_words((InputAge(name="clock", source="alpaca", age_seconds=-0.4),))
    'clock 0.4 s ahead'
    >>> age_words((InputAge(name="earnings ACME", source="alpaca", age_seconds=259_200.0),))
    'earnings ACME 3 days old'
    """
    listed = list(ages)
    chains = [age for age in listed if age.name.startswith("chain ")]
    oldest = max(chains, key=lambda age: age.age_seconds, default=None)
    shown = [age for age in listed if age not in chains or age is oldest]
    return ", ".join(f"{age.name} {_age(age)}" for age in shown)


def _age(age: InputAge) -> str:
    """Write an age in the unit that suits it; earnings are checked on a day, of which no hour is known."""
    if not age.name.startswith("earnings "):
        return _seconds(age.age_seconds)
    days = round(age.age_seconds / DAY)
    return "of today" if days == 0 else f"{days} day old" if days == 1 else f"{days} days old"


def _seconds(age: float) -> str:
    size = abs(age)
    words = f"{size:.1f} s" if size < 10 else f"{size:.0f} s"
    for unit, name, least in ((60, "min", 600), (3600, "h", 7200), (DAY, "days", 2 * DAY)):
        if size >= least:
            words = f"{size / unit:.0f} {name}"
    return f"{words} ahead" if age <= -AHEAD_SHOWN else f"{words} old"
