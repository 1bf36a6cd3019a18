"""`bot alerts list`, `bot alerts ack` and `bot alerts failed`: what was told, who has seen to it, and a failed unit."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

from bot.commands.alerting import masked
from bot.commands.looking import typed_before
from bot.commands.owner import author
from bot.config.effective import home_of_process, monitored_unit
from bot.domain import topics
from bot.domain.alerts import Alert, KeptAlert
from bot.domain.desk import AlertNumbers
from bot.domain.errors import BotError, UsageError
from bot.report.alerts_text import alert_lines, alert_object
from bot.report.words import count, json_line
from bot.store.alerting import acknowledge, keep_alerts, list_alerts, open_outbox
from bot.store.pending_alerts import PENDING_NAME, leave_alert
from bot.store.queries import ledger_exists, open_for_questions
from bot.wiring import House, load_house, wall_clock

EXIT_MEANS = {
    "75": "it was not its turn, or somebody else was at work",
    "78": "the configuration cannot be used: `bot config check` names every fault",
    "124": "its time was up",
    "137": "it was killed; was memory short?",
}
SHOWN = 200


def run_alerts_list(env: str, *, everything: bool, limit: int, as_json: bool) -> None:
    """Print the alerts that stand, or with `everything` the newest of all."""
    house, now = load_house(env), wall_clock()
    if limit < 1 or limit > SHOWN:
        raise UsageError(f"--limit takes 1 to {SHOWN}, got {limit}")
    kept: tuple[KeptAlert, ...] = ()
    if ledger_exists(house.home):
        with open_for_questions(house.home) as ledger:
            kept = list_alerts(ledger.connection, limit, everything=everything)
    waiting = (house.home / PENDING_NAME).exists()
    if as_json:
        found = [alert_object(one) for one in kept]
        print(json_line({"home": str(house.home), "at": now, "waiting_file": waiting, "alerts": found}))
        return
    prefix = typed_before(env, house)
    if everything:
        print(f"the newest {count(len(kept), 'alert')}   home {house.home}")
    else:
        print(f"{count(len(kept), 'alert') if kept else 'no alert'} standing   home {house.home}")
    for line in alert_lines(kept, now, prefix):
        print(line)
    if waiting:
        print(f"\nmore lies in {house.home / PENDING_NAME}: the next tick takes it")
    if not everything:
        print(f"\nwhat is over: {prefix}bot alerts list --all")


def run_alerts_ack(env: str, *, number: int | None, everything: bool) -> None:
    """Acknowledge an alert, or all that stand: it is not said again."""
    if (number is None) == (not everything):
        raise UsageError("give the number of one alert, as in `bot alerts ack 12`, or --all")
    house = load_house(env)
    words = "bot alerts ack " + ("--all" if number is None else str(number))
    with open_outbox(house.home) as database:
        fresh = acknowledge(database, number, wall_clock(), author(), words)
    if not fresh:
        print(f"nothing was left to acknowledge   home {house.home}")
        return
    print(f"acknowledged: {', '.join(map(str, fresh))}; what caused it stands until it is mended   home {house.home}")


def run_alerts_failed(env: str, *, unit: str, result: str, status: str) -> None:
    """Keep that a unit of systemd failed, as its OnFailure= says; in a file where the ledger cannot be written."""
    told = monitored_unit()
    unit, result, status = told[0] or unit, told[1] or result, told[2] or status
    if not unit:
        raise UsageError("which unit failed? systemd says it in MONITOR_UNIT; by hand: `bot alerts failed --unit NAME`")
    alert = unit_alert(unit, result, status, wall_clock())
    house = _house_if_any(env)
    home = home_of_process(Path(env) if env else None) if house is None else house.home
    alert = alert if house is None else masked(house, alert)
    minutes = AlertNumbers().same_minutes if house is None else house.desk.alerts.same_minutes
    try:
        with open_outbox(home) as database, database.writing() as connection:
            keep_alerts(connection, (alert,), minutes)
    except BotError as error:
        path = leave_alert(home, alert)
        print(f"{alert.title}: left in {path}, the next tick takes it ({error})")
        return
    print(f"{alert.title}: kept; `bot alerts send` delivers it   home {home}")


def _house_if_any(env: str) -> House | None:
    try:
        return load_house(env)
    except BotError as error:
        print(f"warning: {error}", file=sys.stderr)
        return None


def unit_alert(unit: str, result: str, status: str, at: datetime) -> Alert:
    """Make the alert of a unit that failed."""
    name = "".join(one for one in unit if one.isprintable())[:200]
    parts = (result and f"result {result[:40]}", status and f"exit {status[:10]}")
    ended = ", ".join(part for part in parts if part)
    means = f" ({EXIT_MEANS[status]})" if status in EXIT_MEANS else ""
    return Alert(
        at=at, topic=topics.UNIT_FAILED, severity=topics.SEVERITY_OF[topics.UNIT_FAILED],
        key=f"{topics.UNIT_FAILED}:{name}", title=f"{name} failed",
        words=f"{ended or 'systemd says no more'}{means}. `journalctl -u {name} -n 50` shows its words, `bot doctor` "
        "looks at what it stands on.",
    )  # fmt: skip
