"""Homes to measure in: made by our own `bot init`, thrown away afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import ROOT, bot, run_process

TEN = ("SPY", "QQQ", "IWM", "XLF", "XLE", "EEM", "TLT", "HYG", "GLD", "SLV")
TWENTY = (*TEN, "XLU", "EFA", "FXI", "EWZ", "GDX", "AAPL", "MSFT", "KO", "INTC", "PFE")
# The last day to expiry that makes each put chain 200 contracts or a few more, from 14 days on and with strikes
# up to 110 % of the price, on the embedded market with its own seed at the moment below.
DTE_LAST = {
    "SPY": 14, "QQQ": 16, "IWM": 19, "XLF": 61, "XLE": 61, "EEM": 61, "TLT": 36, "HYG": 43, "GLD": 30, "SLV": 243,
    "XLU": 61, "EFA": 36, "FXI": 61, "EWZ": 96, "GDX": 215, "AAPL": 96, "MSFT": 215, "KO": 124, "INTC": 243, "PFE": 58,
}  # fmt: skip
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


def set_number(env: Path, key: str, value: str) -> None:
    """Change one number of a desk wherever it stands in the file."""
    desk = env.parent / "data" / "desk.toml"
    text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", desk.read_text())
    assert count, f"no {key} in {desk}"
    desk.write_text(text)


def widen_chains(env: Path) -> None:
    """Let the wheel of a desk ask for chains of 200 contracts, symbol by symbol."""
    desk = env.parent / "data" / "desk.toml"
    overrides = "\n".join(
        f"[strategies.wheel.overrides.{symbol}]\nput_dte_min = 14\nput_dte_target = {min(last, 21)}\n"
        f"put_dte_max = {last}\nput_delta_max = 0.55\n"
        for symbol, last in DTE_LAST.items()
    )
    desk.write_text(f"{desk.read_text()}\n{overrides}")


def _scratch() -> Path:
    place = ROOT / "build"
    place.mkdir(exist_ok=True)
    return place
