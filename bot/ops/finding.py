"""What a look at one thing came to."""

from __future__ import annotations

from typing import Literal, NamedTuple

Level = Literal["good", "look", "stop"]


class Finding(NamedTuple):
    """One thing looked at: `stop` keeps ticks from running or trading, `look` wants a person's eye, `good` is good.

    `do` is what mends it, best a command to copy; a finding that is not good always has one once `mended` saw it.
    """

    level: Level
    what: str
    words: str
    do: str = ""
    group: str = ""


# Where the words say what is wrong in a place's own terms, this is where to begin.
_DO = {
    "configuration": "mend what it names, then `bot config check`",
    "environment": "`bot config show` says where each value comes from",
    "keys": "mend .env as it says, then `bot config check`",
    "account": "`bot config show`, and the account's own page at the broker",
    "pin": "set ALPACA_ACCOUNT in .env",
    "home of": "set BOT_HOME in .env to a home of this account's own",
    "options level": "ask for it on the account's page at the broker",
    "share prices": "set the feed in .env as it says, then `bot doctor`",
    "option prices": "set the feed in .env as it says, then `bot doctor`",
    "ex-dates": "`bot tick --dry` reads them again",
    "calendar": "`bot tick --dry` reads it again; the shipped table serves meanwhile",
    "requests": "name fewer symbols in desk.toml",
    "clock": "timedatectl set-ntp true",
    "store": "`bot audit verify`; where it is damaged, `bot restore BACKUP --home NEW`",
    "chain": "keep a copy of the home, then `bot audit verify`",
    "ticks": "`bot status`, `bot log --since 1d`",
    "earnings": "`bot import-earnings FILE`",
    "approval": "`bot config approve`",
    "drill": "`bot drill`",
    "halt": "`bot status` says what lifts it",
    "panic": "`bot status`, then `bot resume`",
}


def mended(finding: Finding, group: str) -> Finding:
    """Give a finding its group, and its way out where it names none itself."""
    if finding.level == "good":
        return finding._replace(group=group, do="")
    return finding._replace(group=group, do=finding.do or _DO.get(finding.what, "`bot status`, `bot log --since 1d`"))
