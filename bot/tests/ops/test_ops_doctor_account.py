"""The doctor on a real account: through the ports with hands, and through HTTP on the pretended Alpaca."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.config.deskfile import read_desk
from bot.config.desktext import DeskChoice, desk_text_of
from bot.config.secret import Secrets
from bot.config.settings import Settings
from bot.domain.errors import BrokerUnreachable, MarketError
from bot.domain.holdings import Clock
from bot.domain.market import ChainRequest, EventsRequest, MarketReads, QuotesRequest, Request
from bot.domain.sessions import Session, sessions_between
from bot.ops.doctor_account import examine_account, keys
from bot.ops.finding import Finding
from bot.tests.alpaca.desk import AlpacaDesk
from bot.tests.alpaca.world import ACCOUNT
from bot.tests.builders import NOON, a_chain, a_quote, a_slab, an_account, some_events
from bot.tests.commands.typed import Done, typed
from bot.tests.engine.hands import HandBroker
from bot.venues.allowance import RateLimit
from bot.wiring import House

DESK_TEXT = desk_text_of(DeskChoice(profile="balanced", symbols=("XLF", "EWZ")))
STAMP = ("alpaca", "paper", "PA-1")


class Account(HandBroker):
    """A real account by hand, with a clock and a calendar that can be set."""

    name = "alpaca"

    def __init__(self, **given: Any) -> None:
        super().__init__(replace(an_account(), id="PA-1", options_level=3, **given))
        self.clock_at = NOON
        self.calendar: tuple[Session, ...] | None = None
        self.failing: set[str] = set()

    def _read(self, what: str) -> None:
        super()._read(what)
        if what in self.failing:
            raise BrokerUnreachable(f"no answer for {what}")

    def read_clock(self) -> Clock:
        self._read("clock")
        return Clock(at=self.clock_at, is_open=True)

    def read_calendar(self, first: date, last: date) -> tuple[Session, ...]:
        self._read("calendar")
        return tuple(sessions_between(first, last)) if self.calendar is None else self.calendar


class Prices:
    """A market by hand: all is well unless something is taken away."""

    name = "alpaca"
    simulated = False

    def __init__(self) -> None:
        self.without: set[str] = set()
        self.errors: tuple[str, ...] = ()
        self.silent = False

    def fetch(self, requests: tuple[Request, ...], at: datetime) -> MarketReads:
        if self.silent:
            raise MarketError("the whole market is silent")
        reads = MarketReads(errors=self.errors)
        for request in requests:
            if isinstance(request, QuotesRequest) and "shares" not in self.without:
                reads = replace(reads, quotes=tuple(a_quote(symbol) for symbol in request.symbols))
            elif isinstance(request, ChainRequest) and "options" not in self.without:
                slab = a_slab(date(2026, 12, 18), [("600", "5.00", "5.10", 900, 0.4, 0.2)])
                reads = replace(reads, chains=(a_chain(request.underlying, "put", slab),))
            elif isinstance(request, EventsRequest):
                known = [symbol for symbol in request.symbols if symbol not in self.without]
                reads = replace(reads, events=tuple(some_events(symbol) for symbol in known))
        return reads


def a_house(**given: Any) -> House:
    facts: dict[str, Any] = {
        "home": Path("somewhere/data"), "env_file": None, "broker": "alpaca", "market": "alpaca",
        "alpaca_account": "PA-1", "secrets": Secrets({"ALPACA_API_KEY": "PKX", "ALPACA_SECRET_KEY": "s"}),
    }  # fmt: skip
    text = given.pop("text", DESK_TEXT)
    return House(Settings(**(facts | given)), read_desk(text), text, "f" * 64, "{}")


def looked(
    house: House | None = None,
    broker: Account | None = None,
    market: Prices | None = None,
    stamp: tuple[str, str, str] | None = STAMP,
    limits: RateLimit | None = RateLimit(190, 200, 0),  # noqa: B008 - immutable
) -> dict[str, Finding]:
    found = examine_account(
        house or a_house(), broker or Account(), market or Prices(), lambda: NOON, stamp=stamp, limits=lambda: limits
    )
    return {one.what: one for one in found}


def test_a_good_account_is_good_in_every_line() -> None:
    found = looked()
    assert {one.level for one in found.values()} == {"good"}, found
    assert set(found) == {
        "account", "pin", "home of", "options level", "clock", "share prices", "option prices", "ex-dates", "calendar",
        "requests",
    }  # fmt: skip
    assert "12 at most" in found["requests"].words
    assert "190 left" in found["requests"].words


def test_behind_a_door_that_does_not_open_nothing_else_is_asked() -> None:
    broker = Account()
    broker.failing = {"account"}
    found = looked(broker=broker)
    assert {name: one.level for name, one in found.items()} == {"account": "stop"}
    assert broker.calls == ["account"]


@pytest.mark.parametrize(
    ("given", "what", "level", "words"),
    [
        ({"status": "ACCOUNT_UPDATED"}, "account", "stop", "ACCOUNT_UPDATED"),
        ({"blocked": True}, "account", "stop", "blocked"),
        ({"options_level": 0}, "options level", "stop", "0 in effect, 1 needed"),
        ({"options_level": 1}, "options level", "good", "1 in effect, 1 needed"),
        ({"options_level": 1, "options_level_approved": 3}, "options level", "good", "1 in effect, 3 approved"),
        ({"options_level": 0, "options_level_approved": 3}, "options level", "stop", "raise the account's own limit"),
        ({"options_level": 0, "options_level_approved": 0}, "options level", "stop", "0 approved, 1 needed to sell"),
    ],
)
def test_what_the_account_says_of_itself(given: dict[str, Any], what: str, level: str, words: str) -> None:
    broker = Account()
    broker.account = replace(broker.account, **given)
    found = looked(broker=broker)[what]
    assert found.level == level
    assert words in f"{found.words} {found.do}"


def test_a_pin_that_is_missing_or_another_account() -> None:
    assert looked(a_house(alpaca_account=""))["pin"].level == "look"
    found = looked(a_house(alpaca_account="PA-2"))["pin"]
    assert found.level == "stop"


@pytest.mark.parametrize(
    ("stamp", "level"),
    [(None, "good"), (STAMP, "good"), (("alpaca", "paper", "PA-9"), "stop"), (("simulator", "simulated", "S"), "stop")],
)
def test_the_home_belongs_to_this_account_or_to_nobody(stamp: tuple[str, str, str] | None, level: str) -> None:
    found = looked(stamp=stamp)["home of"]
    assert found.level == level
    assert ("BOT_HOME=somewhere/data-alpaca-paper" in found.do) == (level == "stop")


@pytest.mark.parametrize(("seconds", "level"), [(0, "good"), (2, "good"), (3, "look"), (-3, "look")])
def test_two_clocks_more_than_two_seconds_apart_want_an_eye(seconds: int, level: str) -> None:
    broker = Account()
    broker.clock_at = NOON + timedelta(seconds=seconds)
    assert looked(broker=broker)["clock"].level == level


def test_a_clock_that_does_not_answer_stops() -> None:
    broker = Account()
    broker.failing = {"clock"}
    assert looked(broker=broker)["clock"].level == "stop"


def test_a_feed_that_gives_nothing_names_its_variable() -> None:
    market = Prices()
    market.without, market.errors = {"shares"}, ("quotes of SPY: 403",)
    found = looked(a_house(stock_feed="sip"), market=market)
    assert found["share prices"].level == "stop"
    assert "quotes of SPY: 403" in found["share prices"].words
    assert found["share prices"].do == "sip needs a subscription: without it set ALPACA_STOCK_FEED=iex"
    assert "option prices" not in found
    market.without = {"options"}
    found = looked(a_house(option_feed="opra"), market=market)
    assert found["share prices"].level == "good"
    assert "without it set ALPACA_OPTION_FEED=indicative" in found["option prices"].do


def test_a_silent_market_is_told_and_the_rest_goes_on() -> None:
    market = Prices()
    market.silent = True
    found = looked(market=market)
    assert "the whole market is silent" in found["share prices"].words
    assert found["ex-dates"].level == "look"
    assert found["calendar"].level == "good"


def test_weak_feeds_are_labelled_and_hold_real_money_back() -> None:
    found = looked()
    assert "iex (ONE VENUE)" in found["share prices"].words
    assert "indicative (DELAYED)" in found["option prices"].words
    live = looked(a_house(alpaca_env="live"), stamp=("alpaca", "live", "PA-1"))
    assert live["share prices"].level == "look"
    assert "accept_delayed_feed" in live["share prices"].do
    taken = DESK_TEXT.replace("accept_delayed_feed = false", "accept_delayed_feed = true")
    assert taken != DESK_TEXT
    assert looked(a_house(alpaca_env="live", text=taken), stamp=("alpaca", "live", "PA-1"))["share prices"].level == (
        "good"
    )


def test_ex_dates_that_are_unknown_are_named() -> None:
    market = Prices()
    market.without = {"EWZ"}
    found = looked(market=market)["ex-dates"]
    assert found.level == "look"
    assert "unknown for EWZ" in found.words


def test_a_calendar_that_differs_is_named_day_by_day() -> None:
    broker = Account()
    shipped = sessions_between(NOON.date(), NOON.date() + timedelta(days=30))
    broker.calendar = tuple(one for one in shipped if one.day != date(2026, 12, 1))
    found = looked(broker=broker)["calendar"]
    assert found.level == "look"
    assert "2026-12-01" in found.words
    broker.calendar = ()
    assert looked(broker=broker)["calendar"].level == "look"


def test_more_requests_than_a_minute_allows_want_an_eye() -> None:
    assert looked(limits=RateLimit(11, 11, 0))["requests"].level == "look"
    assert looked(limits=RateLimit(12, 12, 0))["requests"].level == "good"
    assert looked(limits=None)["requests"].level == "good"


@pytest.mark.parametrize(
    ("secrets", "environment", "level", "words"),
    [
        ({}, "paper", "stop", "ALPACA_API_KEY is not set"),
        ({"ALPACA_API_KEY": "PKX", "ALPACA_SECRET_KEY": "s"}, "live", "stop", "ALPACA_ENV=paper"),
        ({"ALPACA_API_KEY": "AKX", "ALPACA_SECRET_KEY": "s"}, "paper", "stop", "ALPACA_ENV=live"),
        ({"ALPACA_API_KEY": "PKX", "ALPACA_SECRET_KEY": "s"}, "paper", "good", "paper environment"),
    ],
)
def test_keys_are_looked_at_before_anything_is_asked(
    secrets: dict[str, str], environment: Any, level: str, words: str
) -> None:
    found = keys(a_house(secrets=Secrets(secrets), alpaca_env=environment))
    assert found.level == level
    assert words in found.words


# Through HTTP


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[AlpacaDesk]:
    with AlpacaDesk(tmp_path) as made:
        yield made


def doctor(desk: AlpacaDesk, *words: str, **changes: str) -> Done:
    return typed(desk.folder, "doctor", *words, now=desk.world.at, **(desk.variables | changes))


def test_the_doctor_finds_a_healthy_account_healthy_and_sends_nothing(desk: AlpacaDesk) -> None:
    done = doctor(desk)
    assert done.code == 0, done.out
    assert "good  account         ...0001, paper money, ACTIVE, cash 25,000.00" in done.out
    assert {one.method for one in desk.world.seen} == {"GET"}
    assert desk.world.seen[0].path == "/v2/account"
    assert ACCOUNT not in done.out


def test_a_feed_without_subscription_stops_with_the_variable_to_set(desk: AlpacaDesk) -> None:
    done = doctor(desk, "--json", ALPACA_STOCK_FEED="sip")
    assert done.code == 1
    found = {one["what"]: one for one in json.loads(done.out)}
    assert found["share prices"]["level"] == "stop"
    assert "set ALPACA_STOCK_FEED=iex" in found["share prices"]["do"]


@pytest.mark.parametrize("changes", [{"ALPACA_SECRET_KEY": "wrong"}, {"ALPACA_ACCOUNT": "PA999"}])
def test_a_wrong_key_or_account_is_asked_one_thing_only(desk: AlpacaDesk, changes: dict[str, str]) -> None:
    done = doctor(desk, **changes)
    assert done.code == 1
    assert "stop  account " in done.out
    assert {one.path for one in desk.world.seen} == {"/v2/account"}


def test_a_home_of_the_simulator_is_not_this_accounts(desk: AlpacaDesk) -> None:
    assert typed(desk.folder, "tick", "--dry", "--at", "session", now=datetime(2026, 11, 21, tzinfo=UTC)).code == 0
    done = doctor(desk)
    assert done.code == 1
    assert "stop  home of         simulator simulated" in done.out


def test_the_week_of_a_real_account_reads_within_the_budget_and_sends_nothing(desk: AlpacaDesk) -> None:
    world = desk.world
    expiry = max(symbol[3:9] for symbol in world.contracts if symbol.startswith("XLF"))
    symbol = next(one for one in sorted(world.contracts) if one.startswith(f"XLF{expiry}P"))
    world.hold("XLF", "300", "42.10")
    world.hold(symbol, "-1", "0.80")
    done = typed(desk.folder, "week", now=world.at, **desk.variables)
    assert done.code == 0, done.err
    assert done.out.startswith("PAPER MONEY")
    assert "account ...0001" in done.out
    assert "(ONE VENUE)" in done.out
    assert "(DELAYED)" in done.out
    assert f"nothing: not ours; `bot adopt {symbol}` takes it over" in done.out
    assert "bot adopt XLF\n" in done.out
    assert {one.method for one in world.seen} == {"GET"}
    # account, clock, positions, two of orders, activities, both quotes; the calendar and the dividends of the day
    assert len(world.seen) <= 10
    assert not (desk.home / "ledger.sqlite").exists()
