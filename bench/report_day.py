"""The report of a 500-trade month with a book of 100 options, picture and all, as a whole process.

A simulated desk's own ledger, into which the month's fills and the book are written: what is measured is reading them,
working the report out, drawing its picture and writing its embeds and its text.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import msgspec

from bench.desks import TEN, a_desk
from bench.harness import against, bot, finish, line, median, python, run_process, title
from bot.domain.holdings import Position
from bot.domain.market import Quote
from bot.domain.snapshot import HeldPosition, Mark, decode_snapshot, encode_snapshot
from bot.store.snapshots import load_stored

ROUNDS, SESSIONS, LAST = 7, 60, "2026-11-18"
FILLS, OPTIONS = 500, 100
EXPIRY = date(2026, 12, 18)
IN_ONE = """
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from bot.commands.day_facts import day_points, day_report
from bot.commands.report_posting import shapes_of
from bot.commands.reporting import draw
from bot.report.chart import alt_text
from bot.store.queries import open_for_questions
from bot.wiring import load_house
house, now, day = load_house(sys.argv[1]), datetime(2026, 11, 18, 22, 30, tzinfo=UTC), date(2026, 11, 18)
with open_for_questions(house.home) as ledger:
    report, points = day_report(ledger, house, day, now), day_points(ledger, day)
png, said = draw(report, points)
assert png is not None, said
told = shapes_of(report, png, alt_text(report, points), now, house.settings.secrets.mask)
print(len(report.fills), len(report.options), len(told.embeds), len(png))
"""


def main() -> None:
    """Measure and print."""
    title(f"bot report: {FILLS} fills in the month, {OPTIONS} open options, {SESSIONS} sessions drawn, whole process")
    with a_desk(TEN, "100000") as env:
        home = env.parent / "year"
        words = ("--days", str(SESSIONS), "--until", LAST, "--home", str(home))
        run_process(bot("simulate", "--env", str(env), *words))
        _fill_month(home)
        _fill_book(home)
        names = {"BOT_HOME": str(home)}
        built = [run_process(python("-c", IN_ONE, str(env)), environment=names) for _ in range(ROUNDS)]
        typed = bot("report", "--env", str(env), "--day", LAST, "--png", str(env.parent / "day.png"))
        printed = [run_process(typed, environment=names) for _ in range(ROUNDS)]
        told = bot("report", "--env", str(env), "--day", LAST)
        text = [run_process(told, environment=names) for _ in range(ROUNDS)]
    day, options, embeds, size = map(int, built[-1].output.split())
    line("fills of the day, open options, embeds, bytes of the picture", f"{day}, {options}, {embeds}, {size:,}")
    line("bot report, text alone", f"{median([run.wall for run in text]):.2f} s")
    line("bot report --png, text and picture", f"{median([run.wall for run in printed]):.2f} s")
    wall = median([run.wall for run in built])
    finish([
        against("build, text, embeds and picture", wall, " s", at_most=2.0),
        against("options in the report", options, "", at_least=OPTIONS),
    ])  # fmt: skip


def _fill_month(home: Path) -> None:
    """Write the month's fills, a fifth of them on its last day."""
    first = datetime.fromisoformat(f"{LAST}T15:00:00+00:00")
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
        for number in range(FILLS):
            at = first - timedelta(days=number % 5 * 4, seconds=-number)
            symbol = f"XLF{EXPIRY:%y%m%d}P{30_000 + 500 * (number % 40):08d}"
            ledger.execute(
                "INSERT INTO fills (execution_id, tick_id, broker_order_id, client_order_id, symbol, side, qty, price,"
                " at, strategy, purpose, cycle) VALUES (?, NULL, ?, '', ?, 'sell', '1', '0.45', ?, 'wheel',"
                " 'cash_secured_put', '')",
                (f"bench-{number}", f"order-{number}", symbol, f"{at:%Y-%m-%dT%H:%M:%S}.000000Z"),
            )


def _fill_book(home: Path) -> None:
    """Put a book of short puts into the last tick's Snapshot."""
    with closing(sqlite3.connect(home / "ledger.sqlite")) as ledger, ledger:
        tick, found = ledger.execute("SELECT id, snapshot_hash FROM ticks ORDER BY id DESC LIMIT 1").fetchone()
        snapshot = decode_snapshot(load_stored(ledger, home, found))
        symbols = [f"XLF{EXPIRY:%y%m%d}P{30_000 + 500 * number:08d}" for number in range(OPTIONS)]
        book = tuple(
            HeldPosition(position=Position(symbol=symbol, qty=Decimal(-1), price=Decimal("0.5")), owner="ours")
            for symbol in symbols
        )
        quotes = tuple(
            Quote(symbol=symbol, bid=Decimal("0.44"), ask=Decimal("0.46"), at=snapshot.at, source="bench")
            for symbol in symbols
        )
        marks = tuple(Mark(symbol=symbol, price=Decimal("0.45"), source="mid") for symbol in symbols)
        stored = encode_snapshot(
            msgspec.structs.replace(
                snapshot, positions=snapshot.positions + book, quotes=snapshot.quotes + quotes,
                marks=snapshot.marks + marks,
            )
        )  # fmt: skip
        path = home / "snapshots" / "2026-11.bin"
        start = path.stat().st_size
        with path.open("ab") as file:
            file.write(stored)
        new = sha256(stored).hexdigest()
        ledger.execute("UPDATE ticks SET snapshot_hash = ? WHERE id = ?", (new, tick))
        ledger.execute(
            'UPDATE snapshots SET hash = ?, month = ?, "offset" = ?, length = ? WHERE hash = ?',
            (new, "2026-11", start, len(stored), found),
        )


if __name__ == "__main__":
    main()
