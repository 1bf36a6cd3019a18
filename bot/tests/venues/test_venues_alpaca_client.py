"""The door to Alpaca: reads are asked again, orders are sent once, errors come in our words."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest

from bot.domain.errors import BrokerRefused, BrokerUnreachable, ConfigError, OutcomeUnknown, RefusalCode
from bot.tests.venues.loopback import Hand, Loopback, answer, cut
from bot.venues.alpaca_client import AlpacaClient, Bounds
from bot.venues.together import at_once

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
EPOCH = int(START.timestamp())
KEY, SECRET = "PK-OF-A-TEST", "not-to-be-shown"
ORDER = {"symbol": "XLF", "qty": Decimal("10"), "limit_price": Decimal("39.10"), "client_order_id": "desk-1"}


class Hours:
    """A clock and a meter that move only when someone pauses."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.pauses: list[float] = []

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def meter(self) -> float:
        return self.seconds

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.seconds += seconds


class Desk:
    """A client over a scripted server, with time in the test's hand."""

    def __init__(self, server: Loopback, bounds: Bounds) -> None:
        self.server = server
        self.hours = Hours()
        self.client = AlpacaClient(
            key=KEY, secret=SECRET, environment="paper", trading=server.url, data=server.url, now=self.hours.now,
            meter=self.hours.meter, pause=self.hours.pause, bounds=bounds,
        )  # fmt: skip


@contextmanager
def desk(*script: bytes | Hand, bounds: Bounds = Bounds(exchange_seconds=2.0)) -> Iterator[Desk]:  # noqa: B008
    with Loopback(*script) as server:
        made = Desk(server, bounds)
        yield made
        made.client.close()


def limits(remaining: int, reset: int, limit: int = 200) -> dict[str, str]:
    return {
        "X-RateLimit-Remaining": str(remaining), "X-RateLimit-Limit": str(limit), "X-RateLimit-Reset": str(reset),
    }  # fmt: skip


def refusal(code: int, message: str = "no", **fields: str) -> dict[str, Any]:
    return {"code": code, "message": message, **fields}


# --- reading


def test_a_read_gives_exact_numbers_and_carries_the_keys() -> None:
    with desk(answer(b'{"cash": 1234.10, "qty": "7", "n": 3}')) as it:
        assert it.client.read("/account", {"a": "b"}) == {"cash": Decimal("1234.10"), "qty": "7", "n": 3}
        (request,) = it.server.seen
        assert (request.method, request.target) == ("GET", "/v2/account?a=b")
        assert (request.headers["apca-api-key-id"], request.headers["apca-api-secret-key"]) == (KEY, SECRET)
        assert it.client.requests == 1


def test_market_data_is_asked_under_its_own_version() -> None:
    with desk(answer({"snapshots": {}})) as it:
        it.client.read("/options/snapshots/SPY", {"feed": "indicative"}, data=True, version="v1beta1")
        assert it.server.seen[0].target == "/v1beta1/options/snapshots/SPY?feed=indicative"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_read_is_asked_again_after_a_passing_failure(status: int) -> None:
    with desk(answer({}, status), answer({}, status), answer([1])) as it:
        assert it.client.read("/clock") == [1]
        assert it.client.requests == len(it.server.seen) == 3
        first, second = it.hours.pauses
        assert 0.5 <= first <= 0.625
        assert 1.0 <= second <= 1.25


def test_a_read_is_asked_again_after_a_cut_and_after_silence() -> None:
    with desk(cut, lambda connection: None, answer([1]), bounds=Bounds(exchange_seconds=0.2)) as it:
        assert it.client.read("/clock") == [1]
        assert len(it.server.seen) == 3


def test_a_read_that_never_succeeds_ends_after_its_tries_and_says_why() -> None:
    with desk(answer({}, 503)) as it:
        with pytest.raises(BrokerUnreachable, match=r"GET .*/v2/clock: it answered with status 503 \(3 tries\)"):
            it.client.read("/clock")
        assert len(it.server.seen) == 3


