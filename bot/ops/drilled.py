"""Whether this home has a drill to show: what `bot status` and `bot doctor` say of it, before a tick does."""

from __future__ import annotations

from datetime import datetime

from bot import __version__
from bot.domain.drilling import DrillPass, drill_halt, lacking
from bot.domain.errors import BotError
from bot.domain.ledger import Halt
from bot.domain.trip import stronger
from bot.ops.finding import Finding
from bot.store.queries import Ledger
from bot.wiring import House, environment_of

COMMAND = "`bot drill` plays F1 to F15 against this desk.toml"
OFF = 'drill_age_days is "off": real money trades here without any drill'


def real_money(house: House) -> bool:
    """Say whether live ticks of this home send real orders."""
    return environment_of(house.settings) == "live" and house.settings.mode == "live"


def lacks(house: House, passed: DrillPass | None, now: datetime) -> str:
    """Say what the newest pass lacks for this desk and program; nothing where it counts, or none is asked for."""
    return lacking(passed, house.desk.limits.drill_age_days, house.desk_hash, __version__, now)


def with_drill(house: House, ledger: Ledger, halt: Halt, now: datetime) -> Halt:
    """Give the halt in force with that of a lacking drill, where the next tick would trade real money."""
    if not real_money(house):
        return halt
    days = house.desk.limits.drill_age_days
    return stronger(halt, drill_halt(ledger.drill_pass(), days, house.desk_hash, __version__, now))


def drill_finding(house: House, now: datetime) -> list[Finding]:
    """Look for a drill that counts; without one real money only reduces, and other money is only told."""
    from bot.store.queries import ledger_exists, open_for_questions

    if house.desk.limits.drill_age_days is None:
        return [Finding("look", "drill", OFF)]
    passed = None
    if ledger_exists(house.home):
        try:
            with open_for_questions(house.home) as ledger:
                passed = ledger.drill_pass()
        except BotError:
            return []  # the finding about the store says it
    without = lacks(house, passed, now)
    if not without:
        assert passed is not None, "a pass that lacks nothing is there"
        return [Finding("good", "drill", f"passed {passed.at:%Y-%m-%d %H:%M} UTC")]
    end = "every live tick runs at reduce_only until it passes" if real_money(house) else "real money would ask for it"
    return [Finding("look", "drill", f"{without}: {COMMAND}; {end}")]
