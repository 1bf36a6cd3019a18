"""A tick as a picture for its owner: account, wishes, every gate's number against its limit, what was sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain.checks import CheckResult, show
from bot.domain.money import plain
from bot.domain.orders import OrderIntent, Verdict
from bot.domain.sessions import NEW_YORK
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Note
from bot.engine.ports import TickResult

if TYPE_CHECKING:
    from rich.console import RenderableType

NEAREST_CHECKS = 6


def dollars(value: object) -> str:
    """Write dollars with separators and two digits."""
    return f"{value:,.2f}"


def new_york(moment: datetime) -> str:
    """Write a moment as the market's clock shows it."""
    return f"{moment.astimezone(NEW_YORK):%a %Y-%m-%d %H:%M} New York"


def wish(intent: OrderIntent) -> str:
    """Write what was wanted as a person says it.

    A limit is per share; a multi-leg price below zero is a credit.
    """
    if intent.action == "cancel":
        return f"cancel {intent.replaces}"
    price = ""
    if intent.order_type == "limit" and intent.limit_price is not None:
        price = f" at {plain(intent.limit_price)}"
    elif intent.order_type == "trailing_stop" and intent.trail_percent is not None:
        price = f" trailing {plain(intent.trail_percent)} %"
    return f"{intent.side} {plain(intent.qty)} {intent.symbol}{price}"


def header(result: TickResult) -> list[str]:
    """Say where and when: simulated or not, mode, account, session, halt."""
    snapshot = result.snapshot
    account = snapshot.account
    session = snapshot.session
    state = (
        f"open until {session.close_at.astimezone(NEW_YORK):%H:%M}" if session.is_open
        else f"closed, next session {session.day:%a %Y-%m-%d} {session.open_at.astimezone(NEW_YORK):%H:%M}"
    )  # fmt: skip
    kind = "SIMULATED MONEY" if snapshot.simulated else snapshot.environment.upper()
    lines = [
        f"{kind}   tick {result.tick_id}   {result.mode}   {new_york(snapshot.at)}   session {state}",
        f"account {account.id}   equity {dollars(snapshot.equity)}   cash {dollars(account.cash)}"
        f"   options buying power {dollars(account.options_buying_power or 0)}   halt {snapshot.halt.level}",
    ]
    if snapshot.halt.level != "run":
        lines.append(
            f"halted by {snapshot.halt.author}: {snapshot.halt.reason} (clears: {snapshot.halt.clears or 'by resume'})"
        )
    return lines


def positions(snapshot: Snapshot) -> list[tuple[str, str, str, str]]:
    """Give a row for everything held: symbol, quantity, own mark, owner."""
    rows = []
    for held in snapshot.positions:
        mark = snapshot.mark_of.get(held.position.symbol)
        price = "" if mark is None else f"{plain(mark.price)} ({mark.source})"
        rows.append((held.position.symbol, plain(held.position.qty), price, held.owner))
    return rows


def nearest_checks(checks: Iterable[CheckResult], count: int = NEAREST_CHECKS) -> list[CheckResult]:
    """Pick the gates worth reading: refusals first, then those with the least room relative to their limit."""

    def room(check: CheckResult) -> float:
        if check.limit is None or check.distance is None:
            return float("inf")
        return float(check.distance) / max(abs(float(check.limit)), 1e-9)

    listed = list(checks)
    refusals = [check for check in listed if not check.ok]
    close = sorted((check for check in listed if check.ok and check.limit is not None), key=room)
    return refusals + close[: max(0, count - len(refusals))]


def gate_rows(verdict: Verdict, everything: bool = False) -> list[tuple[str, str, str, str, str]]:
    """Give rows of gate, answer, value, limit and what is left, for one verdict."""
    chosen = list(verdict.checks) if everything else nearest_checks(verdict.checks)
    rows = []
    for check in chosen:
        value = "" if check.value is None else show(check.value, check.unit)
        limit = "off" if check.limit is None else show(check.limit, check.unit)
        if check.value is None and check.limit is None:
            value, limit = check.reason, ""
        rows.append((check.gate, "ok" if check.ok else "NO", value, limit, ""))
    return rows


def note_lines(notes: tuple[Note, ...]) -> list[str]:
    """Say what was passed over, a line a symbol and subject."""
    return [f"{note.strategy}  {note.symbol} {note.subject}: {note.reason}" for note in notes]


def next_steps(result: TickResult, home: str, prefix: str = "") -> list[str]:
    """Say what to type next."""
    first = next((verdict.intent.underlying for verdict in result.verdicts), "SPY")
    lines = [
        f"{prefix}bot why {first}            every gate's answer for {first}",
        f"{prefix}bot scan {first}           ranked candidates, and what is against each",
        f"{prefix}bot simulate --days 60   two months of ticks before your eyes",
    ]
    if result.mode == "dry":
        lines.append("BOT_MODE=live in .env (with BOT_BROKER=simulator) lets the same tick trade simulated money")
    return lines


