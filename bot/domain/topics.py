"""Every topic an alert can have, in one place, with how grave it is (B012-B019).

A topic is a word other programs may match on: it never changes once it was released.
"""

from __future__ import annotations

from typing import Final, Literal

Severity = Literal["info", "warning", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "high", "critical")

ORDER_EXECUTED: Final = "order.executed"
ORDER_FAILED: Final = "order.failed"
TRADE_COMPLETED: Final = "trade.completed"
TRADE_FAILED: Final = "trade.failed"
TRADE_SETTLED: Final = "trade.settled"
TRADE_SETTLEMENT_TIMEOUT: Final = "trade.settlement_timeout"
TRADE_BLOCKED: Final = "trade.blocked"
TRADE_PARTIAL_FOLLOWUP: Final = "trade.partial_followup"
APPROVAL_WANTED: Final = "approval.wanted"
RISK_BLOCKED: Final = "risk.blocked"
RISK_WARNING: Final = "risk.warning"
BUDGET_EXCEEDED: Final = "budget.exceeded"
AUTO_PAUSED: Final = "orchestrator.auto_paused"
AUTO_RESUMED: Final = "orchestrator.auto_resumed"
OWNER_HALTED: Final = "owner.halted"
OWNER_RESUMED: Final = "owner.resumed"
RECONCILIATION_COMPLETED: Final = "reconciliation.completed"
POSITION_MISMATCH: Final = "reconcile.position_mismatch"
WATCHDOG_HEARTBEAT: Final = "watchdog.heartbeat"
HEALTH_REPORT: Final = "health.report"
DEAD_MAN_TRIGGERED: Final = "safety.dms.triggered"
DEAD_MAN_SKIPPED: Final = "safety.dms.skipped"
RECORD_CHANGED: Final = "safety.record_changed"
TICK_FAILED: Final = "tick.failed"
TICK_MISSED: Final = "tick.missed"
UNIT_FAILED: Final = "unit.failed"
BROKER_ERROR: Final = "broker.error"
CONFIG_APPROVED: Final = "config.approved"
DRILL_PLAYED: Final = "drill.played"
HOME_RESTORED: Final = "home.restored"
REPORT_UNKNOWN: Final = "report.unknown"
CHANNEL_DEAD: Final = "alerts.channel_dead"
CHAT_STRANGER: Final = "chat.stranger"

SEVERITY_OF: Final[dict[str, Severity]] = {
    ORDER_EXECUTED: "info",
    ORDER_FAILED: "warning",
    TRADE_COMPLETED: "info",
    TRADE_FAILED: "high",
    TRADE_SETTLED: "info",
    TRADE_SETTLEMENT_TIMEOUT: "high",
    TRADE_BLOCKED: "info",
    TRADE_PARTIAL_FOLLOWUP: "info",
    APPROVAL_WANTED: "warning",
    RISK_BLOCKED: "info",
    RISK_WARNING: "warning",
    BUDGET_EXCEEDED: "info",
    AUTO_PAUSED: "critical",
    AUTO_RESUMED: "warning",
    OWNER_HALTED: "warning",
    OWNER_RESUMED: "info",
    RECONCILIATION_COMPLETED: "info",
    POSITION_MISMATCH: "high",
    WATCHDOG_HEARTBEAT: "info",
    HEALTH_REPORT: "high",
    DEAD_MAN_TRIGGERED: "critical",
    DEAD_MAN_SKIPPED: "warning",
    RECORD_CHANGED: "critical",
    TICK_FAILED: "warning",
    TICK_MISSED: "warning",
    UNIT_FAILED: "high",
    BROKER_ERROR: "warning",
    CONFIG_APPROVED: "info",
    DRILL_PLAYED: "info",
    HOME_RESTORED: "warning",
    REPORT_UNKNOWN: "warning",
    CHANNEL_DEAD: "high",
    CHAT_STRANGER: "warning",
}
"""How grave a topic is where its own facts do not say otherwise."""


FLAPPING: Final = frozenset({RISK_WARNING, TICK_FAILED, BROKER_ERROR})
"""Topics whose state comes and goes around a limit: one that comes back soon goes on, and is not told anew."""


def rank(severity: Severity) -> int:
    """Give how grave a severity is, from 0 up.

    >>> rank("critical") > rank("high") > rank("warning") > rank("info")
    True
    """
    return SEVERITIES.index(severity)