def test_pauses_are_the_same_every_time_and_differ_between_paths() -> None:
    def pauses(path: str) -> list[float]:
        with desk(answer({}, 503), answer({}, 503), answer({})) as it:
            it.client.read(path)
            return it.hours.pauses

    assert pauses("/clock") == pauses("/clock") != pauses("/account")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "empty"),
        (b"<html>Bad gateway</html>", "HTML"),
        (b"{", "not JSON"),
        (b'{"price": NaN}', "not JSON"),
        (b'{"price": -Infinity}', "not JSON"),
        (b"[" * 5_000 + b"]" * 5_000, "deeper"),
        (b'{"price": 1e9999}', "beyond reason"),
    ],
)
def test_an_answer_that_makes_no_sense_is_unreachable_and_not_asked_again(body: bytes, why: str) -> None:
    with desk(answer(body)) as it:
        with pytest.raises(BrokerUnreachable, match=why):
            it.client.read("/account")
        assert len(it.server.seen) == 1


def test_an_answer_of_20_megabytes_is_refused_and_not_asked_again() -> None:
    with desk(answer(b" " * (20 << 20)), bounds=Bounds(exchange_seconds=5)) as it:
        with pytest.raises(BrokerUnreachable, match="larger than 16,777,216 bytes"):
            it.client.read("/account")
        assert len(it.server.seen) == 1


def test_a_redirect_of_a_read_is_unreachable() -> None:
    with desk(answer(b"", 307, {"Location": "https://elsewhere.example"})) as it:
        with pytest.raises(BrokerUnreachable, match="redirect"):
            it.client.read("/account")
        assert len(it.server.seen) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_refused_keys_name_the_variables_to_look_at(status: int) -> None:
    with desk(answer(refusal(40110000, "request is not authorized"), status)) as it:
        with pytest.raises(BrokerRefused) as error:
            it.client.read("/account")
        assert error.value.code is RefusalCode.NOT_PERMITTED
        assert (error.value.status, error.value.broker_code) == (status, 40110000)
        for word in ("request is not authorized", "ALPACA_API_KEY", "ALPACA_SECRET_KEY", "ALPACA_ENV=paper"):
            assert word in str(error.value)
        assert "FEED" not in str(error.value)


def test_a_feed_the_plan_does_not_include_names_the_feeds() -> None:
    with desk(answer({"message": "subscription does not permit querying recent SIP data"}, 403)) as it:
        with pytest.raises(BrokerRefused, match=r"ALPACA_STOCK_FEED=iex and ALPACA_OPTION_FEED=indicative"):
            it.client.read("/stocks/snapshots", data=True)
        assert len(it.server.seen) == 1


def test_a_read_of_what_is_not_there_is_a_definite_no() -> None:
    with desk(answer(refusal(40410000, "order not found"), 404)) as it:
        with pytest.raises(BrokerRefused, match=r"/v2/orders:by_client_order_id: order not found") as error:
            it.client.read("/orders:by_client_order_id", {"client_order_id": "desk-1"})
        assert error.value.code is RefusalCode.NOT_FOUND
        assert len(it.server.seen) == 1


# --- sending


def test_an_order_is_sent_with_exact_decimals() -> None:
    with desk(answer({"id": "1", "limit_price": "39.1"})) as it:
        assert it.client.send("/orders", {**ORDER, "legs": [{"ratio_qty": Decimal("1.0")}]})["id"] == "1"
        (request,) = it.server.seen
        assert (request.method, request.target) == ("POST", "/v2/orders")
        sent = json.loads(request.body)
        assert (sent["qty"], sent["limit_price"], sent["legs"]) == ("10", "39.1", [{"ratio_qty": "1"}])


