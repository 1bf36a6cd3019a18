"""What Alpaca says of the account, its positions, its clock and its calendar, read field by field.

Any field may be absent; one that is there and makes no sense is named. A row that cannot be read is an error, never
an absence: a position that is silently left out would read as flat (design 12).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from bot.domain.errors import BrokerUnreachable, ConfigError
from bot.domain.holdings import Account, Clock, Position
from bot.domain.money import ZERO
from bot.domain.sessions import NEW_YORK, Session
from bot.venues.parsing import (
    Notes,
    day_of,
    decimal_of,
    flag_of,
    moment_of,
    object_of,
    rows_of,
    shown,
    whole_of,
    word_of,
)

PAPER_START = "PA"
"""Numbers of Alpaca's paper accounts begin with this."""

BLOCKS = ("account_blocked", "trading_blocked", "trade_suspended_by_user")
YEARS = range(1970, 2200)
SMALL = range(100)


def check_account(number: str, pinned: str, environment: str) -> None:
    """Refuse an account that is not the pinned one, and a paper account where live is meant (ConfigError)."""
    if environment == "live" and number.upper().startswith(PAPER_START):
        raise ConfigError(
            f"ALPACA_ENV is live, but these keys belong to the paper account ...{number[-4:]}: set ALPACA_ENV=paper, "
            "or the keys of the live account"
        )
    if pinned.strip() and pinned.strip().upper() != number.upper():
        raise ConfigError(
            f"these keys belong to another account (...{number[-4:]}) than the one that ALPACA_ACCOUNT names or this "
            f"home is kept for (...{pinned.strip()[-4:]}): correct whichever is wrong; nothing else was read and "
            "nothing was sent"
        )


def account_number_of(answer: Any) -> str:
    """Read the account's number alone; without one nothing can be checked or remembered (BrokerUnreachable)."""
    notes: Notes = []
    number = word_of(object_of(answer, "the account"), "account_number", notes)
    if not number:
        raise BrokerUnreachable(f"the account: no account_number to know it by{_listed(notes)}")
    return number


def account_of(answer: Any) -> Account:
    """Read the account. Cash and equity must be there; no other figure need be, but none may be nonsense.

    A buying power that is not said counts as zero and a level that is not said as none: both allow nothing. The level
    is the one in effect, the smaller one of what is approved and what the owner set.
    """
    raw, notes = object_of(answer, "the account"), list[str]()
    cash = decimal_of(raw, "cash", notes)
    equity = decimal_of(raw, "equity", notes)
    equity = decimal_of(raw, "portfolio_value", notes) if equity is None else equity
    power = decimal_of(raw, "buying_power", notes)
    multiplier, level = whole_of(raw, "multiplier", notes), whole_of(raw, "options_trading_level", notes)
    flags = [flag_of(raw, name, notes) for name in BLOCKS]
    account = Account(
        id=account_number_of(raw),
        status=word_of(raw, "status", notes).upper() or "UNKNOWN",
        currency=word_of(raw, "currency", notes).upper() or "USD",
        cash=ZERO if cash is None else cash,
        equity=ZERO if equity is None else equity,
        buying_power=ZERO if power is None else power,
        options_buying_power=decimal_of(raw, "options_buying_power", notes),
        non_marginable_buying_power=decimal_of(raw, "non_marginable_buying_power", notes),
        accrued_fees=decimal_of(raw, "accrued_fees", notes),
        pending_transfers_out=decimal_of(raw, "pending_transfer_out", notes),
        multiplier=1 if multiplier is None else multiplier,
        options_level=level or 0,
        blocked=any(flags),
        options_level_approved=_approved_level(raw),
    )
    notes += [f"{name}: not said" for name, value in (("cash", cash), ("equity", equity)) if value is None]
    for name, number in (("multiplier", multiplier), ("options_trading_level", level)):
        if number is not None and number not in SMALL:
            notes.append(f"{name}: expected a small whole number, got {shown(raw.get(name))}")
    if notes:
        raise BrokerUnreachable(f"the account cannot be read{_listed(notes)}")
    return account


