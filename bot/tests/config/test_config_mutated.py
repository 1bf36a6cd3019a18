"""Thousands of bad configurations: each is refused with its file and the key, and nothing runs on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from bot.config.deskkeys import KeySpec, specs_of
from bot.config.desktext import desk_text
from bot.config.envfile import VARIABLES
from bot.domain.desk import (
    AlertNumbers,
    KeepNumbers,
    Limits,
    SimulatorNumbers,
    TickNumbers,
    TrailingNumbers,
    WheelNumbers,
)
from bot.domain.errors import ConfigError
from bot.store.database import LEDGER_NAME
from bot.tests.faults.soaking import many, seed_of
from bot.wiring import load_house

DESK_TIMES, ENV_TIMES, NOISE_TIMES = many(250, 4_000), many(60, 600), many(60, 600)
TABLES = (Limits, SimulatorNumbers, TickNumbers, KeepNumbers, AlertNumbers, WheelNumbers, TrailingNumbers)
SPECS: dict[str, KeySpec] = {name: spec for table in TABLES for name, spec in specs_of(table).items()}
DESK = desk_text("balanced")
KEYED = re.compile(r"([a-z_]+) = (.+?)(\s+#.*)?")
SECRET = "s3cr3t-never-shown"
MISLEADING = ("", "Live", "LIVE ", "yes", "papre", "0", "recorded:", "\u0430lpaca", "x" * 500, "../..", "paper;live")


class Bad(NamedTuple):
    """A bad file, and the key that its refusal must name."""

    text: str | bytes
    key: str
    how: str


def key_lines() -> list[tuple[int, str, str]]:
    """List the lines of the desk file that set a key somebody reads: (place, key, value)."""
    found = []
    for place, line in enumerate(DESK.split("\n")):
        match = KEYED.fullmatch(line)
        if match is not None and match[1] in SPECS:
            found.append((place, match[1], match[2]))
    return found


LINES = key_lines()
MAY_BE_LEFT_OUT = frozenset({"protect_wheel_lots"})
"""In the table of a wheel it may: then no stop claims its lots."""
WAYS: dict[str, Callable[[str, KeySpec, Random], str | None]] = {
    "gone": lambda key, spec, draw: None if key in MAY_BE_LEFT_OUT else "",
    "misspelt": lambda key, spec, draw: f"{key[:-1]} = 1" if key[:-1] not in SPECS else None,
    "in capitals": lambda key, spec, draw: f"{key.upper()} = 1",
    "twice": lambda key, spec, draw: f"{key} = 1\n{key} = 1",
    "not a number": lambda key, spec, draw: f"{key} = nan",
    "infinite": lambda key, spec, draw: f"{key} = {draw.choice(('inf', '-inf', '+inf'))}",
    "huge": lambda key, spec, draw: f"{key} = {draw.choice(('1e308', '1e999999999', '9' * 400, '-1e30'))}",
    "a list": lambda key, spec, draw: f"{key} = [1, 2]",
    "a table": lambda key, spec, draw: f"{key} = {{ value = 1 }}",
    "a day": lambda key, spec, draw: f"{key} = 2026-11-18",
    "a dotted key": lambda key, spec, draw: f"{key}.more = 1",
    "empty text": lambda key, spec, draw: f'{key} = ""',
    "a number in quotes": lambda key, spec, draw: f'{key} = "{draw.choice(("1", "25%", "1e3"))}"',
    "other digits": lambda key, spec, draw: f'{key} = "\u0661\u0662"',
    "off in capitals": lambda key, spec, draw: f'{key} = "OFF"',
    "nothing after the sign": lambda key, spec, draw: f"{key} =",
    "bare words": lambda key, spec, draw: f"{key} = {draw.choice(('off', 'none', 'True', '0x', '1,5', '1 000'))}",
    "off where it cannot be": lambda key, spec, draw: None if spec.key.off else f'{key} = "off"',
    "below the range": lambda key, spec, draw: None if not spec.key.low else f"{key} = {float(spec.key.low) - 1}",
    "above the range": lambda key, spec, draw: None if not spec.key.high else f"{key} = {float(spec.key.high) + 1}",
    "a part of a whole": lambda key, spec, draw: f"{key} = 1.5" if spec.whole and spec.type is not str else None,
}  # fmt: skip
CONTRADICTIONS = (
    ("symbol_share", 'symbol_share = 5\nsymbol_share_first = 0.01', "symbol_share_first"),
    ("contracts_per_tick", "contracts_per_tick = 9999\ncontracts_per_day = 1", "contracts_per_day"),
    ("orders_per_tick", "orders_per_tick = 9999\norders_per_day = 1", "orders_per_day"),
    ("exit_orders_per_tick", "exit_orders_per_tick = 9999\nexit_orders_per_day = 1", "exit_orders_per_day"),
    ("turnover_per_window", "turnover_per_window = 50\nturnover_per_day = 0.1", "turnover_per_day"),
    ("drawdown_no_new_risk", "drawdown_no_new_risk = 0.9\ndrawdown_reduce_only = 0.1", "drawdown_reduce_only"),
    ("put_series_per_symbol", "put_series_per_symbol = 999\nput_series_total = 1", "put_series_total"),
    ("entry_before_close_minutes", "entry_before_close_minutes = 380\nentry_after_open_minutes = 380",
     "entry_after_open_minutes"),
    ("put_dte_target", "put_dte_target = 730", ""), ("call_delta_target", "call_delta_target = 1", ""),
    ("time_exit_dte", "time_exit_dte = 700", ""), ("multiplier", "multiplier = 3", ""),
)  # fmt: skip


def bad_desks(draw: Random) -> Iterator[Bad]:
    """Give bad desk files without end, each wrong in one key."""
    lines = DESK.split("\n")
    for key, text, other in CONTRADICTIONS:
        kept = [line for line in lines if not (other and line.startswith(f"{other} = "))]
        yield Bad("\n".join(text if line.startswith(f"{key} = ") else line for line in kept), key, "contradicts")
    while True:
        place, key, _ = draw.choice(LINES)
        how = draw.choice(sorted(WAYS))
        changed = WAYS[how](key, SPECS[key], draw)
        if changed is not None:
            yield Bad("\n".join([*lines[:place], changed, *lines[place + 1 :]]), key, how)


def refusal(home: Path, bad: Bad) -> str:
    """Open a house on what stands there, as every command does, and give the words it is refused with."""
    try:
        load_house(str(home / ".env"))
    except ConfigError as error:
        return str(error) if error.exit_code == 78 else ""
    raise AssertionError(f"it was taken: {bad.key} {bad.how}")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / ".env").write_text("")
    (tmp_path / "data" / "desk.toml").write_text(DESK)
    load_house(str(tmp_path / ".env"))
    return tmp_path


def nothing_ran(home: Path) -> bool:
    return not (home / "data" / LEDGER_NAME).exists() and [one.name for one in (home / "data").iterdir()] == [
        "desk.toml"
    ]


def test_bad_desk_files_are_refused_with_file_and_key(home: Path) -> None:
    seed = seed_of(7)
    bads = bad_desks(Random(seed))
    wrong: list[str] = []
    for _ in range(DESK_TIMES):
        bad = next(bads)
        (home / "data" / "desk.toml").write_text(str(bad.text), encoding="utf-8")
        words = refusal(home, bad)
        if "desk.toml" not in words or not re.search(rf"\b{bad.key}", words, re.IGNORECASE):
            wrong.append(f"{bad.key} {bad.how}: {words[:300]}")
    print(f"\n{DESK_TIMES} bad desk files, seed {seed}")
    assert wrong == [], f"{len(wrong)}, seed {seed}\n" + "\n".join(wrong[:12])
    assert nothing_ran(home)


ENV_WAYS: dict[str, Callable[[str, Random], str]] = {
    "another word": lambda name, draw: f"{name}={draw.choice(MISLEADING[1:])}",
    "twice": lambda name, draw: f"{name}=paper\n{name}=live",
    "misspelt": lambda name, draw: f"{name[:-1]}X=paper",
    "with a control letter": lambda name, draw: f"{name}=\x07paper",
}
CHOICES = tuple(one.name for one in VARIABLES if "|" in one.allowed)


def test_bad_env_files_are_refused_with_file_and_name_and_show_no_secret(home: Path) -> None:
    seed = seed_of(8)
    draw = Random(seed)
    wrong: list[str] = []
    for _ in range(ENV_TIMES):
        name, how = draw.choice(CHOICES), draw.choice(sorted(ENV_WAYS))
        line = ENV_WAYS[how](name, draw)
        (home / ".env").write_text(f"ALPACA_SECRET_KEY={SECRET}\n{line}\n", encoding="utf-8")
        words = refusal(home, Bad(line, name, how))
        if ".env" not in words or (name[:-1] not in words and "not shown" not in words) or SECRET in words:
            wrong.append(f"{line!r}: {words[:300]}")
    print(f"\n{ENV_TIMES} bad .env files, seed {seed}")
    assert wrong == [], f"{len(wrong)}, seed {seed}\n" + "\n".join(wrong[:12])
    assert nothing_ran(home)


def noise(text: str, draw: Random) -> bytes:
    """Spoil a file in one place as a bad disk or a bad editor would."""
    raw = text.encode()
    at = draw.randrange(len(raw))
    until = at + draw.randrange(1, 60)
    junk = draw.choice(
        (b"\xff\xfe", b"\x00", b"\xc3", b"[", b'"""', b"\n[limits]\n", b"=", b"\xed\xa0\x80", b"[" * 5000)
    )
    return draw.choice((raw[:at], raw[:at] + junk + raw[at:], raw[:at] + raw[until:], raw[:at] + junk + raw[until:]))


