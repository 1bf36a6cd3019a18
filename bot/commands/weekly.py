"""`bot week`: what the days ahead hold for everything held, ours or not, and what will be done about it. Reads only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from bot.commands.opening import say_home, warn
from bot.domain.desk import Desk, WheelParams
from bot.domain.instruments import is_share, underlying_of
from bot.domain.ledger import OptionLeg, Proposal
from bot.domain.market import ChainRequest, EventsRequest, Request
from bot.domain.outlook import StopOutlook
from bot.domain.slots import next_slot
from bot.domain.snapshot import Snapshot
from bot.domain.strategy import Holdings, Plan, Planner, Strategy
from bot.planners import trailing_stop, wheel
from bot.report.week import Place, WeekReport, week_report
from bot.report.week_shorts import Ahead
from bot.wiring import House, known_sessions, load_house, moment, wall_clock


def _needs(holdings: Holdings, desk: Desk, at: datetime) -> tuple[Request, ...]:
    """Ask for the calendars of everything held, and for the chains that a leg near its roll needs."""
    roots = {underlying_of(held.position.symbol) for held in holdings.positions if held.position.qty != 0}
    known = tuple(sorted(root for root in roots if is_share(root)))
    asked: list[Request] = [EventsRequest(symbols=known)] if known else []
    for params in wheels_of(desk):
        legs = {(leg.underlying, leg.right) for leg in holdings.books.legs if leg.underlying in params.numbers}
        for request in wheel.needs(holdings, params, at):
            if not isinstance(request, ChainRequest) or (request.underlying, request.right) in legs:
                asked.append(request)
    return tuple(asked)


def _plan(snapshot: Snapshot, desk: Desk) -> Plan:
    return Plan()


LOOKING = Planner(kind="week", params=Desk, needs=_needs, plan=_plan)


def wheels_of(desk: Desk) -> list[WheelParams]:
    """Give the wheels that are switched on, best priority first."""
    return [params for _, enabled, params in sorted(desk.wheels, key=lambda one: one[0]) if enabled]


def run_week(env: str, *, days: int, at: str, as_json: bool) -> None:
    """Look at everything held and print the days ahead."""
    from bot.commands.looking import print_json, typed_before

    house = load_house(env)
    warn(house)
    fixed = moment(at, house.settings, wall_clock())
    report = week_of(house, days, (lambda: fixed) if fixed is not None else wall_clock)
    if as_json:
        print_json(report)
        say_home(house)
        return
    from bot.report.tick_text import picture_console
    from bot.report.week_text import week_picture

    console = picture_console()
    for part in week_picture(report, typed_before(env, house)):
        console.print(part, soft_wrap=bool(part.no_wrap))


def week_of(house: House, days: int, now: Callable[[], datetime]) -> WeekReport:
    """Look once and gather the days ahead."""
    from bot.commands.fresh_look import fresh_look

    looked = fresh_look(house, (Strategy("week", LOOKING, house.desk, 0),), now)
    snapshot = looked.snapshot
    coming = next_slot(snapshot.at, known_sessions(house, now))
    place = Place(home=str(house.home), mode=house.settings.mode, next_slot=coming)
    return week_report(snapshot, house.desk, ahead_in(snapshot, looked.proposals, house.desk), place, days)


def ahead_in(snapshot: Snapshot, proposals: tuple[Proposal, ...], desk: Desk) -> Ahead:
    """Ask every strategy what it would do in the days ahead with what is held."""
    from bot.planners.wheel_outlook import call_outlooks, wheel_outlooks

    wheels = wheels_of(desk)
    legs = tuple(outlook for params in wheels for outlook in wheel_outlooks(snapshot, params))
    watched = {outlook.leg for outlook in legs}
    rest = [leg for leg in snapshot.books.legs if leg.id not in watched and leg.owner != "foreign"]
    return Ahead(
        legs=legs, calls=tuple(call for params in wheels for call in call_outlooks(snapshot, params)),
        stops=tuple(stop_outlooks(snapshot, desk)), unwatched=tuple((leg.id, why_unwatched(leg, desk)) for leg in rest),
        proposals=proposals,
    )  # fmt: skip


def why_unwatched(leg: OptionLeg, desk: Desk) -> str:
    """Say why no wheel looks after a leg, and what to do."""
    named = {params.name: (enabled, params) for _, enabled, params in desk.wheels}
    own = named.get(leg.strategy)
    if own is not None and not own[0]:
        return f"no strategy looks after it: {leg.strategy} is switched off; `bot close {leg.symbol}` closes it"
    if own is not None:
        names = f"{leg.underlying} is not among the names of {leg.strategy}"
        return f"no strategy looks after it: {names}; add it in desk.toml, or `bot close {leg.symbol}`"
    whose = f"it belongs to {leg.strategy}, no wheel of this desk" if leg.strategy else "no wheel trades its underlying"
    return f"no strategy looks after it: {whose}; `bot close {leg.symbol}` closes it"


def stop_outlooks(snapshot: Snapshot, desk: Desk) -> list[StopOutlook]:
    """Ask each trailing-stop strategy whose shares it protects: those it would ask a quote for in the session."""
    holdings = Holdings(
        session=replace(snapshot.session, is_open=True), account=snapshot.account, positions=snapshot.positions,
        own_orders=snapshot.own_orders, books=snapshot.books, halt=snapshot.halt,
    )  # fmt: skip
    found = []
    for _, enabled, params in desk.trailing_stops:
        asked: tuple[Any, ...] = trailing_stop.needs(holdings, params, snapshot.at) if enabled else ()
        found += [
            StopOutlook(symbol=symbol, strategy=params.name, trail_percent=params.numbers.trail_percent)
            for request in asked
            for symbol in request.symbols
        ]
    return found
