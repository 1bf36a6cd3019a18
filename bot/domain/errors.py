"""One tree for everything the world can do to us.

    BotError                      exit code
    |-- ConfigError                 78   a file or variable is wrong; nothing was read or sent
    |-- ForeignStore                78   the ledger file belongs to another account, broker or version
    |-- TryLater                    75   another tick holds the home, or the slot is not ours
    |-- UsageError                   2   the command's words are off
    |-- BadSymbol                    1   text that is not an instrument
    |-- BadNumber                    1   text or a float that is not a finite decimal
    |-- StoreError                   1   the disk refused, or the store is damaged
    |-- MarketError                  1   the market gave nothing usable
    |-- OutOfTime                    1   the tick's time was up before the world was read
    `-- BrokerError                  1
        |-- BrokerUnreachable            no answer; for a read: nothing is known
        |-- BrokerRefused                a definite no, with the broker's code
        `-- OutcomeUnknown               an order left and no proof came back

Refusals by gates are values (`CheckResult`), not errors. Our own bugs are assertions and end the tick.
"""

from __future__ import annotations

from enum import Enum


class BotError(Exception):
    """Anything the program can explain to its owner."""

    exit_code = 1


class ConfigError(BotError):
    """A configuration that cannot be used; carries every fault found, not only the first."""

    exit_code = 78

    def __init__(self, faults: list[str] | tuple[str, ...] | str) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))


class ForeignStore(BotError):
    """A ledger stamped for another account, broker, environment or newer program."""

    exit_code = 78


class TryLater(BotError):
    """Someone else is at work here; nothing was done."""

    exit_code = 75


class UsageError(BotError):
    """A command was called with words it does not take."""

    exit_code = 2


class BadSymbol(BotError):
    """Text that names no instrument we know."""


class BadNumber(BotError):
    """A number that is missing, infinite or not a number."""


class StoreError(BotError):
    """The disk or the database refused; nothing was sent because of it."""


class MarketError(BotError):
    """A market that cannot answer; the planners that need it lose their turn."""


class OutOfTime(BotError):
    """A tick whose deadline passed before it had seen everything: nothing was decided or sent."""


class BrokerError(BotError):
    """Anything that goes wrong between us and the broker."""


class BrokerUnreachable(BrokerError):
    """A read that got no usable answer."""


class RefusalCode(str, Enum):
    """Why a broker said no: one enum for all brokers, from status and code, never from message text."""

    DUPLICATE_ID = "duplicate_id"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INSUFFICIENT_QUANTITY = "insufficient_quantity"
    NOT_PERMITTED = "not_permitted"
    WASH_TRADE = "wash_trade"
    MARKET_CLOSED = "market_closed"
    CONTRACT_EXPIRING = "contract_expiring"
    MALFORMED = "malformed"
    UNKNOWN_SYMBOL = "unknown_symbol"
    NOT_FOUND = "not_found"
    NOT_CANCELABLE = "not_cancelable"
    RATE_LIMITED = "rate_limited"
    OTHER = "other"


class BrokerRefused(BrokerError):
    """A definite refusal: the order does not exist at the broker."""

    def __init__(self, code: RefusalCode, message: str, *, status: int = 0, broker_code: int = 0) -> None:
        self.code = code
        self.status = status
        self.broker_code = broker_code
        super().__init__(message)


class OutcomeUnknown(BrokerError):
    """An order was sent and nothing proves what became of it."""
