"""A day's parity in words: orders side by side, each term in dollars and whose it is, the remainder, the unknown."""

from __future__ import annotations

from decimal import Decimal

from bot.domain.money import CENT, ZERO, plain
from bot.domain.parity import Parity, Sent, Term
from bot.report.words import clock, dollars, filled_text, new_york, price_text, section, table

PARTS_SHOWN = 6
LINES = {
    "FEE": "fees", "DIV": "dividends", "OPASN": "assignments", "OPTRD": "shares of assignments", "OPEXP": "expiries",
    "OPEXC": "exercises", "INT": "interest", "FILL": "trades of others", "SPLIT": "splits",
}  # fmt: skip


def parity_lines(parity: Parity) -> list[str]:
    """Write a day's parity."""
    ticks = f"{parity.ticks} ticks, {clock(parity.first_at)} to {clock(parity.last_at)} New York"
    lines = [
        f"PARITY {parity.day}   {parity.kind}   {ticks}",
        f"end of the day on its last recorded marks ({new_york(parity.end_at)}):",
        f"  live {dollars(parity.equity_live)}   simulated {dollars(parity.equity_simulated)}   "
        f"difference {dollars(parity.difference, signed=True)}",
    ]
    lines += section("orders", _orders(parity) or ["  none on either side"])
    lines += section("why, each input swapped from simulated to live on top of those above it", _terms(parity))
    for term in parity.terms:
        if term.parts:
            lines += filled_text(f"{term.name}: {term.what}", "  ", "    ")
    lines += ["", f"remainder {dollars(_cents(parity.remainder), signed=True)}: {_remainder_words(parity.remainder)}"]
    unknown: list[str] = []
    for one in parity.unanswered:
        unknown += filled_text(one, "  ", "    ")
    if parity.unanswered_money:
        unknown.append(f"  what these orders made live: {dollars(parity.unanswered_money, signed=True)}")
    lines += section("cannot be attributed", unknown)
    noted: list[str] = []
    for one in parity.notes:
        noted += filled_text(one, "  ", "    ")
    return [*lines, *section("of this day", noted)]


def _orders(parity: Parity) -> list[str]:
    rows = []
    for pair in parity.pairs:
        shown = pair.live or pair.simulated
        assert shown is not None
        live, simulated = _side(pair.live, pair.live_money), _side(pair.simulated, pair.simulated_money)
        rows.append((clock(shown.at), shown.label, live or pair.why, simulated or pair.why))
    return table(("at", "order", "live", "simulated"), rows)


def _side(sent: Sent | None, money: Decimal) -> str:
    if sent is None:
        return ""
    limit = "" if sent.limit is None else f"{price_text(sent.limit)}: "
    if not sent.filled or sent.price is None:
        return f"{limit}{sent.status}"
    at = "" if sent.filled_at is None else f" {clock(sent.filled_at)}"
    return f"{limit}{plain(sent.filled)} at {price_text(sent.price)}{at} {dollars(_cents(money), signed=True)}"


def _terms(parity: Parity) -> list[str]:
    return table(
        ("term", "dollars", "made by"),
        [(term.name, dollars(_cents(term.amount), signed=True), _parts(term, parity)) for term in parity.terms],
        right=frozenset({1}),
    )


def _parts(term: Term, parity: Parity) -> str:
    labels = {}
    for pair in parity.pairs:
        for sent in (pair.simulated, pair.live):
            if sent is not None:
                labels[sent.order] = f"{sent.label} {clock(sent.at)}"
    ordered = sorted(term.parts, key=lambda part: -abs(part.amount))
    words = [
        f"{dollars(_cents(part.amount), signed=True)} {labels.get(part.name, LINES.get(part.name, part.name))}"
        for part in ordered[:PARTS_SHOWN]
    ]
    if len(ordered) > PARTS_SHOWN:
        rest = sum((part.amount for part in ordered[PARTS_SHOWN:]), ZERO)
        words.append(f"{dollars(_cents(rest), signed=True)} {len(ordered) - PARTS_SHOWN} more")
    return "; ".join(words) or "nothing"


def _remainder_words(remainder: Decimal) -> str:
    if abs(remainder) <= CENT:
        return "the terms explain the whole difference"
    return "the broker's cash and positions are not what the recorded lines come to; ask `bot audit verify`"


def _cents(amount: Decimal) -> Decimal:
    """Round for showing; nothing is never minus nothing."""
    return amount.quantize(CENT) + ZERO
