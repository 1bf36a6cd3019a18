"""Messages by chat as words: whatever is written is one command or a sentence about what was expected (B050)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.chat_reading import READERS
from bot.commands.chat_words import COMMANDS, KEPT, Spoken, help_lines, kept_words, refusal, understood
from bot.domain.errors import UsageError

PIECES = st.sampled_from([*(f"/{name}" for name in COMMANDS), "all", "XLF", "*", "3", "stop", "\u202e", "\x00", "\n"])


@given(st.one_of(st.text(max_size=400), st.lists(PIECES, max_size=5).map(" ".join)))
def test_any_text_is_understood_or_refused_in_words(text: str) -> None:
    try:
        spoken = understood(text)
    except UsageError:
        return
    assert understood(spoken.text) == spoken, "what is kept beside a code is read back as the same command"


@given(st.text(max_size=10_000))
def test_what_the_record_keeps_is_one_short_line(text: str) -> None:
    kept = kept_words(text)
    assert len(kept) <= KEPT
    assert kept.isprintable() or not kept.strip()


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("/stop", True),
        ("/resume", True),
        ("/resume XLF", True),
        ("/approve all", True),
        ("/halt stop", True),
        ("/approve 1 2", False),
        ("/halt reduce_only", False),
        ("/pause * 3", False),
        ("/ack all", False),
    ],
)
def test_what_stops_everything_or_lets_risk_be_taken_asks_for_a_code(text: str, asks: bool) -> None:
    assert understood(text).wants_code is asks


def test_everything_that_reads_has_a_reader_and_nothing_else_does() -> None:
    reading = {name for name, known in COMMANDS.items() if known.kind == "read"} - {"help", "why"}
    assert set(READERS) == reading | {"approve"}


def test_an_operator_may_look_answer_and_hold_back_and_no_more() -> None:
    """(B051) the roles, command by command."""
    given = {"halt": ("reduce_only",), "confirm": ("123456",)}
    denied = {name for name in COMMANDS if refusal("operator", Spoken(name=name, given=given.get(name, ())))}
    assert denied == {"resume", "stop", "halt"}
    assert refusal("operator", Spoken(name="halt", given=("no_new_risk",))) == ""
    assert not any(refusal("admin", Spoken(name=name, given=given.get(name, ()))) for name in COMMANDS)


def test_help_names_what_a_role_may_and_what_no_chat_does() -> None:
    shown = "\n".join(help_lines("operator"))
    assert "/stop" not in shown
    assert "/approve" in shown
    assert "bot panic --flatten" in shown
    assert "/stop" in "\n".join(help_lines("admin"))
