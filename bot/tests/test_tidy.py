"""The house stays tidy: sizes, docstrings, no leftovers, no secrets, no addresses where none belong."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = frozenset({
    ".git", ".venv", ".mypy_cache", ".ruff_cache", ".hypothesis", "__pycache__", "node_modules", "build", "data",
    "demo", "simulated",
})  # fmt: skip
TEXT_SUFFIXES = frozenset({".py", ".md", ".toml", ".sql", ".sh", ".lock", ".example", ".service", ".timer", ""})

LINE_WIDTH = 120
MODULE_LINES = 400
TEST_LINES = 700
FUNCTION_LINES = 70

# Modules that need no test file of their own, with the reason.
UNTESTED = {
    "bot/__main__.py": "every test of the command line goes through it in a process of its own",
}


def is_ours(path: Path) -> bool:
    """Say whether a path belongs to the project rather than to its tools or its runs."""
    parts = path.relative_to(ROOT).parts
    return not any(part in SKIPPED or part.endswith(".egg-info") for part in parts)


def name(path: Path) -> str:
    """Give a path as the project names it."""
    return path.relative_to(ROOT).as_posix()


PYTHON = sorted(path for folder in ("bot", "bench") for path in (ROOT / folder).rglob("*.py") if is_ours(path))
TESTS = [path for path in PYTHON if "tests" in path.relative_to(ROOT).parts]
SHIPPED = [path for path in PYTHON if path not in TESTS]
LOCKS = sorted(ROOT.glob("*.lock"))
TEXTS = sorted(
    path for path in ROOT.rglob("*") if is_ours(path) and path.suffix in TEXT_SUFFIXES and path.is_file()
)  # fmt: skip

# Spelled apart, so that this file does not hold what it looks for.
LEFTOVERS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(" + "|".join(("ro" + "ot", "wo" + "rk", "ho" + "me", "Us" + "ers")) + r")/\w")
SECRETS = re.compile(
    r"\b[PAC]K[A-Z0-9]{18,24}\b"  # a broker's key
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
    r"|\bxox[abps]-[A-Za-z0-9-]{10,}"
    r"|discord(app)?\.com/api/webhooks/\d"
    r"|\b\d{8,10}:[A-Za-z0-9_-]{35}\b"  # a chat robot's token
    r"|(?i:secret|token|password)\w*\s*[=:]\s*[\"']?[A-Za-z0-9/+]{32,}"
)


def public_definitions(tree: ast.Module) -> list[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """List the public classes and functions of a module."""
    return [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
    ]


def has_behaviour(tree: ast.Module) -> bool:
    """Say whether a module defines any function or method that does something."""
    return any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and ast.unparse(node.body[-1]) != "..."
        for node in ast.walk(tree)
    )


def module_of(path: Path) -> str:
    """Give the dotted name of a source file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imported(tree: ast.Module) -> set[str]:
    """Collect the dotted names a test imports, module and `module.name` alike."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_source_is_readable_on_one_screen(path: Path) -> None:
    lines = path.read_text().split("\n")
    assert [number for number, line in enumerate(lines, 1) if len(line) > LINE_WIDTH] == []
    assert [number for number, line in enumerate(lines, 1) if "\t" in line] == []
    most = TEST_LINES if path in TESTS else MODULE_LINES
    assert len(lines) <= most, f"{name(path)} has {len(lines)} lines: split it"


@pytest.mark.parametrize("path", PYTHON, ids=name)
def test_no_function_is_longer_than_seventy_lines(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


@pytest.mark.parametrize("path", SHIPPED, ids=name)
def test_everything_public_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree) or not tree.body, f"{name(path)} does not say what it is"
    assert [node.name for node in public_definitions(tree) if not ast.get_docstring(node)] == []


def modules_with_tests() -> set[str]:
    """Collect the modules that tests import, and the parts those are made of (of their own folder, or commands)."""
    found = {one for test in TESTS if test.name.startswith("test_") for one in imported(ast.parse(test.read_text()))}
    parts = {module_of(path): imported(ast.parse(path.read_text())) for path in SHIPPED}
    waiting = [module for module in parts if module in found]
    while waiting:
        module = waiting.pop()
        folder = module.rpartition(".")[0]
        for part in parts[module] & parts.keys() - found:
            if part.rpartition(".")[0] in (folder, "bot.commands"):
                found.add(part)
                waiting.append(part)
    return found


TESTED = modules_with_tests()
ASKED = [
    path for path in SHIPPED
    if name(path).startswith("bot/") and name(path) not in UNTESTED and has_behaviour(ast.parse(path.read_text()))
]  # fmt: skip


@pytest.mark.parametrize("path", ASKED, ids=name)
def test_every_module_that_does_something_is_tested(path: Path) -> None:
    """A test imports it, or imports the module of its folder that it is a part of."""
    assert module_of(path) in TESTED, f"no test imports {module_of(path)}; write one, or name it in UNTESTED with why"


def test_the_exceptions_still_exist() -> None:
    assert [path for path in UNTESTED if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_nothing_is_left_lying_about(path: Path) -> None:
    text = path.read_text()
    for what, pattern in (("a leftover", LEFTOVERS), ("a path of one machine", MACHINE_PATHS), ("a secret", SECRETS)):
        found = pattern.search(text)
        assert found is None, f"{name(path)} holds {what}: {found.group()!r}"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (LEFTOVERS, "# TO" + "DO: later"),
        (MACHINE_PATHS, 'open("/ho' + 'me/me/x")'),
        (SECRETS, "ALPACA_API_KEY=PK" + "ABCDEFGHIJKLMNOPQR"),
        (SECRETS, "ALPACA_SECRET_KEY=" + "a1B2" * 10),
        (SECRETS, "-----BEGIN RSA " + "PRIVATE KEY-----"),
    ],
)
def test_a_leftover_path_or_secret_would_be_found(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.parametrize("path", LOCKS, ids=name)
def test_a_lock_file_holds_versions_and_hashes_and_no_address(path: Path) -> None:
    pins = re.sub(r"\\\n\s*", "", path.read_text()).splitlines()
    pinned = re.compile(r"[a-z0-9][a-z0-9._-]*==[\w.!+]+( ; [^;]+?)? *(--hash=sha256:[0-9a-f]{64} *)+")
    assert [line for line in pins if not pinned.fullmatch(line)] == []


def test_both_lock_files_agree_and_cover_the_declared_dependencies() -> None:
    def pins(file: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for package, version in re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / file).read_text(), re.MULTILINE):
            found.setdefault(package, set()).add(version)
        return found

    runtime, everything = pins("requirements.lock"), pins("requirements-test.lock")
    assert {package: everything.get(package) for package in runtime} == runtime
    declared = set(re.findall(r'^\s+"([a-z][\w-]+)>=', (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
    assert {"typer", "pytest"} <= declared
    assert {package.replace("_", "-") for package in declared} <= set(everything)


def test_every_target_is_explained() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    promised = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    explained = {line.split(":")[0] for line in lines if re.match(r"[a-z-]+:.*## \w", line)}
    assert set(promised) == explained


def test_continuous_integration_runs_exactly_make_test() -> None:
    lines = (ROOT / ".ci/run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "make test"]