def test_an_order_with_a_float_is_a_bug_of_ours_and_is_not_sent() -> None:
    with desk(answer({})) as it:
        with pytest.raises(AssertionError):
            it.client.send("/orders", {"limit_price": 0.1 + 0.2})
        assert it.server.seen == []


REDIRECTS_AND_FAULTS = [300, 301, 302, 307, 308, 402, 406, 408, 410, 425, 451, 500, 502, 503, 504, 520]


@pytest.mark.parametrize("status", REDIRECTS_AND_FAULTS)
def test_an_order_with_an_answer_that_proves_nothing_is_unknown_and_sent_once(status: int) -> None:
    """alpaca-py by itself repeats a 504, which has placed two live orders before now."""
    with desk(answer({"code": 1, "message": "x"}, status, {"Location": "/v2/orders"})) as it:
        with pytest.raises(OutcomeUnknown, match="may exist"):
            it.client.send("/orders", ORDER)
        assert len(it.server.seen) == 1
        assert it.hours.pauses == []


@pytest.mark.parametrize("hand", [cut, lambda connection: None], ids=["cut", "never answered"])
def test_an_order_that_is_cut_or_never_answered_is_unknown_and_sent_once(hand: Hand) -> None:
    with desk(hand, bounds=Bounds(exchange_seconds=0.2)) as it:
        with pytest.raises(OutcomeUnknown):
            it.client.send("/orders", ORDER)
        assert len(it.server.seen) == 1


def test_an_order_to_a_closed_port_is_unknown() -> None:
    """No exception of a library is proof (design 11)."""
    with desk(answer({})) as it:
        pass
    with pytest.raises(OutcomeUnknown, match="refused"):
        it.client.send("/orders", ORDER)


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"[]", b"7", b"null", b'{"id": NaN}', b"[" * 5_000])
def test_an_accepted_order_with_an_answer_that_makes_no_sense_is_unknown(body: bytes) -> None:
    with desk(answer(body)) as it:
        with pytest.raises(OutcomeUnknown, match="accepted"):
            it.client.send("/orders", ORDER)
        assert len(it.server.seen) == 1


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (422, refusal(40010001, "client_order_id must be unique"), RefusalCode.DUPLICATE_ID),
        (422, refusal(42210000), RefusalCode.MALFORMED),
        (403, refusal(40310000, buying_power="1", cost_basis="2"), RefusalCode.INSUFFICIENT_FUNDS),
        (403, refusal(40310000), RefusalCode.NOT_PERMITTED),
        (429, refusal(42910000), RefusalCode.RATE_LIMITED),
        (400, {}, RefusalCode.MALFORMED),
        (401, {}, RefusalCode.NOT_PERMITTED),
        (404, {}, RefusalCode.NOT_FOUND),
        (405, {}, RefusalCode.MALFORMED),
        (409, {}, RefusalCode.OTHER),
    ],
)
def test_a_definite_refusal_is_one_and_the_order_was_sent_once(status: int, body: Any, code: RefusalCode) -> None:
    with desk(answer(body, status)) as it:
        with pytest.raises(BrokerRefused) as error:
            it.client.send("/orders", ORDER)
        expected = (code, status, body.get("code", 0))
        assert (error.value.code, error.value.status, error.value.broker_code) == expected
        assert len(it.server.seen) == 1


def test_a_refusal_without_a_readable_body_is_still_definite() -> None:
    with desk(answer(b"<html>forbidden</html>", 403)) as it, pytest.raises(BrokerRefused, match="gives no reason"):
        it.client.send("/orders", ORDER)


def test_the_brokers_words_are_trimmed_and_never_show_the_keys() -> None:
    message = f"no\n\x1b[31m {SECRET} {KEY} " + "x" * 1000
    with desk(answer(refusal(42210000, message), 422)) as it:
        with pytest.raises(BrokerRefused) as error:
            it.client.send("/orders", ORDER)
        text = str(error.value)
        assert text.startswith("no [31m *** *** xxx")
        assert len(text) == 300
        assert text.isprintable()


