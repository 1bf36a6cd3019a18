"""What `bot doctor` finds of the account that a tick would trade: a simulated one, or a real one behind its door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from bot.domain.errors import BotError
from bot.engine.ports import Market
from bot.ops.doctor_account import examine_account, keys
from bot.ops.doctor_store import readable
from bot.ops.finding import Finding
from bot.wiring import House, looking_broker, make_market

if TYPE_CHECKING:
    from bot.venues.allowance import RateLimit


def examine_money(house: House, now: datetime, clock: Callable[[], datetime]) -> list[Finding]:
    """Look at the account; a real one's own clock is compared with `clock`. Nothing is sent."""
    return _simulated(house, now) if house.settings.broker == "simulator" else _real(house, clock)


def _simulated(house: House, now: datetime) -> list[Finding]:
    try:
        market = make_market(house)
        with looking_broker(house, market, lambda: now) as broker:
            account = broker.read_account()
    except BotError as error:
        return [Finding("stop", "account", str(error))]
    return [Finding("good", "account", f"{account.id}, {account.status}, cash {account.cash:,.2f}, simulated")]


def _real(house: House, clock: Callable[[], datetime]) -> list[Finding]:
    findings = [keys(house)]
    if findings[0].level == "stop":
        return findings
    findings += approval(house)
    try:
        market = make_market(house, clock)
        with looking_broker(house, market, clock) as broker:
            findings += examine_account(
                house, broker, market, clock, stamp=_stamp(house), limits=lambda: _limits(market)
            )
    except BotError as error:
        findings.append(Finding("stop", "account", str(error)))
    return findings


def _limits(market: Market) -> RateLimit | None:
    """Give what the tighter of the venue's two hosts last said of requests left."""
    from bot.markets.alpaca import AlpacaMarket

    if not isinstance(market, AlpacaMarket):
        return None
    told = [limits for limits in (market.client.limits, market.client.data_limits) if limits.limit is not None]
    return min(told, key=lambda limits: limits.limit or 0, default=None)


def _stamp(house: House) -> tuple[str, str, str] | None:
    """Read whose home this is; None where nobody's yet, or where the ledger cannot say (told by its own finding)."""
    from bot.commands.fresh_look import stamp_of
    from bot.store.queries import open_for_questions

    if not readable(house.home):
        return None
    try:
        with open_for_questions(house.home) as ledger:
            return stamp_of(ledger)
    except BotError:
        return None


def approval(house: House) -> list[Finding]:
    """Look whether a person approved what real money would be traded with (design 20)."""
    from bot.store.queries import open_for_questions

    if house.settings.alpaca_env != "live" or house.settings.mode != "live":
        return []
    approved = False
    if readable(house.home):
        try:
            with open_for_questions(house.home) as ledger:
                approved = ledger.config_is_approved(house.hash)
        except BotError as error:
            return [Finding("stop", "approval", str(error))]
    if approved:
        return [Finding("good", "approval", f"configuration {house.hash[:16]} was approved by a person")]
    words = f"configuration {house.hash[:16]} was approved by nobody"
    return [Finding("stop", "approval", words, "read `bot config show`, then `bot config approve`")]
