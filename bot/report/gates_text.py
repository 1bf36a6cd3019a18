"""A verdict's gates as lines: refusals first, each number against its limit with the room left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.checks import CheckResult
from bot.domain.orders import Verdict
from bot.report.words import bare, count, filled_text, limit_word, number, table

NEAREST_CHECKS = 6
NOT_MEANT = "does not apply"


def room(check: CheckResult) -> float:
    """Give the room left as a share of the limit; without a number there is no end of it."""
    if check.limit is None or check.distance is None:
        return float("inf")
    return float(check.distance) / max(abs(float(check.limit)), 1e-9)


def refusals_first(checks: Iterable[CheckResult]) -> list[CheckResult]:
    """Order a verdict's checks: refusals, then those with the least room for their limit, then those with no number."""
    return sorted(checks, key=lambda check: (check.ok, room(check)))


def nearest_checks(checks: Iterable[CheckResult], most: int = NEAREST_CHECKS) -> list[CheckResult]:
    """Pick the gates worth reading: every refusal, then those with the least room for their limit."""
    ordered = refusals_first(checks)
    refusals = sum(1 for check in ordered if not check.ok)
    limited = [check for check in ordered[refusals:] if check.limit is not None]
    return ordered[:refusals] + limited[: max(0, most - refusals)]


def has_number(check: CheckResult) -> bool:
    """Say whether a gate answered with a number or against a limit, rather than in words alone."""
    return check.value is not None or check.limit is not None


def answer(check: CheckResult) -> str:
    """Write a gate's answer in two letters."""
    return "ok" if check.ok else "NO"


def number_table(checks: Iterable[CheckResult]) -> list[str]:
    """Draw gates that answered with a number."""
    return table(
        ("", "gate", "number", "limit", "room"),
        [
            (
                answer(check), check.gate, number(check.value, check.unit) or "unknown",
                limit_word(check.limit, check.unit), bare(check.distance, check.unit),
            )
            for check in checks
        ],
        right=frozenset({2, 3, 4}),
    )  # fmt: skip


def gate_lines(verdict: Verdict, *, everything: bool = False, limited: bool = False) -> list[str]:
    """Draw one verdict's nearest gates, every one with a limit, or all; in gate order but for the nearest.

    Those that answered in words alone stand below.
    """
    chosen = list(verdict.checks) if everything else nearest_checks(verdict.checks)
    if limited and not everything:
        chosen = [check for check in verdict.checks if not check.ok or check.limit is not None]
    lines = number_table(check for check in chosen if has_number(check))
    lines += [f"  {answer(check)}  {check.gate}: {check.reason}" for check in chosen if not has_number(check)]
    rest = len(verdict.checks) - len(chosen)
    return [*lines, f"  and {count(rest, 'more gate')} allowed it"] if rest > 0 else lines


def check_lines(checks: Sequence[CheckResult]) -> list[str]:
    """Draw every gate: those with a number by the room left, those that answered in words, those not meant for it."""
    ordered = refusals_first(checks)
    wordy = [check for check in ordered if not has_number(check)]
    idle = [check for check in wordy if check.ok and check.reason.startswith(NOT_MEANT)]
    lines = number_table(check for check in ordered if has_number(check))
    for check in wordy:
        if check not in idle:
            lines += filled_text(f"{check.gate}: {check.reason}", f"  {answer(check)}  ", " " * 6)
    if idle:
        lines += filled_text(f"does not apply: {', '.join(check.gate for check in idle)}", "  ok  ", " " * 6)
    return lines
