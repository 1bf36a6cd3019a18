"""Homes to measure in: made by our own `bot init`, thrown away afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import ROOT, bot, run_process

TEN = ("SPY", "QQQ", "IWM", "XLF", "XLE", "EEM", "TLT", "HYG", "GLD", "SLV")
TWENTY = (*TEN, "XLU", "EFA", "FXI", "EWZ", "GDX", "AAPL", "MSFT", "KO", "INTC", "PFE")
SESSION_MOMENT = "2026-11-18T17:00:00+00:00"  # a Wednesday, noon in New York, in the middle of a full session


@contextmanager
def a_desk(symbols: tuple[str, ...], equity: str, profile: str = "balanced") -> Iterator[Path]:
    """Make a home inside the project (on its disk, not in memory) and give its .env file."""
    import shutil
    import tempfile

    place = Path(tempfile.mkdtemp(prefix="bench-", dir=_scratch()))
    try:
        env = place / ".env"
        words = ("--profile", profile, "--equity", equity, "--symbols", ",".join(symbols))
        run_process(bot("init", "--env", str(env), *words))
        yield env
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _scratch() -> Path:
    place = ROOT / "build"
    place.mkdir(exist_ok=True)
    return place
