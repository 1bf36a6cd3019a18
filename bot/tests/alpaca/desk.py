"""A home of its own whose account is at a pretended Alpaca: whole ticks in this process, commands in another."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from bot.commands.ticking import one_tick
from bot.engine.ports import TickResult
from bot.markets.synthetic import SyntheticMarket
from bot.tests.alpaca import hand
from bot.tests.alpaca.seeding import seed
from bot.tests.alpaca.server import AlpacaServer
from bot.tests.alpaca.world import ACCOUNT, KEY, SECRET, AlpacaWorld
from bot.tests.commands.typed import typed
from bot.wiring import load_house

ROOT = Path(__file__).resolve().parents[3]
MARKET = SyntheticMarket(1)
SLOT = timedelta(minutes=15)
SYMBOLS = ("EWZ", "XLF")

assert hand.QUICK  # loads alpaca-py where its warnings are looked after


class AlpacaDesk:
    """One desk over one world. Ticks run in this process by the world's clock, live unless told otherwise."""

    def __init__(self, folder: Path, world: AlpacaWorld | None = None) -> None:
        self.folder = folder
        self.world = world or AlpacaWorld()
        self.server = AlpacaServer(self.world)

    def __enter__(self) -> AlpacaDesk:
        self.server.__enter__()
        self.folder.mkdir(parents=True, exist_ok=True)
        done = typed(self.folder, "init", "--symbols", ",".join(SYMBOLS))
        assert done.code == 0, done.err
        self.renew()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.__exit__(kind, error, trace)

    @property
    def home(self) -> Path:
        """Give the home folder."""
        return self.folder / "data"

    @property
    def variables(self) -> dict[str, str]:
        """Give what `.env` would say."""
        return {
            "BOT_MODE": "live", "BOT_BROKER": "alpaca", "ALPACA_ENV": "paper", "ALPACA_ACCOUNT": ACCOUNT,
            "ALPACA_API_KEY": KEY, "ALPACA_SECRET_KEY": SECRET, "ALPACA_TRADING_URL": f"{self.server.url}/v2/",
            "ALPACA_DATA_URL": self.server.url,
        }  # fmt: skip

    def renew(self) -> None:
        """Quote what the embedded market shows at the world's moment."""
        seed(self.world, MARKET, SYMBOLS, quoted=("SPY",))

    def pass_by(self, time: timedelta = SLOT) -> None:
        """Let time pass, and the market move with it."""
        self.world.pass_to(self.world.at + time)
        self.renew()

    @contextmanager
    def settings(self, **changes: str) -> Iterator[None]:
        """Set the variables of the process for a while."""
        before = dict(os.environ)
        os.environ.update(self.variables | changes)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def tick(self, *, dry: bool = False, follow_up: int = 0, **changes: str) -> TickResult:
        """Run one whole tick as `bot tick` would, with its own client, broker and ledger connection."""
        with self.settings(**changes):
            house = load_house(str(self.folder / ".env"))
            return one_tick(house, dry=dry, at=None, command="bot tick", clock=self.world.now, follow_up=follow_up)

    def command(self, *words: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run `bot` with words in a process of its own; a variable given as empty text is not set."""
        given = {name: value for name, value in (self.variables | changes).items() if value}
        path = os.pathsep.join((str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])))
        return subprocess.run(
            [sys.executable, "-m", "bot", *words], cwd=self.folder, env={**os.environ, **given, "PYTHONPATH": path},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def posts(self) -> int:
        """Count the orders that arrived at Alpaca."""
        return len(self.world.requests("POST"))