def test_alpaca_py_repeats_nothing_by_itself() -> None:
    """Its own three repeats, three seconds apart, would show as more requests and more time."""
    with desk(answer({}, 429)) as it:
        for client in (it.client._trading, it.client._data):
            assert (client._retry, client._retry_codes) == (0, [])
        with pytest.raises(BrokerRefused):
            it.client.send("/orders", ORDER)
        assert len(it.server.seen) == 1


# --- taking away


@pytest.mark.parametrize("status", [200, 204])
def test_a_removal_that_was_accepted_says_nothing(status: int) -> None:
    with desk(answer({}, status)) as it:
        it.client.remove("/orders/abc-1")
        assert [(request.method, request.target) for request in it.server.seen] == [("DELETE", "/v2/orders/abc-1")]


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, RefusalCode.NOT_FOUND), (422, RefusalCode.NOT_CANCELABLE), (403, RefusalCode.NOT_PERMITTED)],
)
def test_a_refused_removal_says_why(status: int, code: RefusalCode) -> None:
    with desk(answer(refusal(42210000, "order is already filled"), status)) as it:
        with pytest.raises(BrokerRefused, match="already filled") as error:
            it.client.remove("/orders/abc-1")
        assert error.value.code is code


@pytest.mark.parametrize("part", [answer({}, 500), answer({}, 302), answer({}, 207), cut])
def test_a_removal_without_a_clear_answer_is_unreachable_and_asked_once(part: bytes | Hand) -> None:
    with desk(part) as it:
        with pytest.raises(BrokerUnreachable):
            it.client.remove("/orders/abc-1")
        assert len(it.server.seen) == 1


@pytest.mark.parametrize("path", ["/orders", "/orders/", "/orders/..", "/orders/.", "/orders/a?b", "/orders/a b", ""])
def test_a_removal_never_names_more_than_one_thing(path: str) -> None:
    """DELETE /v2/orders cancels everything, protective stops included."""
    with desk(answer({})) as it:
        with pytest.raises(BrokerRefused, match="not sent"):
            it.client.remove(path)
        assert it.server.seen == []


# --- the account's limit


def test_the_limits_are_read_per_host() -> None:
    with desk(answer({}, headers=limits(150, EPOCH + 20)), answer({}, headers=limits(9, EPOCH + 30))) as it:
        it.client.read("/account")
        it.client.read("/stocks/snapshots", data=True)
        assert it.client.limits == (150, 200, EPOCH + 20)
        assert it.client.data_limits == (9, 200, EPOCH + 30)


def test_a_used_up_minute_is_waited_for_before_the_next_request_of_any_kind() -> None:
    with desk(answer({}, headers=limits(0, EPOCH + 7)), bounds=Bounds(10.0)) as it:
        it.client.read("/account")
        it.client.send("/orders", ORDER)
        assert it.hours.pauses == [7.0]
        it.client.remove("/orders/abc-1")  # the server still says the old minute: its end has passed
        assert it.hours.pauses == [7.0]


def test_an_order_does_not_wait_longer_than_an_exchange_for_the_next_minute() -> None:
    """Its price is of now; the next tick wants it again with a fresh one."""
    with desk(answer({}, headers=limits(0, EPOCH + 40))) as it:
        it.client.read("/account")
        with pytest.raises(BrokerRefused, match="not sent") as error:
            it.client.send("/orders", ORDER)
        assert error.value.code is RefusalCode.RATE_LIMITED
        assert (len(it.server.seen), it.hours.pauses) == (1, [])


