"""The sub-ledgers while a settlement works on them: every dollar that moves stands in exactly one of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec.structs import replace

from bot.domain.holdings import Activity
from bot.domain.instruments import is_option
from bot.domain.ledger import Books, StrategyBook
from bot.domain.money import ZERO, to_cents
from bot.domain.subledger import FOREIGN, OWNERLESS, UNASSIGNED, costs, name_of

Part = Literal["opening", "premium", "shares", "dividends", "interest", "fees", "transfers", "moved", "other"]
TRADES = frozenset({"FILL", "OPASN", "OPEXC", "OPTRD", "OPEXP", "SPLIT"})


class Subledgers:
    """Every strategy's book, mutable inside; one use."""

    def __init__(self, books: Books) -> None:
        self._books = {one.strategy: one for one in books.strategies}
        self._entered = ZERO
        self.changed = False
        if books.cash is not None:
            self._take_over(books, books.cash)

    def _take_over(self, books: Books, cash: Decimal) -> None:
        """Let what changed hands between settlements be bought at its cost from the book it came from.

        A ledger older than these books begins with all of its cash unassigned; what was adopted was foreign.
        """
        fresh = not self._books
        if fresh:
            self.enter(UNASSIGNED, "opening", cash)
        now = costs(books)
        for name in sorted(now.keys() | self._books.keys()):
            known = self._books.get(name)
            self.changed = self.changed or known is None
            self.move(FOREIGN if not fresh else UNASSIGNED, name, now.get(name, ZERO) - (known.carried if known else 0))

    def _book(self, strategy: str) -> StrategyBook:
        name = name_of(strategy)
        return self._books.get(name) or StrategyBook(strategy=name)

    def enter(self, strategy: str, part: Part, amount: Decimal) -> None:
        """Add to one part of a book; `amount` is what it does to cash."""
        self._entered += amount
        if amount:
            book = self._book(strategy)
            self._books[book.strategy] = replace(book, **{part: getattr(book, part) + amount})
            self.changed = True

    def move(self, giver: str, taker: str, cost: Decimal) -> None:
        """Let one book buy holdings from another at what they cost, in whole cents: no cash leaves the account."""
        paid = to_cents(cost)
        if paid and name_of(giver) != name_of(taker):
            self.enter(taker, "moved", -paid)
            self.enter(giver, "moved", paid)

    def earn(self, strategy: str, income: Decimal, tax_income: Decimal) -> None:
        """Add what an ended option or sold shares earned, in both books."""
        book = self._book(strategy)
        self._books[book.strategy] = replace(
            book, income=book.income + income, tax_income=book.tax_income + tax_income
        )  # fmt: skip
        self.changed = True

    def begin_line(self) -> None:
        """Begin a line of history: what is entered from here on is its."""
        self._entered = ZERO

    def end_line(self, line: Activity, effect: Decimal) -> None:
        """Enter what nobody claimed of a line: what others traded is foreign, any other money unassigned.

        An assignment's option line moves no cash and its share line all of it: between them the book of what is
        foreign holds the difference, and gives it back.
        """
        left = effect - self._entered
        if line.kind in TRADES:
            self.enter(FOREIGN, "premium" if is_option(line.symbol) and line.kind == "FILL" else "shares", left)
        else:
            self.enter(UNASSIGNED, "other", left)

    def books(self, books: Books) -> tuple[StrategyBook, ...]:
        """Give every book by name, those of nobody among them, with what its open holdings cost now."""
        now = costs(books)
        names = sorted(self._books.keys() | now.keys() | OWNERLESS)
        return tuple(replace(self._book(name), carried=now.get(name, ZERO)) for name in names)
