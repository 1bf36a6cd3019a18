"""`bot books`: every strategy's sub-ledger, and their sum beside the account. It only reads."""

from __future__ import annotations

from bot.commands.looking import nothing_yet, print_json, show, typed_before
from bot.commands.looking_facts import newest_decided, whose_money
from bot.commands.opening import warn
from bot.domain.errors import StoreError
from bot.report.books import BooksReport, books_lines, books_report
from bot.report.words import home_lines
from bot.store.queries import Ledger, ledger_exists, open_for_questions
from bot.wiring import House, load_house


def run_books(env: str, *, as_json: bool) -> None:
    """Show the books as the newest tick that decided left them."""
    house = load_house(env)
    warn(house)
    prefix = typed_before(env, house)
    report = None
    if ledger_exists(house.home):
        with open_for_questions(house.home) as ledger:
            report = books_of(ledger, house)
    if report is None:
        raise StoreError(nothing_yet(house, prefix))
    if as_json:
        print_json(report)
        return
    show([*books_lines(report), *home_lines(str(house.home), prefix, "bot status", "bot report")])


def books_of(ledger: Ledger, house: House) -> BooksReport | None:
    """Gather the books beside the account as the newest tick that decided left them; None before one did."""
    row = newest_decided(ledger)
    if row is None or row.cash is None or row.equity is None:
        return None
    _, kind, _ = whose_money(house, row)
    rows = ledger.strategy_books()
    return books_report(row.at, kind, rows, row.cash, row.equity, ledger.drift())
