"""Lines of the log for a terminal."""

from __future__ import annotations

from bot.report.log_text import log_line


def test_what_matters_stands_first_and_the_rest_in_its_order() -> None:
    told = {
        "ts": "2026-11-18T17:00:00.123Z", "kind": "ended", "by": "bot tick", "tick": 3, "ms": 81.5,
        "stages": {"arrive": 1, "seal": 2}, "note": "2 wanted", "status": "done", "drift": ["a", "b"],
    }  # fmt: skip
    assert log_line(told) == (
        "2026-11-18 17:00:00Z  tick 3  ended    done  2 wanted  ms 81.5  stages: arrive 1, seal 2  drift: a; b"
    )


def test_a_line_of_no_tick_names_the_command() -> None:
    assert log_line(
        {"ts": "2026-11-18T17:00:00Z", "kind": "halt", "by": "bot halt stop", "what": {"level": "stop"}}
    ) == ("2026-11-18 17:00:00Z  halt     what: level stop  (bot halt stop)")


def test_a_venues_words_cannot_move_the_cursor() -> None:
    line = log_line(
        {"ts": "2026-11-18T17:00:00Z", "kind": "error", "by": "", "message": "a\x1b[2Jb\r\nc", "n": [{"k": "\x07"}]}
    )
    assert all(letter.isprintable() for letter in line)
