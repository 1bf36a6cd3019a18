"""One account's door to Alpaca: reads that are asked again, orders that are sent once, and errors in our words."""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NoReturn

from bot.domain.errors import BrokerRefused, BrokerUnreachable, OutcomeUnknown, RefusalCode
from bot.domain.money import plain
from bot.venues.allowance import Allowance, RateLimit, retry_after
from bot.venues.answers import Answer, Nonsense, plain_words, read_json, refusal_of
from bot.venues.hosts import check_keys, data_url, trading_url
from bot.venues.refusals import DEFINITE, cancel_refusal_code, refusal_code
from bot.venues.striking import spellings, struck
from bot.venues.wire import Carrier, NoAnswer, NotStarted, TooLarge, Wire

LONGEST_WAIT_SECONDS = 60.0
FIRST_PAUSE_SECONDS = 0.5
JITTER_FRACTION = 0.25
SLOW_SECONDS = 3.0
"""An answer that took longer is worth a line in the log."""
PASSING = frozenset({408, 425, 429})
"""Statuses besides 5xx after which a read is asked again."""
PATH = re.compile(r"(/(?!\.+(/|$))[A-Za-z0-9._:~-]+(%2F[A-Za-z0-9]+)?)+")


class Bounds(NamedTuple):
    """How long, how large, how often. `deadline` is in the meter's time: no request starts after it."""

    exchange_seconds: float = 10.0
    body_bytes: int = 16 << 20
    attempts: int = 3
    deadline: float | None = None


def unheard(kind: str, **facts: Any) -> None:
    """Tell nobody: for doors that nobody keeps a log of."""


class _OutOfTime(Exception):
    """Waiting for the venue would go past what is allowed; nothing was sent."""


