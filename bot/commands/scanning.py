"""`bot scan`: what the wheel could sell now, ranked by its own eyes, and what stands against the rest. Reads only."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bot.commands.fresh_look import fresh_look
from bot.commands.opening import say_home, warn
from bot.domain.checks import show
from bot.domain.desk import WheelNumbers, WheelParams
from bot.domain.errors import UsageError
from bot.domain.exposure import free_cash
from bot.domain.instruments import Right
from bot.domain.market import ChainRequest, EventsRequest, QuotesRequest, Request
from bot.domain.money import plain
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Plan, Planner, Strategy
from bot.planners.wheel_candidates import candidates, symbol_refusal
from bot.planners.wheel_room import call_refusal, call_room, put_refusal
from bot.planners.wheel_state import Refusal, situation_of
from bot.planners.wheel_survey import Candidate, aim_of
from bot.wiring import House, load_house, moment, wall_clock

WIDTH = 140
"""Columns of the table where no terminal says how wide it is."""
FRACTION_STEP = Decimal("0.000001")
RIGHTS: tuple[Right, ...] = ("put", "call")


def chain_requests(symbol: str, numbers: WheelNumbers) -> tuple[ChainRequest, ...]:
    """Ask for both windows of a symbol, wide enough to show what is out as well."""
    return (
        ChainRequest(
            underlying=symbol, right="put", dte_min=numbers.put_dte_min, dte_max=numbers.put_dte_max,
            moneyness_min=Decimal("0.75"), moneyness_max=Decimal(1),
        ),
        ChainRequest(
            underlying=symbol, right="call", dte_min=numbers.call_dte_min, dte_max=numbers.call_dte_max,
            moneyness_min=Decimal(1), moneyness_max=Decimal("1.25"),
        ),
    )  # fmt: skip


def _needs(holdings: Holdings, params: WheelParams, at: datetime) -> tuple[Request, ...]:
    names = tuple(params.numbers)
    chains = [request for name in names for request in chain_requests(name, params.numbers[name])]
    return (QuotesRequest(symbols=names), EventsRequest(symbols=names), *chains)


def _plan(snapshot: Snapshot, params: WheelParams) -> Plan:
    return Plan()


LOOKING = Planner(kind="scan", params=WheelParams, needs=_needs, plan=_plan)


def run_scan(env: str, *, symbol: str, at: str, limit: int, as_json: bool) -> None:
    """Read both chains of a symbol, or of the whole universe, and print every series with its judgement."""
    house = load_house(env)
    warn(house)
    wheels = chosen(house, symbol.upper())
    snapshot = look(house, wheels, moment(at, house.settings, wall_clock()))
    found = {
        (name, right): candidates(snapshot, params, name, right)
        for params in wheels
        for name in params.numbers
        for right in RIGHTS
    }
    if as_json:
        told = [
            row
            for (name, right), ranked in found.items()
            for row in rows(snapshot, ranked, limit, reasons_now(snapshot, wheels, name, right))
        ]
        print(json.dumps(told))
        say_home(house)
        return
    _print(house, snapshot, wheels, found, limit)


def chosen(house: House, symbol: str) -> list[WheelParams]:
    """Give the wheels, narrowed to one symbol if one is named."""
    wheels = [params for _, enabled, params in house.desk.wheels if enabled]
    if not symbol:
        return wheels
    narrowed = [
        replace(params, numbers={symbol: params.numbers[symbol]}) for params in wheels if symbol in params.numbers
    ]
    if not narrowed:
        known = ", ".join(sorted({name for params in wheels for name in params.numbers})) or "none"
        raise UsageError(f"no wheel of this desk trades {symbol} (it trades {known})")
    return narrowed


def look(house: House, wheels: list[WheelParams], at: datetime | None) -> Snapshot:
    """Observe the world once with the wheels' chains; nothing is recorded and nothing is sent."""
    strategies = tuple(Strategy(params.name, LOOKING, params, 0) for params in wheels)
    return fresh_look(house, strategies, (lambda: at) if at is not None else wall_clock).snapshot


