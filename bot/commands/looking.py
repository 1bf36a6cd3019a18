"""The owner's eyes: `bot status`, `report`, `why`, `dump-state`. They only read, and never wait for the lock."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.day_facts import day_report
from bot.commands.looking_facts import intent_report, newest_decided, status_report, symbol_report
from bot.commands.opening import warn
from bot.config.settings import ENVIRONMENT
from bot.domain.errors import StoreError, UsageError
from bot.domain.instruments import is_option, underlying_of
from bot.domain.sessions import new_york_day
from bot.store.queries import IntentRow, Ledger, ledger_exists, open_for_questions
from bot.wiring import House, environment_of, load_house, wall_clock

if TYPE_CHECKING:
    from bot.report.why import IntentReport, SymbolReport


def typed_before(env: str, house: House) -> str:
    """Give what must stand before a command to type, so that it asks the home that was asked now."""
    if house.settings.origins.get("BOT_HOME") == ENVIRONMENT:
        return f"BOT_HOME={house.home} {script_folder()}"
    return f"BOT_ENV={env} {script_folder()}" if env else script_folder()


def script_folder() -> str:
    """Give the folder to type before `bot` where the shell would not find it: a virtual environment's own."""
    import os
    import shutil

    folder = Path(sys.executable).parent
    if not (folder / "bot").exists() or shutil.which("bot") == str(folder / "bot"):
        return ""
    beside = os.path.relpath(folder)
    return f"{folder if beside.startswith('..') else beside}/"


def show(lines: list[str]) -> None:
    """Print a report; its first line stands out on a terminal."""
    bold = sys.stdout.isatty()
    first = f"\x1b[1m{lines[0]}\x1b[0m" if bold else lines[0]
    print("\n".join([first, *lines[1:]]))


def print_json(value: Any) -> None:
    """Print one JSON object and nothing else."""
    from bot.report.words import json_line

    print(json_line(value))


def nothing_yet(house: House, prefix: str) -> str:
    """Say that no tick has run, and what to type."""
    at = " --at session" if house.settings.broker == "simulator" else ""
    return f"no tick has run yet in {house.home}: `{prefix}bot tick --dry{at}` runs one"


def run_status(env: str, *, as_json: bool) -> None:
    """Say how it stands; a home without a ledger is an answer too."""
    house = load_house(env)
    prefix = typed_before(env, house)
    if not ledger_exists(house.home):
        _print_empty(house, prefix, as_json)
        return
    with open_for_questions(house.home) as ledger:
        report = status_report(ledger, house, wall_clock())
    if as_json:
        print_json(report)
        return
    from bot.report.status import status_lines

    lines = status_lines(report, prefix)
    if report.tick is None:
        lines.append(nothing_yet(house, prefix))
    show(lines)


def _print_empty(house: House, prefix: str, as_json: bool) -> None:
    from bot.report.status import kind_of_money

    environment = environment_of(house.settings)
    simulated = environment == "simulated"
    kind, message = kind_of_money(simulated, environment), nothing_yet(house, prefix)
    if as_json:
        print_json(
            {
                "home": str(house.home), "kind": kind, "simulated": simulated, "mode": house.settings.mode,
                "broker": house.settings.broker, "tick": None, "message": message,
            }
        )  # fmt: skip
        return
    show([f"{kind}   {house.settings.mode}   {house.settings.broker}   home {house.home}", message])


def _ledger_needed(house: House, prefix: str) -> None:
    if not ledger_exists(house.home):
        raise StoreError(nothing_yet(house, prefix))


def run_report(env: str, *, day: str, as_json: bool) -> None:
    """Tell one session day, by default the newest with a tick."""
    house = load_house(env)
    warn(house)
    prefix = typed_before(env, house)
    wanted = read_day_option(day)
    _ledger_needed(house, prefix)
    with open_for_questions(house.home) as ledger:
        days = ledger.session_days(10_000)
        if not days:
            raise StoreError(nothing_yet(house, prefix))
        if wanted is not None and wanted not in days:
            raise UsageError(
                f"--day {wanted}: no tick of that session day is recorded in {house.home}; there are {len(days)} days, "
                f"{days[0]} to {days[-1]}"
            )
        today = new_york_day(wall_clock())
        newest = max((one for one in days if one <= today), default=days[-1])
        report = day_report(ledger, house, wanted or newest, wall_clock())
    if as_json:
        print_json(report)
        return
    from bot.report.day import day_lines

    show(day_lines(report))


