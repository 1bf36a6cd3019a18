"""Metrics as other programs read them: the text, its names, and the board and alert rules that stand on those names."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from bot.cli import app
from bot.domain.metering import LABEL_LETTERS, Sample
from bot.talkers.metrics import CATALOGUE, PREFIX, escaped, exposition, family_of

MONITORING = Path(__file__).resolve().parents[3] / "systemd" / "monitoring"
BOARD = MONITORING / "escapement.json"
RULES = MONITORING / "alerts.yml"
NAMES = {one.name for one in CATALOGUE}
USED = re.compile(r"\bescapement_[a-z0-9_]+")
RULE = re.compile(
    r"      - alert: (Escapement[A-Za-z]+)\n        expr: (.+)\n(?:        for: (\d+[mhd])\n)?"
    r"        labels: \{severity: (info|warning|high|critical)\}\n        annotations:\n"
    r'          summary: "([^"\n]+)"\n          description: "([^"\n]+)"\n'
)


def read(text: str) -> dict[str, Any]:
    """Read an exposition as Prometheus' own library does: families by name."""
    return {one.name: one for one in text_string_to_metric_families(text)}


# the text


def test_each_kind_of_metric_is_read_back_as_it_was_meant() -> None:
    stage = ("stage", "whole")
    told = [
        Sample("equity_dollars", "25000.10"), Sample("ticks_total", "3", (("mode", "live"), ("status", "done"))),
        Sample("tick_duration_seconds_bucket", "1", (stage, ("le", "0.005"))),
        Sample("tick_duration_seconds_bucket", "2", (stage, ("le", "+Inf"))),
        Sample("tick_duration_seconds_sum", "0.4", (stage,)), Sample("tick_duration_seconds_count", "2", (stage,)),
    ]  # fmt: skip
    found = read(exposition(told, "main"))
    assert {name: one.type for name, one in found.items()} == {
        "escapement_equity_dollars": "gauge", "escapement_ticks": "counter",
        "escapement_tick_duration_seconds": "histogram",
    }  # fmt: skip
    (equity,) = found["escapement_equity_dollars"].samples
    assert (equity.labels, equity.value) == ({"desk": "main"}, 25000.10)
    (ticks,) = found["escapement_ticks"].samples
    assert (ticks.name, ticks.labels) == ("escapement_ticks_total", {"desk": "main", "mode": "live", "status": "done"})
    assert len(found["escapement_tick_duration_seconds"].samples) == 4


@given(st.text(st.characters(codec="utf-8"), max_size=LABEL_LETTERS))
def test_any_words_in_a_label_come_back_but_for_letters_nobody_can_read(words: str) -> None:
    labels = (("level", "stop"), ("author", "me"), ("reason", words))
    (one,) = read(exposition([Sample("halt_info", "1", labels)], "main"))["escapement_halt_info"].samples
    assert one.labels["reason"] == "".join(
        letter if letter == "\n" or letter.isprintable() else " " for letter in words
    )


def test_quotes_backslashes_and_line_feeds_are_escaped() -> None:
    words = 'he said "no"\nC:\\new'
    assert escaped(words) == r"he said \"no\"\nC:\\new"
    (one,) = read(exposition([Sample("halt_info", "1", (("reason", words),))], "main"))["escapement_halt_info"].samples
    assert one.labels["reason"] == words


def test_a_long_label_is_cut() -> None:
    assert len(escaped("a" * 5000)) == LABEL_LETTERS


def test_a_name_that_nobody_listed_is_no_metric() -> None:
    with pytest.raises(KeyError):
        exposition([Sample("made_up", "1")], "main")


def test_a_series_is_written_once_with_its_last_value() -> None:
    text = exposition([Sample("equity_dollars", "1"), Sample("equity_dollars", "2")], "main")
    assert [line for line in text.splitlines() if line[0] != "#"] == ['escapement_equity_dollars{desk="main"} 2']


