"""How the golden Snapshot of this schema is made: a tick of a simulated run, with every rarer fact added by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from msgspec.structs import replace

from bot.domain.holdings import BrokerOrder
from bot.domain.ledger import Drift, Instruction, Pause, Proposal, Roll
from bot.domain.market import Bar, Bars, BarsRequest, Chain, Dividend, Earnings, Events, Quote, Slab, Split
from bot.domain.orders import OrderIntent, OwnOrder, leg
from bot.domain.snapshot import Snapshot
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, sessions_from

SYMBOLS = ("EWZ", "FXI", "GDX", "SLV", "XLE", "XLF")
SEED, FIRST_DAY, SESSIONS = 15, date(2026, 1, 20), 120


def make_golden(home: Path) -> tuple[str, Snapshot]:
    """Give a desk's text and the fullest moment of a run on it: shares held, options short, chains and verdicts."""
    house = make_house(home, choice_of("balanced", 25_000, SYMBOLS), SEED)
    best: tuple[int, Snapshot] | None = None
    with run_in(house) as run:
        for moment in moments_in(sessions_from(FIRST_DAY, SESSIONS)):
            result = run.tick_at(moment)
            snapshot = result.snapshot
            approved = sum(one.approved for one in result.verdicts)
            books, refused = snapshot.books, len(result.verdicts) - approved
            if not (books.lots and books.legs and snapshot.chains and approved and refused):
                continue
            fullness = len(snapshot.chains) + 2 * bool(snapshot.own_orders) + min(approved, 2) + min(refused, 2)
            if best is None or fullness > best[0]:
                best = fullness, snapshot
    assert best is not None, "the run has no moment with shares, options, a chain, an approval and a refusal"
    return house.desk_text, with_rarer_facts(best[1])


def with_rarer_facts(snapshot: Snapshot) -> Snapshot:
    """Add one of everything a quiet run does not show, on symbols that no planner of the desk trades."""
    at = snapshot.at
    books = snapshot.books
    elsewhere = replace(
        books,
        rolls=(*books.rolls, _a_roll(at)),
        instructions=(Instruction(contract="KRE260821P00050000", word="no_roll", at=at, author="owner"),),
        approvals=(_an_approval(at),),
        entries_sent=(("elsewhere", 2),),
        pauses=(Pause(symbol="KRE", until=at + timedelta(days=3), reason="waiting for news"),),
        drift=(
            Drift(
                symbol="KRE", kind="pending", what="an assignment is expected", broker=Decimal(0), ours=Decimal(100),
                expected_until=at + timedelta(days=1), since=at,
            ),
        ),
    )  # fmt: skip
    return replace(
        snapshot,
        books=elsewhere,
        account=replace(snapshot.account, options_level_approved=3),
        chains=(*snapshot.chains, _an_odd_chain(at)),
        own_orders=(*snapshot.own_orders, _a_stop(at)),
        foreign_orders=(_a_foreign_order(at),),
        requests=(*snapshot.requests, BarsRequest(symbol="KRE", step="1day", count=1)),
        quotes=(*snapshot.quotes, _a_quote("KRE", at), _a_quote("AAPL", at)),
        bars=(Bars(symbol="KRE", step="1day", bars=(_a_bar(at),), source="synthetic"),),
        events=(*snapshot.events, _some_events(at)),
        errors=("KRE: no chain is listed",),
    )


def _a_roll(at: datetime) -> Roll:
    return Roll(
        id="roll-1", underlying="KRE", right="put", old_symbol="KRE260821P00050000", old_strike=Decimal(50),
        qty=Decimal(1), strategy="wheel", cycle="KRE-20260701-0a1b2c3d", chain="leg-1", rolls=1, stage="opening",
        budget=Decimal("125.11"), ticks_left=7, started_at=at,
    )  # fmt: skip


def _an_approval(at: datetime) -> Proposal:
    """Give a word for a strategy this desk does not have: it is kept, named, and carried out by nobody."""
    wanted = OrderIntent(
        strategy="elsewhere", purpose="cash_secured_put", key="put-KRE", underlying="KRE",
        legs=(leg("KRE260821P00045000", "sell_to_open"),), qty=Decimal(1), limit_price=Decimal("0.55"),
        reason="a word given elsewhere", numbers=(("spot", "50.20"),),
    )  # fmt: skip
    return Proposal(
        number=3, intent=wanted, proposed_at=at - timedelta(minutes=5), lapses_at=at + timedelta(minutes=10),
        approved_at=at - timedelta(minutes=1), author="owner",
    )  # fmt: skip


def _a_stop(at: datetime) -> OwnOrder:
    return OwnOrder(
        client_order_id="main-0123456789abcdef01234567", broker_order_id="b-1", strategy="stops",
        purpose="trailing_stop", key="stop-lot-9", underlying="KRE", legs=(leg("KRE", "sell_to_close"),),
        qty=Decimal(100), order_type="trailing_stop", stop_price=Decimal("44.12"), trail_percent=Decimal(12),
        high_water_mark=Decimal("50.14"), time_in_force="gtc", state="working", status="new", lot="lot-9",
        slot=at - timedelta(days=1), planned_at=at - timedelta(days=1),
    )  # fmt: skip


def _a_foreign_order(at: datetime) -> BrokerOrder:
    return BrokerOrder(
        broker_order_id="b-2", client_order_id="by-hand", legs=(leg("AAPL", "buy_to_open"),), qty=Decimal("0.5"),
        filled_qty=Decimal(0), order_type="limit", limit_price=Decimal("180.25"), time_in_force="gtc", status="new",
        submitted_at=at, updated_at=at,
    )  # fmt: skip


def _a_quote(symbol: str, at: datetime) -> Quote:
    return Quote(symbol=symbol, bid=Decimal("50.19"), ask=Decimal("50.21"), last=Decimal("50.20"), at=at, source="sip")


def _an_odd_chain(at: datetime) -> Chain:
    """Give a chain whose one series is no standard contract, with what is odd about it and an old quote."""
    slab = Slab(
        expiry=date(2026, 8, 21), strikes=(50_000,), bids=(110,), asks=(120,), open_interests=(321,), deltas=(2500,),
        volatilities=(2134,), odd=("KRE260821P00050000",), ages=(7,), odd_why=("multiplier 10, european",),
    )  # fmt: skip
    return Chain(underlying="KRE", right="put", at=at, source="opra", greeks="broker", penny=True, slabs=(slab,))


def _a_bar(at: datetime) -> Bar:
    low, high = Decimal("49.10"), Decimal("50.95")
    return Bar(at=at, open=Decimal("49.50"), high=high, low=low, close=Decimal("50.20"), volume=1_234_567)


def _some_events(at: datetime) -> Events:
    day = at.date()
    return Events(
        symbol="KRE", dividend_status="known", earnings_status="known", as_of=at,
        dividends=(Dividend(symbol="KRE", ex_date=day + timedelta(days=20), amount=Decimal("0.31"), expected=True),),
        earnings=(Earnings(symbol="KRE", day=day + timedelta(days=9), when="bmo", as_of=day),),
        splits=(Split(symbol="KRE", day=day + timedelta(days=40), ratio=Decimal(2)),),
    )  # fmt: skip
