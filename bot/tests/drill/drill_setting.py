"""The setting every test of the drill plays in: a shipped desk on one market, at the moment its first entry comes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.drill.playing import prepared
from bot.drill.stage import Setting, WorldName
from bot.markets.synthetic import SyntheticMarket

BEGINS = datetime(2026, 3, 2, 15, 45, tzinfo=UTC)


@cache
def the_market() -> SyntheticMarket:
    return SyntheticMarket(1)


def a_setting(world: WorldName = "simulator") -> Setting:
    return Setting(prepared(read_desk(desk_text("balanced")), 1), the_market(), world, BEGINS)