def test_names_say_their_unit_and_counters_that_they_count() -> None:
    assert len(NAMES) == len(CATALOGUE)
    for one in CATALOGUE:
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", one.name)
        assert one.kind in ("counter", "gauge", "histogram")
        assert one.name.endswith("_total") == (one.kind == "counter"), one.name
        assert one.help.endswith(".")
        assert "\n" not in one.help
        assert "\\" not in one.help
        assert not re.search(r"_(ms|millis|milliseconds|minutes|hours|usd|percent|mb|kb)(_|$)", one.name), one.name
    assert family_of("tick_duration_seconds_sum") == "tick_duration_seconds"


# board and alert rules


def names_in(text: str) -> set[str]:
    """Give our names in a text, of a histogram's parts the histogram."""
    return {family_of(found.removeprefix(PREFIX)) for found in USED.findall(text)}


def board() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(BOARD.read_text(encoding="utf-8"))
    return found


def expressions() -> list[str]:
    return [target["expr"] for panel in board()["panels"] for target in panel.get("targets", ())]


def rules() -> list[tuple[str, ...]]:
    return RULE.findall(RULES.read_text(encoding="utf-8"))


def test_the_board_shows_every_metric_and_none_that_is_not_there() -> None:
    """B048: the board and the exposition are of one piece."""
    shown = set().union(*(names_in(one) for one in expressions()))
    assert shown == NAMES


def test_the_board_names_no_machine_and_asks_which_source_and_desk() -> None:
    text = BOARD.read_text(encoding="utf-8")
    assert not re.search(r"https?://|localhost|\d+\.\d+\.\d+\.\d+", text)
    whole = board()
    assert [one["name"] for one in whole["templating"]["list"]] == ["datasource", "desk"]
    for panel in whole["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
    for one in expressions():
        assert one.count("{desk=~") == len(USED.findall(one)), one


def test_panels_have_a_place_of_their_own_and_fit_the_board() -> None:
    panels = board()["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert all(one["y"] <= other["y"] for one, other in pairwise(panel["gridPos"] for panel in panels))


def test_the_rules_are_whole_and_stand_on_names_that_are_there() -> None:
    text = RULES.read_text(encoding="utf-8")
    found = rules()
    assert len(found) == text.count("- alert:") >= 25, "each rule has the one shape that is read here"
    head = text.partition("      - alert:")[0]
    assert [line for line in head.splitlines() if line and line[0] != "#"] == [
        "groups:", "  - name: escapement", "    rules:",
    ]  # fmt: skip
    rest = RULE.sub("", text.removeprefix(head)).strip()
    assert rest == "", "nothing else stands in the file"
    assert len({name for name, *_ in found}) == len(found)
    for name, expression, *_ in found:
        assert names_in(expression) <= NAMES, name
        assert expression.count("(") == expression.count(")")
        assert expression.count("{") == expression.count("}")
        assert USED.search(expression) or "node_textfile" in expression
        assert not re.search(": | #", expression), f"{name} would be no plain text in YAML"


def test_what_stops_the_money_has_a_rule() -> None:
    asked = set().union(*(names_in(expression) for _, expression, *_ in rules()))
    assert asked >= {
        "next_tick_timestamp_seconds", "tick_timestamp_seconds", "ticks_total", "halt_level", "invariant_broken",
        "orders_unresolved", "drift", "positions_unprotected", "drawdown_ratio", "backup_timestamp_seconds",
        "channel_dead", "messages_oldest_timestamp_seconds", "watch_record_faults", "watch_timestamp_seconds",
        "disk_free_bytes", "alerts_unacknowledged",
    }  # fmt: skip


def test_each_command_that_a_rule_names_is_there() -> None:
    known = command_names()
    named = {words for *_, summary, help_ in rules() for words in re.findall(r"`bot ([a-z][a-z -]*)", summary + help_)}
    assert named
    for words in named:
        typed = words.partition(" --")[0].strip()
        assert typed in known, typed


def command_names() -> set[str]:
    """Give every command as it is typed, and every group that does something by itself."""
    import typer

    group = typer.main.get_command(app)
    found: set[str] = set()
    waiting: list[tuple[str, Any]] = [("", group)]
    while waiting:
        prefix, one = waiting.pop()
        for name, command in getattr(one, "commands", {}).items():
            found.add(f"{prefix}{name}")
            waiting.append((f"{prefix}{name} ", command))
    return found
