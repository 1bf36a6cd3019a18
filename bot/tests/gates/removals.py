"""What the suite says when a guard is gone: each gate, each limit and each trip wire taken out of a process of its own.

`python -m bot.tests.gates.removals` takes every one of them out and names those that nobody misses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bot import gates
from bot.domain.checks import CheckResult, allowed
from bot.domain.desk import Desk, Limits
from bot.domain.drilling import drill_halt
from bot.domain.ledger import Halt
from bot.domain.orders import OrderIntent
from bot.engine import drilled, trips
from bot.gates import case

ROOT = Path(__file__).resolve().parents[3]
SUITE = (
    "bot/tests/gates/test_gates_limits.py", "bot/tests/gates/test_gates_table.py",
    "bot/tests/engine/test_engine_trips.py", "bot/tests/gates/test_gates_judge.py",
    "bot/tests/drill/test_drill_money.py",
)  # fmt: skip
"""The fast tests that hold gates, limits and trip wires; the first failure is enough."""


def guards() -> tuple[str, ...]:
    """Name every guard there is, from the lists and facts themselves."""
    found = [f"gate {name}" for name, _ in gates.GATES]
    found += [f"limit {field.name}" for field in msgspec.structs.fields(Limits)]
    return (*found, *(f"wire {wire.name}" for wire in trips.WIRES))


def take_out(guard: str) -> None:
    """Take one guard out of this process, for good: a gate allows, a limit is off, a trip wire is not read."""
    kind, name = guard.split(" ", 1)
    if kind == "gate":

        def open_gate(intent: OrderIntent, scene: case.Case) -> CheckResult:
            return allowed(name, "taken out")

        left = tuple((one, open_gate if one == name else gate) for one, gate in gates.GATES)
        module = sys.modules["bot.gates.judge"]  # its name in the package is the function's
        vars(gates)["GATES"] = vars(module)["GATES"] = left
        gates.judge_one.__defaults__ = (left,)
    elif kind == "wire":
        vars(trips)["WIRES"] = tuple(wire for wire in trips.WIRES if wire.name != name)
    else:
        _loosen(name)


def _loosen(key: str) -> None:
    """Let a limit be as if it were off, whatever the desk says; a permission is as if it were given."""
    flag = next(field.type for field in msgspec.structs.fields(Limits) if field.name == key) is bool
    looser: dict[str, Any] = {key: True if flag else None}
    read = trips.read_trips

    def limits_of(scene: case.Case) -> Limits:
        desk: Desk = scene.desk
        return msgspec.structs.replace(desk.limits, **looser)

    def loose_trips(former: Any, limits: Limits, seen: Any) -> Any:
        return read(former, msgspec.structs.replace(limits, **looser), seen)

    def loose_drill(passed: Any, days: Decimal | None, *rest: Any) -> Halt:
        return drill_halt(passed, None if key == "drill_age_days" else days, *rest)

    case.Case.limits = property(limits_of)  # type: ignore[assignment]
    trips.read_trips = loose_trips
    vars(drilled)["drill_halt"] = loose_drill


def missed(guard: str) -> bool:
    """Say whether the suite fails without a guard. Runs in a child of this process, which is left as it is."""
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        code = 70
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            os.chdir(ROOT)
            take_out(guard)
            code = int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--no-header", *SUITE]))
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 1), f"without {guard} the suite did not run: pytest ended with {code}"
    return code == 1


def unmissed(wanted: Iterable[str]) -> list[str]:
    """Name the guards whose removal no test notices."""
    return [guard for guard in wanted if not missed(guard)]


def main() -> None:
    """Take every guard out in turn and say which nobody missed."""
    every = guards()
    left = unmissed(every)
    print(f"{len(every)} guards taken out, {len(left)} unnoticed{': ' if left else ''}{', '.join(left)}")
    raise SystemExit(1 if left else 0)


if __name__ == "__main__":
    main()
