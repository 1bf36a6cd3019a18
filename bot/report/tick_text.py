"""A tick as a picture for its owner: account, wishes, every gate's number against its limit, what was sent.

Sentences are left to the console to break; tables are narrow enough for eighty columns, so that none of their rows
is ever broken.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from bot.domain.consent import waits, wish_name
from bot.domain.money import plain
from bot.domain.orders import Verdict
from bot.domain.sessions import NEW_YORK
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.engine.ports import TickResult
from bot.report.feeds import account_name, age_words, feed_line, feeds_of
from bot.report.foreign import foreign_in
from bot.report.foreign_text import foreign_table
from bot.report.gates_text import gate_lines
from bot.report.invariants import broken, invariant_lines
from bot.report.panic import panic_of, panic_words
from bot.report.proposals import proposal_line, waiting_lines
from bot.report.tallies import against, few, passed_lines, tally_notes
from bot.report.trips import trip_words
from bot.report.words import count, dollars, filled_text, new_york, number, price_text, table, wish

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["dollars", "header", "new_york", "picture_console", "tick_picture", "wish"]

SHOWN_VERDICTS = 3
LEAST_WIDTH = 100


def picture_console() -> Console:
    """Make the console a picture is drawn on: as wide as the terminal, or 100 columns where there is none."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal and console.width < LEAST_WIDTH:
        return Console(highlight=False, soft_wrap=False, width=LEAST_WIDTH)
    return console


def header(result: TickResult) -> list[str]:
    """Say where and when: simulated or not, mode, moment, session; then the account and the halt."""
    snapshot = result.snapshot
    account, session, halt = snapshot.account, snapshot.session, snapshot.halt
    state = (
        f"session open until {session.close_at.astimezone(NEW_YORK):%H:%M}" if session.is_open
        else f"closed until {session.open_at.astimezone(NEW_YORK):%a %H:%M}"
    )  # fmt: skip
    kind = "SIMULATED MONEY" if snapshot.simulated else f"{snapshot.environment.upper()} MONEY"
    power = "" if account.options_buying_power is None else f"   for options {dollars(account.options_buying_power)}"
    lines = [
        f"{kind}   {result.mode}   {new_york(snapshot.at)}   {state}",
        f"equity {dollars(snapshot.equity)}   cash {dollars(account.cash)}{power}   halt {halt.level}",
        f"tick {result.tick_id}   account {account_name(account.id, simulated=snapshot.simulated)}   "
        f"{snapshot.broker} broker, {snapshot.market} market",
    ]
    if not snapshot.simulated:
        lines += [f"prices {feed_line(feeds_of(snapshot)) or 'none were read'}", f"ages {age_words(snapshot.inputs)}"]
    elif feeds := feeds_of(snapshot):
        lines.append(f"prices {feed_line(feeds)}")
    if halt.level != "run":
        lines.append(f"halted by {halt.author}: {halt.reason} (clears: {halt.clears or 'by `bot resume`'})")
    panic = panic_of(snapshot)
    if panic is not None:
        lines.append(panic_words(panic))
    told = trip_words(snapshot.trips)
    if told:
        lines.append(f"trips {told}")
    return lines


def positions(snapshot: Snapshot) -> list[tuple[str, ...]]:
    """Give a row for everything held: symbol, quantity, own mark and its source, owner."""
    rows: list[tuple[str, ...]] = []
    for held in snapshot.positions:
        mark = snapshot.mark_of.get(held.position.symbol)
        price = "" if mark is None else plain(mark.price)
        source = "" if mark is None else mark.source
        rows.append((held.position.symbol, plain(held.position.qty), price, source, held.owner))
    return rows


def wanted_line(result: TickResult) -> str:
    """Say what each planner wanted, in one line."""
    wanted: dict[str, list[int]] = {}
    for verdict in result.verdicts:
        place = 0 if verdict.approved else 3 if waits(verdict) else 1
        wanted.setdefault(verdict.intent.strategy, [0, 0, 0, 0])[place] += 1
    for note in result.notes:
        wanted.setdefault(note.strategy, [0, 0, 0, 0])[2] += 1
    parts = [
        f"{name} {approved + refused + waiting} ({approved} approved, {f'{waiting} waiting, ' if waiting else ''}"
        f"{refused} refused; {passed} passed over)"
        for name, (approved, refused, passed, waiting) in sorted(wanted.items())
    ]
    return f"wanted: {', '.join(parts)}" if parts else "no planner wanted anything, and none passed anything over"


