"""`bot replay`: the record decides again as it did, and whatever does not is named field by field."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from bot.commands import replaying
from bot.domain.checks import CheckResult
from bot.domain.errors import BrokerUnreachable
from bot.domain.orders import Verdict
from bot.engine import tick as engine_tick
from bot.gates.judge import judge as fold
from bot.store.deciding import decode_judged, encode_judged
from bot.tests.commands.typed import AT, Done, new_home, typed
from bot.tests.world.runs import choice_of, make_house, moments_in, run_in, run_through, sessions_from

SEED, FIRST_DAY, SESSIONS = 5, date(2026, 3, 2), 60


class Unreachable:
    """A broker nobody can reach."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def read_account(self) -> Any:
        raise BrokerUnreachable("nobody answers")


@pytest.fixture(scope="module")
def quarter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with a quarter on record; its last tick failed."""
    home = tmp_path_factory.mktemp("quarter") / "home"
    house = make_house(home, choice_of("balanced", 25_000), SEED)
    sessions = sessions_from(FIRST_DAY, SESSIONS + 1)
    with run_in(house) as run:
        run.journal.keep_config(house.hash, house.desk_text, house.settings_json, sessions[0].open_at)
        run_through(run, moments_in(sessions[:-1]))
        away = run._replace(world=run.world._replace(broker=Unreachable(run.broker)))
        with pytest.raises(BrokerUnreachable):
            away.tick_at(sessions[-1].open_at)
    return home


@pytest.fixture
def home(quarter: Path, tmp_path: Path) -> Path:
    """Give a copy of the quarter that may be spoiled."""
    return Path(shutil.copytree(quarter, tmp_path / "home"))


def interrupted(*_: Any) -> str:
    raise KeyboardInterrupt


def replayed(home: Path, *words: str) -> Done:
    return typed(home.parent, "replay", *words, BOT_HOME=str(home))


def spoil(home: Path, query: str, *values: Any) -> None:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        ledger.execute(query, values)
    ledger.close()


def asked(home: Path, query: str) -> Any:
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        found = ledger.execute(query).fetchone()
    ledger.close()
    return found


def refused_tick(home: Path) -> int:
    """Give a tick in which a gate refused with a number and a limit."""
    found = asked(home, 'SELECT tick_id FROM refusals WHERE value IS NOT NULL AND "limit" IS NOT NULL LIMIT 1')
    return int(found[0])


def test_a_quarter_decides_again_byte_for_byte_under_two_hash_seeds(quarter: Path, root: Path) -> None:
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "bot", "replay", "--all", "--json"], cwd=quarter.parent, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "BOT_HOME": str(quarter)},
            stdout=subprocess.PIPE,
        )
        for seed in ("1", "4242")
    ]  # fmt: skip
    for process in running:
        out, _ = process.communicate(timeout=120)
        report = json.loads(out)
        assert process.returncode == 0
        assert report["counts"]["same"] == report["ticks"] - 1 == 4 * SESSIONS
        assert report["counts"]["undecided"] == 1
        assert report["shown"] == []


def test_since_counts_back_from_the_newest_tick_or_from_a_day(quarter: Path) -> None:
    back = json.loads(replayed(quarter, "--since", "7d", "--json").out)
    (newest,) = asked(quarter, "SELECT ts FROM ticks ORDER BY id DESC LIMIT 1")
    assert 4 * 4 < back["ticks"] <= 4 * 6 + 1
    since = json.loads(replayed(quarter, "--since", newest[:10], "--json").out)
    assert since["ticks"] == since["counts"]["undecided"] == 1
    assert "nothing to decide again" in replayed(quarter, "--since", "2040-01-01").out


@pytest.mark.parametrize("words", [(), ("7", "--all"), ("--since", "3 weeks"), ("99999",)])
def test_words_that_name_no_ticks_are_refused(quarter: Path, words: tuple[str, ...]) -> None:
    done = replayed(quarter, *words)
    assert done.code == 2
    assert done.err.strip()


def test_one_tampered_number_of_a_verdict_is_shown_with_its_gate(home: Path) -> None:
    number = refused_tick(home)
    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        (blob,) = ledger.execute("SELECT blob FROM tick_checks WHERE tick_id = ?", (number,)).fetchone()
        judged = decode_judged(blob)
        place, check = next(
            (place, check) for place, one in enumerate(judged.verdicts) for check in one.checks
            if not check.ok and check.value is not None and check.limit is not None
        )  # fmt: skip
        verdicts = list(judged.verdicts)
        checks = tuple(
            replace(one, value=(one.value or Decimal(0)) + 1) if one is check else one for one in verdicts[place].checks
        )
        verdicts[place] = replace(verdicts[place], checks=checks)
        ledger.execute(
            "UPDATE tick_checks SET blob = ? WHERE tick_id = ?", (encode_judged(tuple(verdicts), judged.notes), number)
        )
    ledger.close()
    done = replayed(home, "--all")
    assert done.code == 1
    assert "verdicts are not those that were sealed" in done.out
    assert f"gate {check.gate}: " in done.out
    assert "bot audit verify" in done.out
    report = json.loads(replayed(home, str(number), "--json").out)
    (difference,) = report["shown"][0]["differences"]
    assert difference["field"] == "value"
    assert Decimal(difference["was"]) - Decimal(difference["now"]) == 1
    assert replayed(home, str(number + 1)).code == 0


def test_one_changed_byte_of_a_stored_snapshot_is_named(home: Path) -> None:
    month, offset = asked(home, 'SELECT month, "offset" + length / 2 FROM snapshots WHERE tick_id = 9')
    with (home / "snapshots" / f"{month}.bin").open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))
    done = replayed(home, "9")
    assert done.code == 1
    assert "its Snapshot is not the one that was sealed" in done.out


def test_a_changed_desk_file_is_named(home: Path) -> None:
    spoil(home, "UPDATE configs SET text = replace(text, 'equity_min', 'equity_mix')")
    done = replayed(home, "--since", "3d")
    assert done.code == 1
    assert "is not the one its hash names" in done.out


def otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one gate say another number than it did."""

    def judge(*given: Any) -> tuple[Verdict, ...]:
        def bent(check: CheckResult) -> CheckResult:
            return replace(check, value=Decimal(7)) if check.gate == "symbol_share_within" else check

        return tuple(replace(one, checks=tuple(map(bent, one.checks))) for one in fold(*given))

    monkeypatch.setattr(engine_tick, "judge", judge)


