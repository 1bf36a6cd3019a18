"""Who may import whom: the house's import rule, read from the code with `ast`.

The table mirrors the constitution (ARCHITECTURE repeats it). Imports inside functions and under
TYPE_CHECKING count like all others.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for path in (ROOT / "bot").rglob("*.py") if "tests" not in path.relative_to(ROOT).parts)

# A folder may import itself and what stands here. Folders that do not exist yet have their rule already.
MAY_IMPORT: dict[str, tuple[str, ...]] = {
    "domain": (),
    "pricing": ("domain",),
    "planners": ("domain", "pricing"),
    "gates": ("domain", "pricing"),
    "engine": ("domain", "gates"),
    "venues": ("domain",),
    "brokers": ("domain", "pricing", "engine.ports", "venues"),
    "markets": ("domain", "pricing", "engine.ports", "venues"),
    "tapes": ("domain", "pricing", "engine.ports"),
    "store": ("domain", "pricing", "engine.ports"),
    "report": ("domain", "pricing", "engine.ports"),
    "talkers": ("domain", "report", "engine.ports"),
    "research": ("domain", "pricing", "engine", "planners"),
}
SHELL = ("commands", "config", "drill", "ops")  # and every module directly in bot/: these may import anything
PURE = ("domain", "pricing", "planners", "gates")
ONLY_MSGSPEC = (*PURE, "engine")

# What would let the world, the clock or chance into a pure module.
IMPURE = frozenset({
    "asyncio", "concurrent", "getpass", "glob", "http", "io", "locale", "logging", "multiprocessing", "os", "pathlib",
    "platform", "random", "resource", "sched", "secrets", "select", "selectors", "shelve", "shutil", "signal",
    "socket", "socketserver", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid",
})  # fmt: skip
IMPURE_CALLS = frozenset({"open", "input", "print", "exec", "eval", "__import__"})

# Loading any of these takes longer than a whole tick may: they load in the function that uses them.
HEAVY = frozenset({
    "aiohttp", "alpaca", "ccxt", "httpx", "matplotlib", "numba", "numpy", "pandas", "pyarrow", "pydantic", "requests",
    "scipy", "sqlite_utils",
})  # fmt: skip
BROUGHT_ALONG = {"rich"}  # typer requires it
IMPORT_NAMES = {"python-dotenv": "dotenv", "alpaca-py": "alpaca", "sqlite-utils": "sqlite_utils"}


def name_of(path: Path) -> str:
    """Give the dotted name of a source file."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path) for path in SOURCES}


def imports(tree: ast.AST) -> Iterator[str]:
    """Walk the dotted names a piece of code imports; `from bot.engine import ports` is bot.engine.ports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield whole if whole in MODULES else module


def at_start(tree: ast.Module) -> Iterator[str]:
    """Walk what is imported when the module is: not inside functions, not for type checkers alone."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            waiting.extend(node.orelse)
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(ast.Module(body=[node], type_ignores=[]))
        else:
            waiting.extend(ast.iter_child_nodes(node))


def within(name: str, allowed: str) -> bool:
    """Say whether a dotted name is `bot.<allowed>` or below it."""
    return name == f"bot.{allowed}" or name.startswith(f"bot.{allowed}.")


def wrong_imports(module: str, source: str) -> list[str]:
    """List what a module imports against the rule."""
    parts = module.split(".")
    folder = parts[1] if len(parts) > 1 else ""
    faults = []
    for name in imports(ast.parse(source)):
        top = name.split(".")[0]
        if top == "bot" and within(name, "tests"):
            faults.append(f"{module} imports {name}: the tests are not shipped")
        elif top == "bot":
            rule = MAY_IMPORT.get(folder)
            if rule is not None and not any(within(name, allowed) for allowed in (folder, *rule)):
                faults.append(f"{module} imports {name}: {folder} may import {', '.join(rule) or 'nothing of ours'}")
        elif folder in ONLY_MSGSPEC and top not in sys.stdlib_module_names and top != "msgspec":
            faults.append(f"{module} imports {name}: {folder} stands on the standard library and msgspec")
        if folder in PURE and top in IMPURE:
            faults.append(f"{module} imports {name}: {folder} is pure")
    return faults


