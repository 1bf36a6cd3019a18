"""How an account's number is shown: enough to know it by, too little to use."""

from __future__ import annotations

SHOWN_DIGITS = 4


def account_name(account: str, *, simulated: bool) -> str:
    """Write an account's number so that a picture of the screen does not give it away.

    >>> account_name("PA3XYZ901234", simulated=False), account_name("SIM-1", simulated=True)
    ('...1234', 'SIM-1')
    """
    return account if simulated or len(account) <= SHOWN_DIGITS else f"...{account[-SHOWN_DIGITS:]}"


def owner_name(broker: str, environment: str, account: str = "") -> str:
    """Write whose money a ledger holds, its account as above.

    >>> owner_name("alpaca", "live", "123456789"), owner_name("alpaca", "paper")
    ('alpaca live ...6789', 'alpaca paper')
    """
    name = account_name(account, simulated=broker == "simulator")
    return " ".join(part for part in (broker, environment, name) if part)
