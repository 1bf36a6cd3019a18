"""A program that was updated and asks for new keys must not keep its owner from getting out."""

from __future__ import annotations

import re
from pathlib import Path

from bot.store.queries import open_for_questions
from bot.tests.commands.typed import AT, new_home, typed

SOON = "2026-11-18T17:02:00+00:00"


def test_a_desk_older_than_the_programs_keys_still_lets_a_panic_out(tmp_path: Path) -> None:
    """Neither desk.toml nor that of the newest tick knows the keys of a later program."""
    new_home(tmp_path)
    assert typed(tmp_path, "tick", "--at", AT, BOT_MODE="live").code == 0
    desk = tmp_path / "data" / "desk.toml"
    older = re.sub(r"(?m)^(drill_age_days|round_trips_per_day|log_days) .*\n", "", desk.read_text())
    desk.write_text(older)
    ledger = tmp_path / "data" / "ledger.sqlite"
    _as_if_kept(ledger, older)
    assert typed(tmp_path, "tick", "--at", SOON, BOT_MODE="live").code == 78
    done = typed(tmp_path, "panic", "--reason", "out", "--at", SOON, BOT_MODE="live")
    assert done.code == 0, done.err
    assert "the panic goes by the desk.toml of the newest tick" in done.err
    assert "drill_age_days" in done.err, "what is missing is said all the same"
    with open_for_questions(tmp_path / "data") as questions:
        assert [one for one in questions.open_orders() if one.opens] == []


def _as_if_kept(ledger: Path, text: str) -> None:
    """Let the newest tick have run with the older text, as it did under the older program."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(ledger)) as connection, connection:
        changed = connection.execute("UPDATE configs SET text = ?", (text,)).rowcount
    assert changed == 1
