"""Alpaca's history of the account, line by line, in the house's signs.

Signs: Alpaca's `qty` is the change of the position (its own examples, and what accounts show: OPASN "2", OPEXC "-2",
OPEXP "1" of a short series and "-2" of a long one, OPTRD "-200" of shares delivered). It is kept for an expiry; an
assignment always closes a short and an exercise a long, whatever the sign; a share trade goes against its cash. A
fill comes without a sign: its side gives it.

Moments: a fill has one. Other lines are placed where they were booked (`created_at`: the morning after, before the
next open), because that is when they could first be read, and a window of days then never misses one; without it at
16:00 New York of their `date`.

States: `executed` and `correct` are booked. A cancelled line of cash is booked and taken back, two lines that come
to nothing, so that it is right whether or not the first was seen before; a cancelled one that moved a position is
only named, as is one that is not booked yet (it comes again under its own key) and one that cannot be read: money or
shares it did move then show as a difference.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from bot.brokers.alpaca_account import YEARS, new_york, sane
from bot.domain.errors import BrokerUnreachable
from bot.domain.holdings import Activity, ActivityKind
from bot.domain.instruments import is_option
from bot.domain.money import ZERO, plain
from bot.domain.sessions import NEW_YORK, new_york_day
from bot.venues.parsing import Notes, day_of, decimal_of, moment_of, rows_of, shown, word_of

Read = Callable[[str, Mapping[str, str], str], Any]

PAGE = 100
PAGES_MAX = 1000
FIRST_DAY = date(1971, 1, 1)
AT_CLOSE = time(16)

KINDS: dict[str, ActivityKind] = {
    "FILL": "FILL", "OPASN": "OPASN", "OPEXC": "OPEXC", "OPEXP": "OPEXP", "OPTRD": "OPTRD", "CGD": "DIV", "FEE": "FEE",
    "CFEE": "FEE", "PTC": "FEE", "REG": "FEE", "TAF": "FEE", "ORF": "FEE", "OCC": "FEE", "CAT": "FEE", "INT": "INT",
    "INTNRA": "INT", "INTTW": "INT", "CSD": "CSD", "CSW": "CSW", "JNLC": "JNLC", "TRANS": "TRANS", "ACATC": "ACATC",
    "ACATS": "ACATS", "JNLS": "ACATS", "SPLIT": "SPLIT",
}  # fmt: skip
CASH_KINDS = frozenset({"DIV", "FEE", "INT", "CSD", "CSW", "JNLC", "TRANS", "ACATC"})
DELIVERIES = frozenset({"OPASN", "OPEXC", "OPTRD"})
BOOKED = frozenset({"", "executed", "correct"})
CANCELED = frozenset({"canceled", "cancelled"})
EXECUTIONS = frozenset({"", "fill", "partial_fill"})


def read_lines(read: Read, since: date) -> tuple[Activity, ...]:
    """Give every line booked on or after a New York day, oldest first, each key once.

    Alpaca filters by the UTC moment of creation; a day more is asked for, and what is wanted is kept.
    """
    since = max(since, FIRST_DAY)
    rows = read_pages(read, since - timedelta(days=1))
    ids: dict[str, int] = {}
    for raw in rows:
        ids[word_of(raw, "id")] = ids.get(word_of(raw, "id"), 0) + 1
    lines = [line for raw in rows for line in lines_of(raw, shares_id=ids[word_of(raw, "id")] > 1)]
    found: dict[tuple[str, str, str], Activity] = {}
    for line in joined_splits(lines):
        if new_york_day(line.at) < since:
            continue
        if found.get(line.key, line) != line:
            # The same id, kind and symbol with other numbers is another line, and must not be lost.
            line = replace(line, id=f"{line.id}#{plain(line.qty)}#{plain(line.net_amount)}")
        found.setdefault(line.key, line)
    return tuple(sorted(found.values(), key=lambda line: line.at))


def read_pages(read: Read, after: date) -> list[dict[str, Any]]:
    """Read the history after a UTC day to its end, oldest first.

    Two lines may share an id and a page may end between them: the last id of a full page is read again whole.
    """
    what = "the account's history"
    rows: list[dict[str, Any]] = []
    token = ""
    used: set[str] = set()
    for _ in range(PAGES_MAX):
        query = {"after": f"{after.isoformat()}T00:00:00Z", "direction": "asc", "page_size": str(PAGE)}
        if token:
            query["page_token"] = token
        page = rows_of(read("/account/activities", query, what), what)
        if len(page) < PAGE:
            return rows + page
        last = word_of(page[-1], "id")
        kept = len(page)
        while kept and word_of(page[kept - 1], "id") == last:
            kept -= 1
        kept = kept or len(page)
        rows += page[:kept]
        token = word_of(page[kept - 1], "id")
        if not token or token in used:
            raise BrokerUnreachable(f"{what}: the page after {shown(token)} cannot be told from the one before")
        used.add(token)
    raise BrokerUnreachable(f"{what}: more than {PAGES_MAX} pages of {PAGE}; read a shorter time")


def lines_of(raw: dict[str, Any], *, shares_id: bool = False) -> tuple[Activity, ...]:
    """Read one row: one line, or a cancelled one's two. `shares_id` says that another row has the same id.

    Raises BrokerUnreachable for a row that cannot be placed in time.
    """
    notes: Notes = []
    status = word_of(raw, "status", notes).lower()
    line = _line_of(raw, notes)
    if notes:
        text = f"cannot be read: {'; '.join(notes)}"
        return (_named(line, "unreadable", text),)
    if shares_id and line.kind in DELIVERIES and not line.group_id:
        line = replace(line, group_id=line.id)
    if status in BOOKED:
        return (line,)
    if status in CANCELED and line.kind in CASH_KINDS:
        back = replace(line, id=f"{line.id}#canceled", net_amount=-line.net_amount, description="cancelled: taken back")
        return (line, back)
    return (_named(line, status, f"its status is {shown(status)}: it is not booked"),)


def joined_splits(lines: list[Activity]) -> list[Activity]:
    """Make one line of the two a split comes as, shares taken away and shares given, with the ratio as its price.

    Alpaca's `price` there is a share price. A half whose other half is missing keeps no ratio, which the books name.
    """
    halves: dict[tuple[str, str], list[Activity]] = {}
    for line in lines:
        if line.kind == "SPLIT":
            group = line.group_id or new_york_day(line.at).isoformat()
            halves.setdefault((line.symbol, group), []).append(line)
    merged: dict[tuple[str, str, str], Activity | None] = {}
    for pair in halves.values():
        if len(pair) != 2 or pair[0].qty * pair[1].qty >= 0:
            continue
        old, new = sorted(pair, key=lambda one: one.qty)
        at = max(old.at, new.at)
        merged[pair[0].key] = None
        merged[pair[1].key] = replace(
            new, id=f"{old.id}+{new.id}", at=at, qty=old.qty + new.qty, price=new.qty / -old.qty,
            net_amount=old.net_amount + new.net_amount,
        )  # fmt: skip
    given = [merged.get(line.key, line) for line in lines]
    return [line for line in given if line is not None]


def _line_of(raw: dict[str, Any], notes: Notes) -> Activity:
    word = word_of(raw, "activity_type", notes).upper()
    sub = word_of(raw, "activity_sub_type").upper()
    symbol = word_of(raw, "symbol", notes)
    kind = kind_of(word, sub, symbol)
    net_amount = decimal_of(raw, "net_amount", notes)
    asides: Notes = [] if kind in CASH_KINDS else notes
    qty, price = decimal_of(raw, "qty", asides), decimal_of(raw, "price", asides)
    if kind not in CASH_KINDS and qty is not None and qty % 1 and is_option(symbol):
        raise BrokerUnreachable(
            f"the account's history: {word} of {plain(qty)} {shown(symbol)}, expected whole contracts; a number was "
            "read wrong, so nothing is concluded from this read"
        )
    if kind in CASH_KINDS:
        if net_amount is None:
            notes.append("net_amount: not said")
        qty, price = ZERO, decimal_of(raw, "per_share_amount")
    elif kind == "FILL":
        _check_id(raw)
        qty, net_amount = _fill_qty(raw, qty, price, symbol, notes), ZERO
    elif kind == "SPLIT":
        price = _split_ratio(raw)
    elif kind in ("OPASN", "OPEXC", "OPEXP", "OPTRD"):
        if not symbol or qty is None:
            notes.append("symbol or qty: not said")
        elif kind == "OPTRD":
            qty, price, net_amount = _share_trade(qty, price, net_amount, notes)
        elif kind != "OPEXP":
            qty = abs(qty) if kind == "OPASN" else -abs(qty)
    return Activity(
        id=word_of(raw, "id") or _made_up_id(raw),
        kind=kind,
        symbol=symbol,
        at=moment_in(raw),
        qty=qty or ZERO,
        price=price,
        net_amount=net_amount or ZERO,
        order_id=word_of(raw, "order_id"),
        group_id=word_of(raw, "group_id"),
        raw_type="" if word == kind and not sub else f"{word or 'unknown'} {sub}".strip(),
        description=word_of(raw, "description"),
    )


def kind_of(word: str, sub: str, symbol: str) -> ActivityKind:
    """Bring Alpaca's type of a line to the house's; what is new or moves shares in ways of its own is OTHER.

    >>> kind_of("DIVNRA", "", "XLF"), kind_of("DIV", "SDIV", "XLF"), kind_of("OPCA", "DIV.CDIV", "XLF1")
    ('DIV', 'OTHER', 'OTHER')
    """
    if sub == "SDIV":
        return "OTHER"  # a dividend in shares: no cash, and a change of the position that no line of ours stands for
    if word == "JNL":
        return "ACATS" if symbol else "JNLC"
    if word.startswith("DIV"):
        return "DIV"
    return KINDS.get(word, "OTHER")


def moment_in(raw: dict[str, Any]) -> datetime:
    """Place a line in time: its own moment, else its booking, else its id's, else the close of its day."""
    for key in ("transaction_time", "created_at"):
        moment = sane(moment_of(raw.get(key)))
        if moment is not None:
            return moment
    mark = word_of(raw, "id").partition("::")[0]
    try:
        # The start of an id is a New York moment to the millisecond; all zeros where only the day is known.
        told = datetime.fromisoformat(f"{mark[:8]}T{mark[8:14]}").replace(tzinfo=NEW_YORK) if len(mark) == 17 else None
    except ValueError:
        told = None
    if told is not None and told.time() != time() and told.year in YEARS:
        return told.astimezone(UTC)
    written = raw.get("date")
    day = day_of(written[:10]) if isinstance(written, str) else None
    day = day or (told.date() if told is not None else None)
    if day is None or day.year not in YEARS:
        name = shown(word_of(raw, "id") or word_of(raw, "activity_type"))
        raise BrokerUnreachable(f"the account's history: line {name} has no moment and no day that can be read")
    return new_york(day, AT_CLOSE)