class AlpacaClient:
    """Speaks to one account through alpaca-py, which knows hosts, headers and versions; we judge what comes back.

    alpaca-py's own repeating is off (it repeats 429 and 504 for orders too), and its session is replaced by a `Wire`.
    Safe between threads. `bounds` may be replaced between requests; `requests` counts exchanges, repeats included.
    `wire` answers in place of the network: a drill's venue is one in memory. `say` hears of every exchange that
    failed or was slow, and of every wait: a kind of line and its facts.
    """

    def __init__(
        self,
        *,
        key: str,
        secret: str,
        environment: Literal["paper", "live"],
        trading: str,
        data: str,
        now: Callable[[], datetime],
        meter: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        wire: Carrier | None = None,
        say: Callable[..., None] = unheard,
    ) -> None:
        check_keys(environment, key, secret)
        hosts = trading_url(environment, trading), data_url(data)

        # Not its TradingClient: that loads pandas (51 MB, 0.17 s a tick) and adds only models that break on new words.
        from alpaca.common.rest import RESTClient

        self.environment = environment
        self.bounds = bounds
        self.requests = 0
        self._now, self._meter, self._pause = now, meter, pause
        self._secrets, self._say = (secret, key), say
        self._spelled = (*spellings(secret), *spellings(key))
        self._lock = threading.Lock()
        self._wire = wire or Wire(self._seconds_left, lambda: self.bounds.body_bytes)
        self._trading: Any = RESTClient(hosts[0], key, secret, raw_data=True)
        self._data: Any = RESTClient(hosts[1], key, secret, raw_data=True)
        clients: tuple[Any, ...] = (self._trading, self._data)
        for client in clients:
            client._session = self._wire
            client._retry, client._retry_codes = 0, []
        self._hosts = hosts
        self._allowances = Allowance(now, meter), Allowance(now, meter)

    @property
    def limits(self) -> RateLimit:
        """Give the trading host's last word on requests left this minute."""
        return self._allowances[0].limits

    @property
    def data_limits(self) -> RateLimit:
        """Give the data host's last word on requests left this minute."""
        return self._allowances[1].limits

    def read(
        self, path: str, query: Mapping[str, str] | None = None, *, data: bool = False, version: str = "v2"
    ) -> Any:
        """Ask for something, again where that may help, and give its JSON (numbers with a fraction as Decimal).

        Raises BrokerUnreachable (no usable answer) or BrokerRefused (a definite no).
        """
        what = f"GET {self._hosts[data]}/{version}{path}"
        reason = ""
        pause = 0.0
        for attempt in range(1, self.bounds.attempts + 1):
            try:
                if pause:
                    self._wait(pause, LONGEST_WAIT_SECONDS, reason)
                answer = self._exchange("GET", path, dict(query or {}), data=data, version=version)
            except (_OutOfTime, NotStarted, TooLarge) as error:
                before = f" (the try before: {reason})" if reason and reason not in str(error) else ""
                raise BrokerUnreachable(f"{what}: {error}{before}") from None
            except NoAnswer as error:
                reason, asked = str(error), 0.0
            else:
                if answer.status not in PASSING and answer.status < 500:
                    return self._content(what, answer, data=data)
                reason, asked = _status_words(answer.status), retry_after(answer.headers, self._now())
            pause = max(asked, _backoff(path, attempt))
        raise BrokerUnreachable(f"{what}: {reason} ({self.bounds.attempts} tries); nothing is known from it")

    def send(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send an order, once, and give the answer's object. Decimals travel as text, floats are not taken.

        Raises BrokerRefused (a definite no, or provably never started) or OutcomeUnknown (anything else).
        """
        what = f"POST {self._hosts[0]}/v2{path}"
        spelled = {key: _spelled(value) for key, value in body.items()}
        try:
            answer = self._exchange("POST", path, spelled, longest=self.bounds.exchange_seconds)
        except _OutOfTime as error:
            raise BrokerRefused(RefusalCode.RATE_LIMITED, f"not sent: {error}") from None
        except NotStarted as error:
            raise BrokerRefused(RefusalCode.OTHER, f"not sent: {error}") from None
        except NoAnswer as error:
            raise OutcomeUnknown(f"{what}: {error}; the order may exist") from None
        if answer.status in DEFINITE:
            self._refuse(answer, "")
        if not 200 <= answer.status < 300:
            raise OutcomeUnknown(f"{what}: {_status_words(answer.status)}; the order may exist")
        try:
            value = read_json(answer.body)
        except Nonsense as error:
            raise OutcomeUnknown(f"{what}: accepted, but the answer is no order: {error}") from None
        if not isinstance(value, dict):
            raise OutcomeUnknown(f"{what}: accepted, but the answer is no order: it is no object")
        return value

    def remove(self, path: str) -> None:
        """Ask for one thing to be taken away, once. Raises BrokerRefused or BrokerUnreachable."""
        if path.count("/") < 2:
            raise BrokerRefused(RefusalCode.MALFORMED, f"not sent: removing {path!r} would remove more than one thing")
        what = f"DELETE {self._hosts[0]}/v2{path}"
        try:
            answer = self._exchange("DELETE", path, None)
        except (_OutOfTime, NoAnswer) as error:
            raise BrokerUnreachable(f"{what}: {error}") from None
        if answer.status in DEFINITE:
            code, message, _ = refusal_of(answer.body)
            refusal = cancel_refusal_code(answer.status, code)
            raise BrokerRefused(refusal, self._clean(message), status=answer.status, broker_code=code)
        if answer.status not in (200, 204):
            raise BrokerUnreachable(f"{what}: {_status_words(answer.status)}")

    def close(self) -> None:
        """Drop idle connections; a later request opens new ones."""
        self._wire.close()

    def _seconds_left(self) -> float:
        """Give how long an exchange that starts now may take."""
        deadline = self.bounds.deadline
        most = self.bounds.exchange_seconds
        return most if deadline is None else min(most, deadline - self._meter())

    def _exchange(
        self,
        method: str,
        path: str,
        content: Mapping[str, Any] | None,
        *,
        data: bool = False,
        version: str = "v2",
        longest: float = LONGEST_WAIT_SECONDS,
    ) -> Answer:
        """Make one exchange within the venue's allowance, whatever its status."""
        if not PATH.fullmatch(path):
            raise BrokerRefused(RefusalCode.MALFORMED, f"not sent: {plain_words(path)!r} is no path of Alpaca's")
        allowance = self._allowances[data]
        while wait := allowance.take():
            self._wait(wait, longest, "the account's requests for this minute are used up")
            allowance.renew()
        answer: Answer | None = None
        began, fault = self._meter(), ""
        try:
            with self._lock:
                self.requests += 1
            client = self._data if data else self._trading
            if method == "GET":
                answer = client.get(path, content or None, api_version=version)
            elif method == "POST":
                answer = client.post(path, content)
            else:
                answer = client.delete(path)
        except NoAnswer as error:
            fault = str(error)
            if isinstance(error, NotStarted):
                with self._lock:
                    self.requests -= 1
            raise
        finally:
            allowance.settle(answer.status if answer else 0, answer.headers if answer else {})
            self._tell(f"{method} {version}{path}", answer, fault, self._meter() - began)
        assert answer is not None
        answer.body = struck(answer.body, self._spelled)
        return answer

    def _tell(self, what: str, answer: Answer | None, fault: str, seconds: float) -> None:
        """Say what went wrong with an exchange, or that it was slow; nothing of one that went well."""
        failed = answer is None or answer.status in PASSING or answer.status >= 500
        if failed or seconds >= SLOW_SECONDS:
            words = self._clean(fault) if failed else "slow"
            status = None if answer is None else answer.status
            self._say("venue", what=what, status=status, seconds=round(seconds, 3), message=words)

    def _wait(self, seconds: float, longest: float, why: str) -> None:
        """Wait, or raise when that is longer than it may be."""
        deadline = self.bounds.deadline
        if seconds > longest:
            raise _OutOfTime(f"{why}; that asks to wait {seconds:.0f} seconds, longer than the {longest:.0f} allowed")
        if deadline is not None and self._meter() + seconds >= deadline:
            raise _OutOfTime(f"{why}; the {seconds:.1f} seconds to wait would pass the deadline")
        self._say("venue", what="wait", seconds=round(seconds, 3), message=why)
        self._pause(seconds)

    def _content(self, what: str, answer: Answer, *, data: bool) -> Any:
        """Give the JSON of a read that was answered, or raise what its status means."""
        if answer.status in (401, 403):
            code, message, fields = refusal_of(answer.body)
            advice = self._advice(answer.status, data=data)
            reason = f"{what}: {self._clean(message)} ({answer.status}). {advice}"
            refusal = refusal_code(answer.status, code, fields)
            raise BrokerRefused(refusal, reason, status=answer.status, broker_code=code)
        if 400 <= answer.status < 500:
            self._refuse(answer, f"{what}: ")
        if not 200 <= answer.status < 300:
            raise BrokerUnreachable(f"{what}: {_status_words(answer.status)}")
        try:
            return read_json(answer.body)
        except Nonsense as error:
            raise BrokerUnreachable(f"{what}: the answer cannot be used: {error}") from None

    def _refuse(self, answer: Answer, prefix: str) -> NoReturn:
        code, message, fields = refusal_of(answer.body)
        refusal = refusal_code(answer.status, code, fields)
        raise BrokerRefused(refusal, prefix + self._clean(message), status=answer.status, broker_code=code)

    def _advice(self, status: int, *, data: bool) -> str:
        """Tell the owner what to do about a read that is not permitted."""
        keys = (
            f"Check ALPACA_API_KEY and ALPACA_SECRET_KEY: they must be a pair of the {self.environment} environment "
            f"(ALPACA_ENV={self.environment}); each environment has keys of its own"
        )
        if data and status == 403:
            return (
                "If the plan does not include the feed, set ALPACA_STOCK_FEED=iex and ALPACA_OPTION_FEED=indicative. "
                f"Otherwise: {keys}"
            )
        return keys

    def _clean(self, message: str) -> str:
        return plain_words(struck(message.encode(errors="replace"), self._spelled).decode(), self._secrets)


def _backoff(path: str, attempt: int) -> float:
    """Give the pause after a try: doubling, and spread by path so that parallel reads do not knock together."""
    spread = zlib.crc32(f"{path} {attempt}".encode()) / 0xFFFFFFFF
    return FIRST_PAUSE_SECONDS * float(2 ** (attempt - 1)) * (1 + JITTER_FRACTION * spread)


def _status_words(status: int) -> str:
    if 300 <= status < 400:
        return f"it answered with a redirect ({status}), which is not followed"
    if status == 429:
        return "too many requests (429)"
    return f"it answered with status {status}"


def _spelled(value: Any) -> Any:
    """Spell a value of an order's body for JSON: decimals as exact text. A float is a bug of ours."""
    assert not isinstance(value, float), f"an order carries no floats, got {value!r}"
    if isinstance(value, Decimal):
        assert value.is_finite(), f"an order carries no {value}"
        return plain(value)
    if isinstance(value, Mapping):
        return {key: _spelled(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one) for one in value]
    return value
