"""One tick an account at a time on this machine, whichever home it comes from."""

from __future__ import annotations

from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from bot.domain.accounts import account_name
from bot.domain.errors import TryLater
from bot.store.lock import held, is_at

ADVICE = "make its folder writable, or set XDG_STATE_HOME to a folder of yours, the same for every home and timer"


def lock_name(broker: str, environment: str, account: str) -> str:
    """Name an account's lock file; the number itself stays out of it.

    >>> lock_name("alpaca", "paper", "PA3TEST00001")
    'alpaca-paper-57ba022e709a0f79.lock'
    """
    return f"{broker}-{environment}-{sha256(account.encode()).hexdigest()[:16]}.lock"


class AccountLock:
    """The lock of the account a world trades: taken once its number is known, held until closed.

    `who` tells others who holds it: the command, the home and since when.
    """

    def __init__(self, folder: Path, broker: str, environment: str, who: str) -> None:
        self._folder, self._broker, self._environment, self._who = folder, broker, environment, who
        self._stack = ExitStack()
        self._held = ""
        self._handle, self._path = -1, folder

    def claim(self, account: str) -> None:
        """Take an account's lock; one that is held already stays held. Raises TryLater naming who holds it."""
        if account == self._held and is_at(self._handle, self._path):
            return
        if self._held not in ("", account):
            began, answers = (account_name(one, simulated=False) for one in (self._held, account))
            raise TryLater(f"this run began for account {began} and the broker answers for {answers}")
        path = self._folder / lock_name(self._broker, self._environment, account)
        what = f"the {self._environment} account {account_name(account, simulated=False)} at {self._broker}"
        # A file that somebody removed meanwhile is taken anew, beside the one that is held: both must be ours.
        self._handle = self._stack.enter_context(held(path, what, self._who, ADVICE))
        self._held, self._path = account, path

    def close(self) -> None:
        """Let go of the lock; the file stays behind, which harms nobody."""
        self._stack.close()
        self._held = ""