def impure_calls(module: str, source: str) -> list[str]:
    """List calls that ask a clock (forbidden outside the shell) or the world (forbidden in pure folders)."""
    folder = [*module.split("."), ""][1]
    if folder not in MAY_IMPORT:
        return []
    faults = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today"):
            asked = ast.unparse(node.value).split(".")[-1]
            if asked in ("datetime", "date"):
                faults.append(f"{module}:{node.lineno} asks {asked}.{node.attr}: the moment is handed in")
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if folder in PURE and called in IMPURE_CALLS:
            faults.append(f"{module} calls {called}: {folder} is pure")
    return faults


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_module_imports_only_what_the_house_allows(path: Path) -> None:
    assert wrong_imports(name_of(path), path.read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_no_inner_module_asks_a_clock_or_the_world(path: Path) -> None:
    assert impure_calls(name_of(path), path.read_text()) == []


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_heavy_libraries_wait_until_they_are_needed(path: Path) -> None:
    """Design 24."""
    heavy = [name for name in at_start(ast.parse(path.read_text())) if name.split(".")[0] in HEAVY]
    assert heavy == []


def test_every_folder_has_a_rule() -> None:
    folders = {path.relative_to(ROOT / "bot").parts[0] for path in SOURCES if path.parent != ROOT / "bot"}
    assert folders <= {*MAY_IMPORT, *SHELL}


def test_every_library_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [text for name, wanted in project["optional-dependencies"].items() if name != "test" for text in wanted]
    declared = {text.split(">")[0].split("=")[0].split("[")[0].strip() for text in [*project["dependencies"], *extras]}
    known = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in declared} | BROUGHT_ALONG
    used = {name.split(".")[0] for path in SOURCES for name in imports(ast.parse(path.read_text()))}
    assert used - set(sys.stdlib_module_names) - {"bot"} <= known


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bot.domain.x", "from bot.pricing import black_scholes"),
        ("bot.pricing.x", "import bot.gates.safety"),
        ("bot.planners.x", "from bot.gates import GATES"),
        ("bot.gates.x", "def f():\n    from bot.planners.wheel import PLANNER"),
        ("bot.engine.x", "if TYPE_CHECKING:\n    from bot.store import journal"),
        ("bot.brokers.x", "from bot.markets import synthetic"),
        ("bot.brokers.x", "from bot.engine.tick import tick"),
        ("bot.store.x", "from bot.engine import tick"),
        ("bot.engine.x", "import bot"),
        ("bot.planners.x", "import random"),
        ("bot.gates.x", "from os import environ"),
        ("bot.domain.x", "import numpy"),
        ("bot.engine.x", "from typer import echo"),
        ("bot.cli", "from bot.tests.builders import NOON"),
    ],
)
def test_the_rule_catches_what_it_forbids(module: str, source: str) -> None:
    assert wrong_imports(module, source) != []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("bot.engine.x", "from datetime import time\nimport msgspec\nfrom bot.gates import GATES"),
        ("bot.brokers.x", "import sqlite3\nfrom bot.engine import ports\nfrom bot.engine.ports import Broker"),
        ("bot.cli", "import typer\nfrom bot.engine.tick import tick"),
        ("bot.markets.x", "from bot.pricing.black_scholes import price"),
    ],
)
def test_the_rule_allows_what_the_house_allows(module: str, source: str) -> None:
    assert wrong_imports(module, source) == []


def test_a_question_to_the_clock_is_caught_where_it_is_forbidden() -> None:
    asks = "import datetime\nx = datetime.datetime.now()\ny = datetime.date.today()"
    assert len(impure_calls("bot.gates.x", asks)) == 2
    assert len(impure_calls("bot.store.x", asks)) == 2
    assert impure_calls("bot.cli", asks) == []
    assert impure_calls("bot.engine.x", "at = world.now()") == []
    assert len(impure_calls("bot.planners.x", "print('hello')")) == 1


def test_an_early_heavy_import_is_told_from_a_late_one() -> None:
    assert list(at_start(ast.parse("try:\n    import numpy\nexcept ImportError:\n    pass"))) == ["numpy"]
    assert list(at_start(ast.parse("def f():\n    import numpy"))) == []
    assert list(at_start(ast.parse("if TYPE_CHECKING:\n    import pandas"))) == []