def tick_picture(result: TickResult, home: str, *, everything: bool = False, prefix: str = "") -> list[RenderableType]:
    """Draw the whole tick as parts for a rich console.

    Shows account, positions, orders, wishes with their gates, what was passed over, what was sent.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(line, style="bold" if n == 0 else "") for n, line in enumerate(header(result))]
    held = positions(result.snapshot)
    if held:
        table = Table("held", "quantity", "own mark", "owner", box=box.SIMPLE_HEAD, pad_edge=False)
        for row in held:
            table.add_row(*row)
        parts.append(table)
    for order in result.snapshot.own_orders:
        symbol = order.legs[0].symbol if order.legs else order.underlying
        price = "" if order.limit_price is None else f" at {plain(order.limit_price)}"
        parts.append(Text(f"working: {order.purpose} {symbol} {plain(order.remaining)}{price}, {order.status}"))
    for drift in result.snapshot.books.drift:
        parts.append(Text(f"drift ({drift.kind}) {drift.symbol}: {drift.what}", style="yellow"))
    parts.extend(_wishes(result, everything))
    parts.extend(_passed_over(result, everything))
    parts.extend(_sent(result))
    parts.extend(Text(f"error: {error}", style="red") for error in result.errors)
    parts.append(Text(f"\nhome {home}   head {result.head[:16]}", style="dim"))
    parts.append(Text("next:"))
    parts.extend(Text(f"  {line}") for line in next_steps(result, home, prefix))
    return parts


def _wishes(result: TickResult, everything: bool) -> list[RenderableType]:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    if not result.verdicts:
        return [Text("\nno planner wanted anything.")]
    parts: list[RenderableType] = []
    shown = result.verdicts if everything else _worth_showing(result.verdicts)
    for verdict in shown:
        word, style = ("APPROVED", "bold green") if verdict.approved else ("REFUSED", "bold yellow")
        line = Text(f"\n{word}  ", style=style)
        line.append(f"{verdict.intent.strategy}  {wish(verdict.intent)}", style="bold")
        parts.append(line)
        parts.append(Text(f"  {verdict.intent.reason}"))
        table = Table("gate", "", "number", "limit", box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
        for gate, answer, value, limit, _ in gate_rows(verdict, everything):
            table.add_row(gate, answer, value, limit, style="yellow" if answer == "NO" else "")
        parts.append(table)
        rest = len(verdict.checks) - table.row_count
        if rest > 0:
            parts.append(Text(f"  and {rest} more gates allowed it", style="dim"))
    hidden = result.verdicts[len(shown) :]
    if hidden:
        gates = Counter(check.gate for verdict in hidden for check in verdict.checks if not check.ok)
        words = ", ".join(f"{gate} x{count}" for gate, count in gates.most_common(4))
        parts.append(Text(f"\n{len(hidden)} more were wanted and refused ({words}); --all shows each", style="dim"))
    return parts


def _worth_showing(verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    approved = tuple(verdict for verdict in verdicts if verdict.approved)
    refused = tuple(verdict for verdict in verdicts if not verdict.approved)
    return approved + refused[: max(0, 3 - len(approved))]


def _passed_over(result: TickResult, everything: bool) -> list[RenderableType]:
    from rich.text import Text

    lines = note_lines(result.notes)
    shown = lines if everything else lines[:8]
    parts: list[RenderableType] = [Text("\npassed over:")] if lines else []
    parts.extend(Text(f"  {line}") for line in shown)
    if len(lines) > len(shown):
        parts.append(Text(f"  and {len(lines) - len(shown)} more; --all shows each", style="dim"))
    return parts


def _sent(result: TickResult) -> list[RenderableType]:
    from rich.text import Text

    if result.mode == "dry":
        wanted = [verdict for verdict in result.verdicts if verdict.approved]
        if not wanted:
            return [Text("\ndry: nothing would have been sent.")]
        lines: list[RenderableType] = [Text("\ndry: would have been sent, and was not:", style="bold")]
        lines.extend(Text(f"  {wish(verdict.intent)}") for verdict in wanted)
        return lines
    if not result.orders:
        return [Text("\nnothing was sent.")]
    lines = [Text("\nsent:", style="bold")]
    for order in result.orders:
        symbol = order.legs[0].symbol if order.legs else order.underlying
        filled = f", filled {plain(order.filled_qty)}" if order.filled_qty else ""
        lines.append(Text(f"  {order.client_order_id}  {symbol}  {order.status or order.state}{filled}"))
    return lines