def read_day_option(text: str) -> date | None:
    """Read `--day`; None where it was left out."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--day takes YYYY-MM-DD, got {text!r}") from error


def run_why(env: str, *, what: str, as_json: bool) -> None:
    """Explain a symbol, or one wish named by its number or its order's id."""
    house = load_house(env)
    warn(house)
    prefix = typed_before(env, house)
    _ledger_needed(house, prefix)
    with open_for_questions(house.home) as ledger:
        report = why_of(ledger, house, what, prefix)
    if as_json:
        print_json(report)
        return
    from bot.report.why import SymbolReport, intent_lines, symbol_lines

    show(symbol_lines(report, prefix) if isinstance(report, SymbolReport) else intent_lines(report, prefix))


def why_of(ledger: Ledger, house: House, what: str, prefix: str = "") -> SymbolReport | IntentReport:
    """Gather the story of a symbol, or of one wish; raises UsageError where nothing here has that name."""
    if newest_decided(ledger) is None:
        raise StoreError(nothing_yet(house, prefix))
    symbol = _symbol(ledger, house, what)
    if symbol:
        return symbol_report(ledger, house, symbol, wall_clock())
    return intent_report(ledger, house, _intent(ledger, house, what), wall_clock())


def _symbol(ledger: Ledger, house: House, what: str) -> str:
    name = underlying_of(what.upper())
    known = name in house.desk.universe or any(one.underlying == name for one in ledger.positions())
    if known or ledger.intents_of_symbol(name, limit=1):
        return name
    if is_option(what.upper()):
        raise UsageError(f"nothing is recorded on {name}, the underlying of {what}; {_known(ledger, house)}")
    return ""


def _intent(ledger: Ledger, house: House, what: str) -> IntentRow:
    words = what.removeprefix("#")
    found = ledger.find_intent(words) if words else []
    if not found:
        raise UsageError(f"{what!r} is no symbol, intent or order here; {_known(ledger, house)}")
    if len({row.client_order_id or row.id for row in found}) > 1:
        listed = ", ".join(str(row.client_order_id) for row in found[:5])
        raise UsageError(f"{what!r} begins {len(found)} order ids or more ({listed}, ...): type more of one")
    return found[0]


def _known(ledger: Ledger, house: House) -> str:
    wanted = ledger.count_intents()
    intents = f"intents 1 to {wanted}" if wanted else "no intent yet"
    orders = ledger.recent_orders(limit=1)
    example = f", order ids such as {orders[0].client_order_id}" if orders else ", no order yet"
    return f"there are the symbols {', '.join(sorted(house.desk.universe))}, {intents}{example}"


def run_dump_state(env: str, *, since: str, limit: int) -> None:
    """Print every table as one JSON object, newest rows last."""
    import msgspec

    house = load_house(env)
    warn(house)
    prefix = typed_before(env, house)
    start = _since(since)
    _ledger_needed(house, prefix)
    with open_for_questions(house.home) as ledger:
        tables = ledger.dump_state(since=start, limit=limit)
        simulated = environment_of(house.settings) == "simulated"
    dumped = {
        "home": str(house.home), "simulated": simulated, "since": None if start is None else start.isoformat(),
        "limit": limit, "tables": tables,
    }  # fmt: skip
    sys.stdout.write(msgspec.json.encode(dumped).decode() + "\n")


def _since(text: str) -> datetime | None:
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"--since takes YYYY-MM-DD or an ISO moment with a zone, got {text!r}") from error
    if read.tzinfo is None:
        raise UsageError(f"--since needs a zone: write {text}+00:00 for UTC")
    return read.astimezone(UTC)