def reasons_now(snapshot: Snapshot, wheels: list[WheelParams], name: str, right: Right) -> list[str]:
    """Say what stands against selling anything of this kind now, whichever series: events, room, pacing, the clock."""
    params = next(one for one in wheels if name in one.numbers)
    if not snapshot.session.is_open:
        return ["the market is closed"]
    found = (
        symbol_refusal(snapshot, params, name, aim_of(params.numbers[name], right)),
        standing_against(snapshot, params, name, right),
    )
    return [refusal.reason for refusal in found if refusal is not None]


def rows(snapshot: Snapshot, ranked: tuple[Candidate, ...], limit: int, against: list[str]) -> list[dict[str, Any]]:
    """Give candidates as plain objects: money as strings, fractions from 0 to 1."""
    cash = free_cash(snapshot).value
    return [
        {
            "simulated": snapshot.simulated, "symbol": one.symbol,
            "underlying": one.underlying, "right": one.right, "rank": one.rank,
            "strike": plain(one.strike), "dte": one.dte,
            "limit": None if one.limit is None else plain(one.limit),
            "annual_yield": None if one.annual_yield is None else _fraction(one.annual_yield),
            "delta": one.delta, "delta_source": one.delta_source, "distance": _fraction(one.distance),
            "open_interest": one.open_interest, "spread": None if one.spread is None else _fraction(one.spread),
            "cash_after": plain(cash - one.collateral), "out": one.out, "against_now": against,
        }
        for one in ranked[:limit]
    ]  # fmt: skip


def standing_against(snapshot: Snapshot, params: WheelParams, name: str, right: Right) -> Refusal | None:
    """Say what keeps the wheel from selling anything of this kind now, before any series is looked at."""
    now = situation_of(snapshot, params)
    if right == "put":
        return put_refusal(now, name)
    if call_room(now, name).lots <= 0:
        return Refusal("no shares of ours are free to be called away")
    return call_refusal(now, name)


def _fraction(value: Decimal) -> str:
    return plain(value.quantize(FRACTION_STEP))


def _print(
    house: House, snapshot: Snapshot, wheels: list[WheelParams],
    found: dict[tuple[str, Right], tuple[Candidate, ...]], limit: int,
) -> None:  # fmt: skip
    from rich import box
    from rich.console import Console
    from rich.table import Column, Table

    from bot.report.feeds import age_words, feed_line, feeds_of
    from bot.report.status import kind_of_money
    from bot.report.words import new_york, price_text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    cash = free_cash(snapshot).value
    kind = kind_of_money(snapshot.simulated, snapshot.environment)
    head = f"{kind}   {new_york(snapshot.at)}   free cash {cash:,.2f}   home {house.home}"
    console.print(head, style="bold", soft_wrap=True)
    feeds = feeds_of(snapshot)
    if feeds:
        console.print(f"prices {feed_line(feeds)}", soft_wrap=True)
        console.print(f"ages {age_words(snapshot.inputs)}", soft_wrap=True)
    for (name, right), ranked in found.items():
        spot = snapshot.spot(name)
        console.print(f"\n{name} {right}s   spot {'unknown' if spot is None else plain(spot)}", style="bold")
        for reason in reasons_now(snapshot, wheels, name, right):
            console.print(f"  against all of them now: {reason}", style="yellow")
        if not ranked:
            console.print("  no series in the window")
            continue
        table = Table(
            "", Column("series", no_wrap=True), "dte", "limit", "yield", "delta", "distance", "open int.", "spread",
            "cash after", "against it", box=box.SIMPLE_HEAD, pad_edge=False,
        )  # fmt: skip
        for one in ranked[:limit]:
            table.add_row(
                str(one.rank or ""), one.symbol, str(one.dte), "" if one.limit is None else price_text(one.limit),
                "" if one.annual_yield is None else show(one.annual_yield, "fraction"),
                "" if one.delta is None else f"{one.delta:.3f}", show(one.distance, "fraction"),
                "" if one.open_interest is None else str(one.open_interest),
                "" if one.spread is None else show(one.spread, "fraction"), f"{cash - one.collateral:,.0f}", one.out,
            )  # fmt: skip
        console.print(table)
