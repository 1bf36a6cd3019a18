"""Where prices come from, said on every page: one venue and delayed feeds are labelled (wheel 1.20)."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.facts import Fact
from bot.domain.instruments import is_option
from bot.domain.snapshot import InputAge, Snapshot

WEAK = {"iex": "one venue", "indicative": "delayed"}
"""Words in a source that a reader must know, and what they mean."""
SHOWN_DIGITS = 4


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
    return ", ".join(meaning for word, meaning in WEAK.items() if word in source.split())


def feeds_of(snapshot: Snapshot) -> tuple[Feed, ...]:
    """List the sources of a Snapshot's share and option prices; none in a simulated world, which says so itself."""
    if snapshot.simulated:
        return ()
    shares = {quote.source for quote in snapshot.quotes if not is_option(quote.symbol)}
    options = {quote.source for quote in snapshot.quotes if is_option(quote.symbol)}
    options |= {chain.source for chain in snapshot.chains}
    return tuple(
        Feed(what=what, source=source, label=label_of(source))
        for what, sources in (("shares", shares), ("options", options))
        for source in sorted(sources)
    )


def feed_line(feeds: Iterable[Feed]) -> str:
    """Say where prices come from in one line; nothing where there were none.

    >>> feed_line((Feed(what="shares", source="alpaca iex", label="one venue"),))
    'shares alpaca iex (ONE VENUE)'
    """
    return ", ".join(f"{feed.what} {feed.source}{f' ({feed.label.upper()})' if feed.label else ''}" for feed in feeds)


def account_name(account: str, *, simulated: bool) -> str:
    """Write an account's number so that a picture of the screen does not give it away.

    >>> account_name("PA3XYZ901234", simulated=False), account_name("SIM-1", simulated=True)
    ('...1234', 'SIM-1')
    """
    return account if simulated or len(account) <= SHOWN_DIGITS else f"...{account[-SHOWN_DIGITS:]}"


def age_words(ages: Iterable[InputAge]) -> str:
    """Say how old the inputs were when the Snapshot closed, oldest chain only; a clock ahead of ours says so.

    >>> age_words((InputAge(name="clock", source="alpaca", age_seconds=-0.4),))
    'clock 0.4 s ahead'
    """
    listed = list(ages)
    chains = [age for age in listed if age.name.startswith("chain ")]
    shown = [age for age in listed if age not in chains]
    if chains:
        shown.append(max(chains, key=lambda age: age.age_seconds))
    return ", ".join(f"{age.name} {_seconds(age.age_seconds)}" for age in shown)


def _seconds(age: float) -> str:
    size = abs(age)
    words = f"{size:.1f} s" if size < 10 else f"{size:.0f} s" if size < 600 else f"{size / 60:.0f} min"
    return f"{words} ahead" if age < 0 else f"{words} old"