@pytest.mark.parametrize("name", ["data/desk.toml", ".env"])
def test_whatever_stands_in_a_file_is_taken_or_refused_by_its_name(home: Path, name: str) -> None:
    seed = seed_of(9)
    draw = Random(seed)
    before = DESK if name.endswith("toml") else "BOT_MODE=dry\nBOT_BROKER=simulator\nALPACA_ENV=paper\n"
    told: list[str] = []
    for _ in range(NOISE_TIMES):
        (home / name).write_bytes(noise(before, draw))
        try:
            load_house(str(home / ".env"))
        except ConfigError as error:
            told.append(str(error))
    print(f"\n{NOISE_TIMES} spoilt files, {len(told)} refused, seed {seed}")
    assert told
    assert [words for words in told if Path(name).name not in words] == [], f"seed {seed}"
    assert not (home / "data" / LEDGER_NAME).exists()


@pytest.mark.parametrize("value", ["1e999999999", "-1e999999999", "1e-999999999", "9" * 400])
def test_a_number_beyond_reason_is_refused_in_words(home: Path, value: str) -> None:
    """It is as large as decimals go: dividing it by a hundred, to guess what was meant, would overflow."""
    for key in ("symbol_share", "call_delta_target"):
        text = re.sub(rf"(?m)^{key} = \S+", f"{key} = {value}", DESK, count=1)
        (home / "data" / "desk.toml").write_text(text)
        assert key in refusal(home, Bad(text, key, value))


def test_a_line_that_is_no_toml_is_named_by_its_key(home: Path) -> None:
    for line in ("orders_per_tick = 1\norders_per_tick = 2", "orders_per_tick =", "orders_per_tick = 1,5"):
        text = re.sub(r"(?m)^orders_per_tick = \S+", line, DESK, count=1)
        (home / "data" / "desk.toml").write_text(text)
        assert "desk.toml: orders_per_tick: not valid TOML" in refusal(home, Bad(text, "orders_per_tick", line))
