"""One golden Snapshot per released schema must decode for ever, and decide as it did (design 1).

`snapshot-<schema>.bin` holds stored bytes, `desk-<schema>.toml` the desk they were decided under and
`verdicts-<schema>.json` what came of it. `make golden` rewrites the verdicts of every schema; it writes the bytes of
the present schema only where there are none yet: bytes once released are never written again.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from bot.config.deskfile import read_desk
from bot.config.desktext import upgrade_desk
from bot.domain.snapshot import SCHEMA, Snapshot, decode_snapshot, encode_snapshot, snapshot_hash
from bot.engine.tick import decide
from bot.tests.golden.making import make_golden
from bot.wiring import strategies_of

FOLDER = Path(__file__).parent
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"
SCHEMAS = tuple(range(1, SCHEMA + 1))
HOW = "is it meant? then: make golden, and read the diff"


def bytes_of(schema: int) -> bytes:
    """Give the golden bytes of a schema."""
    return (FOLDER / f"snapshot-{schema}.bin").read_bytes()


def verdicts_text(stored: bytes, desk_text: str) -> str:
    """Decide on stored bytes and write everything down that came of it, as JSON to be read in a diff."""
    snapshot, desk = decode_snapshot(stored), read_desk(upgrade_desk(desk_text))
    verdicts, notes, errors = decide(snapshot, strategies_of(desk), desk)
    facts = {"snapshot": snapshot_hash(stored), "errors": errors, "notes": notes, "verdicts": verdicts}
    return msgspec.json.format(msgspec.json.encode(facts, order="deterministic"), indent=1).decode() + "\n"


@pytest.fixture(scope="session", autouse=True)
def renewed(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rewrite what may be rewritten, when asked to."""
    if not UPDATE:
        return
    newest = FOLDER / f"snapshot-{SCHEMA}.bin"
    if not newest.exists():
        desk_text, snapshot = make_golden(tmp_path_factory.mktemp("golden") / "home")
        newest.write_bytes(encode_snapshot(snapshot))
        (FOLDER / f"desk-{SCHEMA}.toml").write_text(desk_text, encoding="utf-8")
    for schema in SCHEMAS:
        desk_text = (FOLDER / f"desk-{schema}.toml").read_text(encoding="utf-8")
        (FOLDER / f"verdicts-{schema}.json").write_text(verdicts_text(bytes_of(schema), desk_text), encoding="utf-8")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_released_schema_decodes_for_ever(schema: int) -> None:
    snapshot = decode_snapshot(bytes_of(schema))
    assert snapshot.schema == schema
    # One of everything: a golden file without it would not notice its loss.
    assert all((snapshot.positions, snapshot.own_orders, snapshot.foreign_orders, snapshot.requests, snapshot.quotes))
    assert all((snapshot.chains, snapshot.bars, snapshot.events, snapshot.marks, snapshot.inputs, snapshot.errors))
    books = snapshot.books
    assert all((books.lots, books.legs, books.cycles, books.rolls, books.instructions, books.pauses, books.drift))


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_golden_snapshot_decides_as_it_did(schema: int) -> None:
    desk_text = (FOLDER / f"desk-{schema}.toml").read_text(encoding="utf-8")
    expected = (FOLDER / f"verdicts-{schema}.json").read_text(encoding="utf-8")
    assert verdicts_text(bytes_of(schema), desk_text) == expected, HOW
    desk = read_desk(upgrade_desk(desk_text))
    verdicts, notes, _ = decide(decode_snapshot(bytes_of(schema)), strategies_of(desk), desk)
    assert {verdict.approved for verdict in verdicts} == {True, False}
    assert notes


def test_the_present_schema_encodes_back_to_the_golden_bytes() -> None:
    # A new field with a default changes this and nothing else: then the schema number rises with it.
    stored = bytes_of(SCHEMA)
    assert encode_snapshot(decode_snapshot(stored)) == stored, f"the Snapshot has another shape: {HOW}"


def test_every_golden_file_belongs_to_a_schema() -> None:
    found = {path.name for path in FOLDER.iterdir() if re.search(r"-\d+\.(bin|toml|json)$", path.name)}
    names = ("snapshot-{}.bin", "desk-{}.toml", "verdicts-{}.json")
    assert found == {name.format(schema) for schema in SCHEMAS for name in names}
    assert all((FOLDER / f"snapshot-{schema}.bin").stat().st_size < 20_000 for schema in SCHEMAS)


def test_a_field_that_is_taken_away_is_noticed() -> None:
    stored = bytes_of(1)
    facts = msgspec.to_builtins(decode_snapshot(stored))
    del facts["session"]["previous_day"]
    with pytest.raises(msgspec.ValidationError, match="previous_day"):
        msgspec.convert(facts, Snapshot)
