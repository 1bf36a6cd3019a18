"""`bot doctor --live`: the list from paper to a small live account, each thing read from the record."""

from __future__ import annotations

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from bot.domain.errors import BotError, UsageError
from bot.ops.doctor_money import examine_money
from bot.ops.finding import Finding
from bot.ops.live_checklist import Item, judge_live, open_items
from bot.report.words import filled_text
from bot.wiring import DESK_FILE, House, known_sessions, load_house, looking_broker, make_market, wall_clock

NAME = 20
"""Columns of an item's name."""


def run_live(env: str, *, paper: str, backup_folder: str, as_json: bool) -> None:
    """Judge the list and print it; ends with 1 while anything is open."""
    house, now = load_house(env), wall_clock()
    record = Path(paper).expanduser().resolve() if paper else house.home
    if paper and not (record / DESK_FILE).exists():
        raise UsageError(f"--paper {paper} is no home: name the folder that holds the paper account's {DESK_FILE}")
    account, equity = _account(house)
    items = judge_live(house, record, now, known_sessions(house, lambda: now), backup_folder, account, equity)
    if as_json:
        print(json.dumps(live_object(house, record, items)))
    else:
        print("\n".join(live_lines(house, record, items)))
    if open_items(items):
        raise SystemExit(1)


def live_object(house: House, record: Path, items: tuple[Item, ...]) -> dict[str, object]:
    """Give the list as one plain object."""
    left = open_items(items)
    return {
        "home": str(house.home), "record": str(record), "ready": not left, "open": len(left),
        "next": left[0].how if left else "", "items": [item._asdict() for item in items],
    }  # fmt: skip


def live_lines(house: House, record: Path, items: tuple[Item, ...]) -> list[str]:
    """Write the list, and what comes next."""
    lines = [f"FROM PAPER TO A SMALL LIVE ACCOUNT   home {house.home}"]
    lines += [f"the record of {record} counts"] if record != house.home else []
    for item in items:
        start = f"  {'met ' if item.met else 'OPEN'}  {item.name:<{NAME}} "
        lines += filled_text(item.found, start, " " * len(start))
        lines += [] if item.met else [f"{' ' * len(start)}do: {item.how}"]
    left = open_items(items)
    if not left:
        return [
            *lines,
            "",
            "everything holds: `bot halt no_new_risk`, BOT_MODE=live in .env, `bot doctor`, `bot resume`",
        ]
    return [*lines, "", f"{len(left)} of {len(items)} are open; next: {left[0].name}: {left[0].how}"]


def _account(house: House) -> tuple[tuple[Finding, ...], Decimal | None]:
    """Look at the account these keys open, where it is a real one; gives what was found and its equity."""
    if house.settings.broker != "alpaca":
        return (), None
    found = tuple(examine_money(house, wall_clock(), wall_clock))
    equity = None
    if any(one.what == "account" and one.level == "good" for one in found):
        with suppress(BotError):  # the finding above says it
            market = make_market(house, wall_clock)
            with looking_broker(house, market, wall_clock) as broker:
                equity = broker.read_account().equity
    return found, equity
