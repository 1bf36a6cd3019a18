"""The documents say what is so: every command, setting, key, gate and table stands where an owner would look."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot import __version__
from bot.commands.ticking import one_tick
from bot.config.desktext import desk_text
from bot.config.envfile import KNOWN_NAMES, VARIABLES, env_text
from bot.config.initialise import initialise
from bot.ops.reference import BLOCKS, ROOT, TABLES, commands, refreshed
from bot.report.tick_json import tick_object
from bot.wiring import load_house


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted({where for where, _ in BLOCKS}))
def test_generated_parts_of_a_document_are_up_to_date(name: str) -> None:
    assert document(name) == refreshed(name), f"{name} is out of date: make docs"


def test_every_command_has_help_and_stands_in_the_readme() -> None:
    listed = list(commands())
    assert len(listed) >= 22
    for name, text in listed:
        assert text.endswith("."), name
        assert f"`bot {name}`" in document("README.md"), name


def test_every_command_an_owner_types_day_to_day_stands_in_the_runbook() -> None:
    runbook = document("RUNBOOK.md")
    missing = [name for name, _ in commands() if not re.search(rf"\bbot {name}\b", runbook)]
    assert missing == []


def test_no_document_names_a_command_that_does_not_exist() -> None:
    known = {name for name, _ in commands()} | {name.split()[0] for name, _ in commands()}
    for name in ("README.md", "RUNBOOK.md", "ARCHITECTURE.md", "CHANGELOG.md"):
        for words in re.findall(r"`(?:\.venv/bin/)?bot ([a-z][a-z-]*)", document(name)):
            assert words in known, f"{name}: bot {words}"


def test_no_message_names_a_command_that_does_not_exist() -> None:
    known = {name.split()[0] for name, _ in commands()}
    for path in (ROOT / "bot").rglob("*.py"):
        if "tests" in path.parts:
            continue
        for word in re.findall(r"(?:[`\"]|\{\w+\})bot ([a-z][a-z-]*)", path.read_text(encoding="utf-8")):
            assert word in known, f"{path.name}: bot {word}"


def test_every_variable_stands_in_the_example_the_readme_and_the_runbook() -> None:
    example = document(".env.example")
    assert example == env_text()
    for one in VARIABLES:
        assert one.name in example
        assert one.name in document("README.md"), one.name
        assert one.name in document("RUNBOOK.md"), one.name
    for ending in ("SECRETS_FILE", "_FILE", "_B64"):
        assert ending in document("README.md")
        assert any(name.endswith(ending) for name in KNOWN_NAMES)


def test_every_variable_of_the_dashboard_stands_in_the_runbook() -> None:
    sources = [path for folder in ("server", "lib") for path in (ROOT / "dashboard" / folder).glob("*.ts")]
    sources += (ROOT / "dashboard" / "server").glob("*.mjs")
    named = {word for path in sources for word in re.findall(r"\bDASHBOARD_[A-Z_]+[A-Z]\b", path.read_text("utf-8"))}
    assert len(named) >= 9
    for one in sorted(named):
        assert f"`{one}`" in document("RUNBOOK.md"), one


def test_the_example_desk_is_what_init_writes_and_explains_every_key() -> None:
    example = document("desk.example.toml")
    assert example == desk_text("balanced")
    for _, table in TABLES:
        for key in table.__struct_fields__:
            assert re.search(rf"(?m)^(# )?{key} = .*#|^# .*\n{key} = ", example), key


def test_the_newest_heading_of_the_changelog_is_the_version() -> None:
    found = re.search(r"(?m)^## (\d+\.\d+\.\d+)", document("CHANGELOG.md"))
    assert found is not None
    assert found[1] == __version__


def test_every_make_target_has_a_sentence_and_the_readme_names_the_two_that_matter() -> None:
    makefile = document("Makefile")
    targets = set(re.findall(r"(?m)^([a-z]+):(?!=)", makefile)) - {"help"}
    for target in targets:
        assert re.search(rf"(?m)^{target}:.*## .+", makefile), target
    for target in ("demo", "test"):
        assert f"make {target}" in document("README.md")


def test_the_readme_lists_exactly_the_keys_that_a_tick_prints(tmp_path: Path) -> None:
    initialise(tmp_path)
    result = one_tick(
        load_house(str(tmp_path / ".env")), dry=True, at=datetime(2026, 11, 18, 17, 0, tzinfo=UTC), command="a test"
    )
    told = tick_object(result)
    listed = dict(re.findall(r"(?m)^\| `(\w+)` \| ([^|]+) \|$", document("README.md").split("A contract for")[1]))
    assert set(listed) == set(told)
    for key in ("tick", "account", "verdicts"):
        words = set(re.findall(r"\b[a-z][a-z_]+\b", re.sub(r"\([^)]*\)", "", listed[key])))
        one = told[key][0] if isinstance(told[key], list) else told[key]
        assert words == set(one), key
    assert set(told["verdicts"][0]["checks"][0]) == set(
        re.findall(r"\w+", re.search(r"checks \(([^)]*)\)", listed["verdicts"])[1])  # type: ignore[index]
    )