def test_the_same_code_deciding_otherwise_ends_with_one_and_the_first_difference(
    quarter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    otherwise(monkeypatch)
    done = replayed(quarter, "--all")
    assert done.code == 1
    assert "differ although the same code decided them" in done.out
    assert re.search(r"gate symbol_share_within: wheel \w+ \w+", done.out)
    assert re.search(r"value +recorded \S+ +now 7\b", done.out)
    assert "NOT explained by code" in done.out


def test_what_other_code_decided_otherwise_is_counted_by_gate_and_is_no_failure(
    quarter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    otherwise(monkeypatch)
    monkeypatch.setattr(replaying, "deciding_code", lambda: "0" * 16)
    done = replayed(quarter, "--all", "--json")
    report = json.loads(done.out)
    assert done.code == 0
    assert report["counts"]["differs"] == 0
    assert report["counts"]["other_code"] > 10
    (place,) = report["places"]
    assert (place["place"], place["outcome"]) == ("gate symbol_share_within", "other_code")
    assert place["ticks"] == report["counts"]["other_code"]
    assert replayed(quarter, "--all", "--strict").code == 1


def test_a_thinned_snapshot_is_counted_and_named(home: Path) -> None:
    spoil(home, "UPDATE snapshots SET thinned_at = '2026-11-01T00:00:00.000000Z', thinned_by = 1 WHERE tick_id = 20")
    done = replayed(home, "--all", "--json")
    assert done.code == 0
    assert json.loads(done.out)["counts"]["thinned"] == 1
    alone = replayed(home, "20")
    assert alone.code == 1
    assert "thinned out on 2026-11-01" in alone.err


def test_an_older_desk_file_is_filled_with_its_profiles_values_and_says_so(home: Path) -> None:
    text, settings = asked(home, "SELECT text, settings_json FROM configs")
    older = re.sub(r"(?m)^identical_rejections = .*\n", "", text, count=1)
    assert older != text
    name = sha256(f"{older}\0{settings}".encode()).hexdigest()
    spoil(home, "UPDATE configs SET text = ?, hash = ?", older, name)
    spoil(home, "UPDATE ticks SET config_hash = ?", name)
    spoil(home, "UPDATE events SET payload_json = json_set(payload_json, '$.config', ?) WHERE kind = 'tick'", name)
    done = replayed(home, "--all")
    assert done.code == 0, done.out
    assert "lacks 1 key of today" in done.out
    assert "limits.identical_rejections" in done.out


def test_ticks_of_a_panic_and_of_an_approval_and_dry_ones_decide_again(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    desk = (home / "desk.toml").read_text().replace('approve = "never"', 'approve = "always"', 1)
    (home / "desk.toml").write_text(desk)
    assert typed(tmp_path, "tick", "--dry", "--at", AT).code == 0
    assert typed(tmp_path, "tick", "--at", AT, BOT_MODE="live").code == 0
    assert typed(tmp_path, "approve", "--all", "--at", AT, BOT_MODE="live").code == 0
    assert typed(tmp_path, "panic", "--at", AT, BOT_MODE="live").code in (0, 1)
    assert typed(tmp_path, "tick", "--at", AT, BOT_MODE="live").code == 0
    done = typed(tmp_path, "replay", "--all", "--json")
    report = json.loads(done.out)
    assert done.code == 0, done.out
    assert report["counts"]["same"] == report["ticks"] >= 5
    assert report["dry"] == 1
    assert report["alone"]["approved"] == 1
    assert report["alone"]["panic"] >= 1
    # A record from before seals told who planned: what was said by a person is tried.
    spoil(home, "UPDATE events SET payload_json = json_remove(payload_json, '$.code', '$.decided_as')")
    again = json.loads(typed(tmp_path, "replay", "--all", "--json").out)
    assert again["counts"]["same"] == again["ticks"]
    assert "hash not on record" in next(iter(again["codes"]))


def test_why_explains_from_the_bytes_that_replay_proves(quarter: Path) -> None:
    number = refused_tick(quarter)
    intent, gate = asked(quarter, f"SELECT intent_id, gate FROM refusals WHERE tick_id = {number} LIMIT 1")
    assert replayed(quarter, str(number)).code == 0
    told = typed(quarter.parent, "why", str(intent), BOT_HOME=str(quarter))
    assert gate in told.out


def test_replay_keeps_nothing_and_asks_no_venue(home: Path) -> None:
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert replayed(home, "--all").code == 0
    after = {path: path.read_bytes() for path in home.rglob("*") if path.is_file() and path.suffix != ".sqlite-shm"}
    assert {path for path in after if path.name[-4:] not in ("-shm", "-wal")} <= set(before)
    assert all(before[path] == data for path, data in after.items() if path in before)


def test_a_simulation_in_which_nobody_could_be_asked_decides_again(tmp_path: Path) -> None:
    home = new_home(tmp_path)
    desk = (home / "desk.toml").read_text().replace('approve = "never"', 'approve = "always"', 1)
    (home / "desk.toml").write_text(desk)
    made = tmp_path / "simulated-home"
    assert typed(tmp_path, "simulate", "--days", "3", "--home", str(made), "--json").code == 0
    report = json.loads(replayed(made, "--all", "--json").out)
    assert report["counts"]["same"] == report["alone"]["unasked"] == report["ticks"] >= 3 * 13
    assert asked(made, "SELECT count(*) FROM order_intents WHERE approved = 1 AND purpose = 'cash_secured_put'")[0] > 0


def test_a_tick_that_died_after_its_decision_decides_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = make_house(tmp_path / "home", choice_of("balanced", 25_000), SEED)
    moments = list(moments_in(sessions_from(FIRST_DAY, 1)))
    with run_in(house) as run:
        run.journal.keep_config(house.hash, house.desk_text, house.settings_json, moments[0])
        run.tick_at(moments[0])
        with monkeypatch.context() as patched:
            patched.setattr(run.journal, "seal", interrupted)
            with pytest.raises(KeyboardInterrupt):
                run.tick_at(moments[1])
        run.tick_at(moments[2])
    assert asked(house.home, "SELECT status FROM ticks WHERE id = 2") == ("died",)
    done = replayed(house.home, "2")
    assert done.code == 0
    assert "hash not on record" in done.out
    assert "byte for byte the same" in done.out