def _approved_level(raw: Mapping[str, Any]) -> int | None:
    """Read the approved options level, which is for show: nonsense there reads as not said."""
    level = whole_of(raw, "options_approved_level")
    return level if level in SMALL else None


def positions_of(answer: Any) -> tuple[Position, ...]:
    """Read every position, by symbol; shorts negative. A symbol this program does not know is kept as it stands.

    Entry price and price are for show and marks of ours replace them: nonsense there reads as not said.
    """
    found: dict[str, Position] = {}
    for place, raw in enumerate(rows_of(answer, "positions")):
        notes: Notes = []
        symbol, qty = word_of(raw, "symbol", notes), decimal_of(raw, "qty", notes)
        if not symbol or qty is None:
            what = shown(symbol) if symbol else f"entry {place + 1}"
            raise BrokerUnreachable(f"positions: {what} has no symbol or no quantity that can be read{_listed(notes)}")
        if symbol in found:
            raise BrokerUnreachable(f"positions: {shown(symbol)} is listed twice; how much is held is not known")
        short = word_of(raw, "side").lower() == "short"
        available = decimal_of(raw, "qty_available")
        found[symbol] = Position(
            symbol=symbol,
            qty=-abs(qty) if short else qty,
            avg_entry_price=decimal_of(raw, "avg_entry_price"),
            price=decimal_of(raw, "current_price"),
            qty_available=-abs(available) if short and available is not None else available,
        )
    return tuple(found[symbol] for symbol in sorted(found))


def clock_of(answer: Any) -> Clock:
    """Read the clock; a moment or a state that is not said is an error, for both decide whether anything is sent."""
    raw, notes = object_of(answer, "the clock"), list[str]()
    is_open = flag_of(raw, "is_open", notes)
    at = sane(moment_of(raw.get("timestamp")))
    if at is None or is_open is None:
        came = f"timestamp {shown(raw.get('timestamp'))}, is_open {shown(raw.get('is_open'))}"
        raise BrokerUnreachable(f"the clock cannot be read: expected a moment and true or false, got {came}")
    return Clock(at=at, is_open=is_open)


def calendar_rows_of(answer: Any) -> list[dict[str, str]]:
    """Give the calendar as plain text that a day's cache can keep, proved readable."""
    rows = [{key: word_of(raw, key) for key in ("date", "open", "close")} for raw in rows_of(answer, "the calendar")]
    sessions_of(rows, date.min, date.max)
    return rows


def sessions_of(rows: Any, first: date, last: date) -> tuple[Session, ...]:
    """Read sessions of the days first..last, oldest first. Times are New York's, as 09:30 or 0930."""
    found: dict[date, Session] = {}
    for raw in rows_of(rows, "the calendar"):
        day, opens, closes = day_of(raw.get("date")), _time_of(raw.get("open")), _time_of(raw.get("close"))
        if day is None or day.year not in YEARS or opens is None or closes is None or opens >= closes:
            came = ", ".join(f"{key} {shown(raw.get(key))}" for key in ("date", "open", "close"))
            raise BrokerUnreachable(f"the calendar: expected a day with an open before its close, got {came}")
        if first <= day <= last:
            found[day] = Session(day=day, open_at=new_york(day, opens), close_at=new_york(day, closes))
    return tuple(found[day] for day in sorted(found))


def new_york(day: date, at: time) -> datetime:
    """Give the UTC moment of a New York day and time."""
    return datetime.combine(day, at, NEW_YORK).astimezone(UTC)


def sane(moment: datetime | None) -> datetime | None:
    """Give a moment that this program can place in a calendar, else None."""
    return moment if moment is not None and moment.year in YEARS else None


def _time_of(value: Any) -> time | None:
    text = value.strip() if isinstance(value, str) else ""
    digits = text.replace(":", "")
    if not (digits.isascii() and digits.isdecimal() and len(digits) in (4, 6)):
        return None
    hour, minute = int(digits[:2]), int(digits[2:4])
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _listed(notes: Notes) -> str:
    return f": {'; '.join(notes)}" if notes else ""


def price_of(answer: Any) -> Decimal | None:
    """Read the current price out of one position, or None."""
    price = decimal_of(object_of(answer, "the position"), "current_price")
    return price if price is not None and price > 0 else None
