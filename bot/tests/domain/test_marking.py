"""Which of a tick's marks the next one may fall back on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from bot.domain.marking import good_marks

NOW = datetime(2026, 11, 20, 16, tzinfo=UTC)
BEFORE = NOW - timedelta(minutes=15)


def test_only_quoted_marks_are_kept_and_a_carried_one_keeps_growing_old() -> None:
    one, two = Decimal("1.10"), Decimal("2.20")
    marks = (("A", one, "mid"), ("B", two, "last"), ("C", one, "previous"), ("D", two, "model"), ("E", one, "previous"))
    assert good_marks(NOW, (("C", one, BEFORE),), marks) == (("A", one, NOW), ("B", two, NOW), ("C", one, BEFORE))