def test_a_wait_beyond_the_deadline_fails_at_once_and_says_so() -> None:
    with desk(answer({}, headers=limits(0, EPOCH + 30)), bounds=Bounds(2.0, deadline=20.0)) as it:
        it.client.read("/account")
        with pytest.raises(BrokerUnreachable, match=r"used up; the 30\.0 seconds to wait would pass the deadline"):
            it.client.read("/clock")
        with pytest.raises(BrokerUnreachable, match="used up"):
            it.client.remove("/orders/abc-1")
        assert (len(it.server.seen), it.hours.pauses) == (1, [])


def test_nothing_starts_after_the_deadline() -> None:
    with desk(answer({}), bounds=Bounds(2.0, deadline=20.0)) as it:
        it.hours.seconds = 20.0
        with pytest.raises(BrokerUnreachable, match="time for requests is over"):
            it.client.read("/clock")
        with pytest.raises(BrokerRefused, match="not sent"):
            it.client.send("/orders", ORDER)
        assert (it.server.connections, it.client.requests) == (0, 0)


def test_retry_after_is_waited_for() -> None:
    with desk(answer({}, 503, {"Retry-After": "11"}), answer([1])) as it:
        assert it.client.read("/clock") == [1]
        assert it.hours.pauses == [11.0]


def test_a_retry_after_of_an_hour_is_not_waited_for() -> None:
    with desk(answer({}, 503, {"Retry-After": "3600"})) as it:
        with pytest.raises(BrokerUnreachable, match="3600 seconds"):
            it.client.read("/clock")
        assert (len(it.server.seen), it.hours.pauses) == (1, [])


def test_too_many_requests_waits_until_the_minute_is_over() -> None:
    with desk(answer({}, 429, limits(0, EPOCH + 25)), answer([1], headers=limits(199, EPOCH + 85))) as it:
        assert it.client.read("/clock") == [1]
        assert it.hours.seconds == pytest.approx(25.0)


def test_requests_at_the_same_time_do_not_pass_the_limit_together() -> None:
    """Three are left; six are asked for at once; three leave and three wait for the minute to end."""
    minute_is_over = threading.Event()
    waiting: list[float] = []

    def pause(seconds: float) -> None:
        waiting.append(seconds)
        assert minute_is_over.wait(5)

    def hold(connection: socket.socket) -> None:
        minute_is_over.wait(5)
        connection.sendall(answer({}))

    with desk(answer({}, headers=limits(3, EPOCH + 20)), hold, bounds=Bounds(5.0)) as it:
        it.client.read("/account")
        it.client._pause = pause
        six = threading.Thread(target=lambda: at_once([lambda: it.client.read("/clock")] * 6), daemon=True)
        six.start()
        end = time.monotonic() + 5
        while time.monotonic() < end and not (len(waiting) == 3 and len(it.server.seen) == 4):
            time.sleep(0.005)
        assert (waiting, len(it.server.seen)) == ([20.0] * 3, 4)
        it.hours.seconds = 20.0
        minute_is_over.set()
        six.join(5)
        assert len(it.server.seen) == 7


# --- before anything is sent


OTHERS: list[tuple[Literal["paper", "live"], str]] = [("live", "PK-OF-A-TEST"), ("paper", "AK-OF-A-TEST")]


@pytest.mark.parametrize(("environment", "key"), OTHERS)
def test_keys_of_the_other_environment_are_refused_before_anything_is_sent(
    environment: Literal["paper", "live"], key: str
) -> None:
    with Loopback(answer({})) as server:
        with pytest.raises(ConfigError, match="ALPACA_API_KEY starts with"):
            AlpacaClient(
                key=key, secret=SECRET, environment=environment, trading=server.url, data=server.url, now=Hours().now
            )
        assert server.connections == 0


@pytest.mark.parametrize(("trading", "data"), [("https://example.org", ""), ("", "https://example.org")])
def test_the_host_of_a_stranger_is_refused_before_anything_is_sent(trading: str, data: str) -> None:
    with pytest.raises(ConfigError, match="example"):
        AlpacaClient(key=KEY, secret=SECRET, environment="paper", trading=trading, data=data, now=Hours().now)