def _fill_qty(
    raw: dict[str, Any], qty: Decimal | None, price: Decimal | None, symbol: str, notes: Notes
) -> Decimal | None:
    side = word_of(raw, "side").lower()
    if not symbol or qty is None or price is None or price < 0:
        notes.append("symbol, qty or price: not said")
    if not side.startswith(("buy", "sell")):
        notes.append(f"side: expected buy or sell, got {shown(side)}")
    if word_of(raw, "type").lower() not in EXECUTIONS:
        notes.append(f"type: expected fill or partial_fill, got {shown(raw.get('type'))}")
    if qty is None:
        return None
    return abs(qty) if side.startswith("buy") else -abs(qty)


def _share_trade(
    qty: Decimal, price: Decimal | None, net_amount: Decimal | None, notes: Notes
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Give quantity, strike and cash of the shares of an assignment or exercise; the cash tells sign and strike."""
    if net_amount and qty:
        strike = abs(net_amount / qty)
        fits = price is not None and abs(price * qty) == abs(net_amount)
        return (-abs(qty) if net_amount > 0 else abs(qty)), (price if fits else strike), net_amount
    if price is None:
        notes.append("net_amount and price: not said")
        return qty, price, net_amount
    return qty, price, -qty * price


def _split_ratio(raw: dict[str, Any]) -> Decimal | None:
    new, old = decimal_of(raw, "new_rate"), decimal_of(raw, "old_rate")
    return new / old if new is not None and old is not None and new > 0 and old > 0 else None


def _named(line: Activity, mark: str, text: str) -> Activity:
    """Keep a line that is not booked where it can be seen, under a key of its own and moving nothing."""
    return replace(
        line, id=f"{line.id}#{mark}", kind="OTHER", qty=ZERO, price=None, net_amount=ZERO,
        raw_type=f"{line.raw_type or line.kind} ({text})", description=text,
    )  # fmt: skip


def _check_id(raw: dict[str, Any]) -> None:
    """Refuse a fill whose id is none of Alpaca's (moment::name): under another id the same fill is booked twice."""
    mark = word_of(raw, "id")
    if not re.fullmatch(r"[0-9A-Za-z]+::\S+", mark, re.ASCII):
        raise BrokerUnreachable(
            f"the account's history: a fill of {shown(word_of(raw, 'symbol'))} has the id {shown(mark)}, expected "
            "moment::name; it cannot be told from one that is booked already, so nothing is concluded from this read"
        )


def _made_up_id(raw: dict[str, Any]) -> str:
    text = repr(sorted(raw.items(), key=lambda item: item[0]))
    return f"no-id-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:24]}"
