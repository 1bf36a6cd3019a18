"""What a phone shows: short, whole lines, inside Telegram's limit, in the chat's own commands."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Alert, KeptAlert
from bot.report.chat import MOST, alerts_text, fitted, phone_words, positions_text
from bot.report.holdings import OptionLine, ShareLine

NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)


@given(st.lists(st.text(max_size=3000), max_size=12))
def test_no_answer_is_longer_than_telegram_takes_and_what_is_left_out_is_said(lines: list[str]) -> None:
    text = fitted(lines, "bot status")
    assert len(text.encode("utf-16-le", "replace")) // 2 <= 4_096
    assert text == "\n".join(lines) or text.endswith("\nmore: bot status")


def test_one_line_that_is_too_long_is_cut_and_said() -> None:
    text = fitted(["\U0001f534" * 5000], "bot why XLF")
    assert text.endswith("\nmore: bot why XLF")
    assert len(text.encode("utf-16-le")) // 2 <= MOST + 40


def test_commands_are_named_as_the_chat_takes_them_and_others_stay_a_terminals() -> None:
    assert phone_words("`BOT_HOME=/x venv/bin/bot resume` lifts it") == "/resume lifts it"
    assert phone_words("`bot resume` first, then `bot halt stop`") == "/resume first, then /halt stop"
    assert phone_words("`bot order resolve x`, `bot panic --flatten`") == "`bot order resolve x`, `bot panic --flatten`"
    assert phone_words("done   home /srv/a\nnext\nhome /srv/b") == "done\nnext"


def test_positions_say_what_is_near_its_strike_and_what_is_unknown() -> None:
    option = OptionLine(
        symbol="XLF261224P00050000", underlying="XLF", right="put", owner="wheel", qty=Decimal(-1),
        strike=Decimal(50), expiry=datetime(2026, 12, 24, tzinfo=UTC).date(), dte=36, spot=Decimal(49),
        distance_fraction=Decimal("-0.02"), credit=Decimal("0.6"), mark=None, mark_source="", profit_share=None,
        unrealised=None,
    )  # fmt: skip
    share = ShareLine(
        symbol="EWZ", owner="foreign", qty=Decimal(100), basis=Decimal(30), mark=Decimal(31), mark_source="mid",
        value=Decimal(3100), unrealised=Decimal(100),
    )  # fmt: skip
    lines = positions_text((share,), (option,), (), "Wed 12:00")
    assert lines[1].startswith("100 EWZ (")
    assert lines[1].endswith("P&L +100.00")
    assert "-2.0 % away IN THE MONEY" in lines[2]
    assert lines[2].endswith("unknown of max, P&L unknown")
    assert positions_text((), (), (), "never") == ["nothing is held"]


def test_an_alert_says_how_to_acknowledge_it_and_who_did() -> None:
    alert = Alert(at=NOON, topic="tick.failed", severity="high", key="k", title="A tick failed", words="Look.")
    kept = KeptAlert(id=12, alert=alert, times=3, last_at=NOON, acknowledged_at=NOON, acknowledged_by="ann")
    assert alerts_text((kept,), NOON) == [
        "1 alert standing; /ack N or /ack all says that you know",
        "12: HIGH A tick failed, just now, 3 times (known to ann)",
        "  Look.",
    ]
    assert alerts_text((), NOON) == ["no alert stands"]