def passed_over(notes: tuple[Note, ...], *, everything: bool = False) -> list[str]:
    """Say what was passed over: a line a reason, or every note."""
    if everything:
        return [f"  {note.symbol} {note.subject}: {note.reason}{_numbers(note)}" for note in notes]
    lines = []
    for line in passed_lines(tally_notes(notes)):
        numbers = _numbers(line)
        names = few(line.symbols, 6)
        lines.append(f"  {line.subject}: {line.reason}{numbers} on {names}")
    return lines


def _numbers(note: object) -> str:
    value, limit, unit = (getattr(note, name) for name in ("value", "limit", "unit"))
    if value is None:
        return ""
    return f" ({against(value, limit, unit)})" if limit is not None else f" ({number(value, unit)})"


def next_steps(result: TickResult, prefix: str = "") -> list[str]:
    """Say what to type next."""
    wanted = [verdict.intent.underlying for verdict in result.verdicts] + [note.symbol for note in result.notes]
    first = next((symbol for symbol in wanted if symbol != "*"), "SYMBOL")
    steps = [
        (f"{prefix}bot status", "how it stands, and why when nothing happened"),
        (f"{prefix}bot why {first}", f"every gate's number for {first}"),
        (f"{prefix}bot scan {first}", "ranked candidates, and what is against each"),
        (f"{prefix}bot simulate --days 60", "sixty sessions of ticks before your eyes")
        if result.snapshot.simulated
        else (f"{prefix}bot week", "what the days ahead hold, and what will be done"),
    ]
    width = max(len(words) for words, _ in steps)
    lines = [f"  {words.ljust(width)}   {meaning}" for words, meaning in steps]
    if result.mode == "dry" and result.snapshot.simulated:
        lines.append("  BOT_MODE=live in .env lets the same tick trade simulated money")
    elif result.mode == "dry":
        lines.append("  BOT_MODE=live in .env lets the same tick send its orders")
    return lines


def tick_picture(
    result: TickResult, home: str, *, everything: bool = False, prefix: str = "", at: str = ""
) -> list[RenderableType]:
    """Draw the whole tick as parts for a rich console; `prefix` stands before every command to type.

    `at` is the moment the tick was asked for where that is not the clock's: an answer has to name it as well.

    Shows account, positions, orders, wishes with their gates, what was passed over, what was sent.
    """
    from rich.text import Text

    parts: list[RenderableType] = [Text(line, style="bold" if n == 0 else "") for n, line in enumerate(header(result))]
    held = table(("held", "quantity", "own mark", "", "owner"), positions(result.snapshot), right=frozenset({1, 2}))
    if held:
        parts += [Text(""), *map(Text, held)]
    foreign = foreign_table(foreign_in(result.snapshot), prefix)
    if foreign:
        parts += [Text(""), *(Text(line, style="yellow", no_wrap=True, overflow="ignore") for line in foreign)]
    for order in result.snapshot.own_orders:
        symbol = order.legs[0].symbol if order.legs else order.underlying
        price = "" if order.limit_price is None else f" at {price_text(order.limit_price)}"
        words = f"{order.purpose} {symbol} {plain(order.remaining)}{price}, step {order.step}, {order.status}"
        parts.append(Text(f"working: {words}"))
    for drift in result.snapshot.books.drift:
        parts.append(Text(f"drift ({drift.kind}) {drift.symbol}: {drift.what}", style="yellow"))
    if broken(result.snapshot.invariants):
        told = invariant_lines(result.snapshot.invariants, prefix, result.snapshot.broker)
        parts += [Text(line, style="yellow", no_wrap=True, overflow="ignore") for line in told]
    parts += [Text(""), Text(wanted_line(result), style="bold")]
    parts += _wishes(result, everything)
    parts += _passed_over(result, everything)
    parts += _sent(result)
    parts += _waiting(result, prefix, at)
    parts += [Text(row) for remark in result.snapshot.remarks for row in filled_text(f"note: {remark}", "", "  ")]
    parts += [Text(row, style="red") for error in result.errors for row in filled_text(f"error: {error}", "", "  ")]
    where = Text(f"home {home}   head {result.head[:16]}", style="dim", no_wrap=True, overflow="ignore")
    parts += [Text(""), where, Text("next", style="bold")]
    parts += [Text(line) for line in next_steps(result, prefix)]
    return parts


def _wishes(result: TickResult, everything: bool) -> list[RenderableType]:
    from rich.text import Text

    parts: list[RenderableType] = []
    shown = result.verdicts if everything else _worth_showing(result.verdicts)
    for n_shown, verdict in enumerate(shown):
        word, style = _word(verdict)
        line = Text(f"\n{word} ", style=style)
        line.append(f"{verdict.intent.strategy}: {wish(verdict.intent)}", style="bold")
        parts += [line, *(Text(row) for row in filled_text(verdict.intent.reason, "  "))]
        parts += [
            Text(row, style="yellow" if row.startswith("  NO") else "dim" if n == 0 else "")
            for n, row in enumerate(_gates(verdict, everything, first=n_shown == 0))
        ]
    hidden = [verdict for verdict in result.verdicts if verdict not in shown]
    if hidden:
        gates = Counter(check.gate for verdict in hidden for check in verdict.checks if not check.ok)
        words = ", ".join(f"{gate} {times}x" for gate, times in gates.most_common(4))
        parts.append(
            Text(f"\nand {count(len(hidden), 'more wish', 'more wishes')} refused: {words} (--all shows each)")
        )
    return parts


def _word(verdict: Verdict) -> tuple[str, str]:
    """Give a verdict in one word of eight letters, and how it is drawn."""
    if verdict.approved:
        return "APPROVED", "bold green"
    return ("WAITS   ", "bold cyan") if waits(verdict) else ("REFUSED ", "bold yellow")


def _gates(verdict: Verdict, everything: bool, *, first: bool) -> list[str]:
    """Show the first approved wish against every limit, the others against the nearest ones."""
    return gate_lines(verdict, everything=everything, limited=first and verdict.approved)


def _worth_showing(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    approved = tuple(verdict for verdict in verdicts if verdict.approved or waits(verdict))
    refused = tuple(verdict for verdict in verdicts if not verdict.approved and not waits(verdict))
    return approved + refused[: max(0, SHOWN_VERDICTS - len(approved))]


def _passed_over(result: TickResult, everything: bool) -> list[RenderableType]:
    from rich.text import Text

    lines = passed_over(result.notes, everything=everything)
    return [Text("\npassed over", style="bold"), *map(Text, lines)] if lines else []


def _waiting(result: TickResult, prefix: str, at: str) -> list[RenderableType]:
    """Draw what waits for the owner's word, with the command that answers each, and what was declined."""
    from rich.text import Text

    asked = {wish_name(one.intent) for one in result.proposals}
    silent = [one.intent for one in result.verdicts if waits(one) and wish_name(one.intent) not in asked]
    lines = waiting_lines((proposal_line(one, at) for one in result.proposals), prefix)
    why = "not asked (declined today, or an order of this wish goes out now)"
    lines += [f"  {wish(intent)}: {why}" for intent in silent]
    if not lines:
        return []
    title = Text("\nwaits for your word", style="bold")
    return [title, *(Text(line, no_wrap=True, overflow="ignore") for line in lines)]


def _sent(result: TickResult) -> list[RenderableType]:
    from rich.text import Text

    if result.mode == "dry":
        wanted = [verdict for verdict in result.verdicts if verdict.approved]
        if not wanted:
            return [Text("\ndry: nothing would have been sent", style="bold")]
        lines = [Text("\ndry: would have been sent, and was not", style="bold")]
        return [*lines, *(Text(f"  {wish(verdict.intent)}") for verdict in wanted)]
    if not result.orders:
        return [Text("\nnothing was sent", style="bold")]
    lines = [Text("\nsent", style="bold")]
    for order in result.orders:
        symbol = order.legs[0].symbol if order.legs else order.underlying
        price = "" if order.limit_price is None else f" at {price_text(order.limit_price)}"
        filled = f", filled {plain(order.filled_qty)}" if order.filled_qty else ""
        what = f"{order.purpose.replace('_', ' ')} {plain(order.qty)} {symbol}{price}"
        lines.append(Text(f"  {what}: {order.status or order.state}{filled}   {order.client_order_id}"))
    return [*lines]
