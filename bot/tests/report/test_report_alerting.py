"""Every topic that has a source: what it says, how grave it is, what ends it (B012-B019). Facts in, alerts out."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from bot.domain import invariants as names
from bot.domain import topics
from bot.domain.alerts import Alert, KeptAlert
from bot.domain.halting import halt_of
from bot.domain.invariants import Invariant
from bot.domain.ledger import Halt, Panic, Pause
from bot.domain.noticed import (
    Blocked,
    ClosedTurn,
    EndedOrder,
    Noticed,
    SeenDrift,
    SeenEnd,
    SeenEvent,
    SeenFill,
    SeenGap,
    SeenIncome,
    SeenTick,
)
from bot.domain.trip import Trip
from bot.gates.judge import GATES
from bot.report.alert_events import event_alerts
from bot.report.alert_trades import BUDGETS, blocked_alerts, trade_alerts
from bot.report.alerting import Derived, derive
from bot.report.alerts_text import alert_lines, alert_object
from bot.store import kinds

AT = datetime(2026, 11, 20, 17, 0, tzinfo=UTC)
PUT = "XLF261224P00050000"
FILL = SeenFill(
    tick_id=7, order="d-1", symbol=PUT, side="sell", qty=Decimal(2), price=Decimal("0.52"), at=AT, strategy="wheel",
    purpose="cash_secured_put",
)  # fmt: skip
ORDER = EndedOrder(
    tick_id=7, at=AT, order="d-1", strategy="wheel", purpose="cash_secured_put", what=PUT, qty=Decimal(2),
    filled_qty=Decimal(0), state="refused", status="rejected", reason="not_permitted: level 1", asked=False,
)  # fmt: skip
TRIP = Trip(
    name="daily_loss_share", level="no_new_risk", value=Decimal("0.06"), limit=Decimal("0.05"), unit="fraction",
    clears="at the next session", tripped_at=AT,
)  # fmt: skip


def event(kind: str, number: int = 1, **facts: object) -> SeenEvent:
    return SeenEvent(number=number, at=AT, kind=kind, facts=facts)


def halt(level: str) -> SeenEvent:
    return SeenEvent(
        number=4, at=AT, kind=kinds.HALT,
        facts=msgspec.to_builtins(Halt(level=level, author="anna", reason="away", since=AT)),  # type: ignore[arg-type]
    )  # fmt: skip


def trip(what: str, words: str = "at the next session") -> SeenEvent:
    return event(kinds.TRIP, what=what, words=words, trip=msgspec.to_builtins(TRIP))


def only(found: Derived) -> Alert:
    assert len(found.alerts) == 1, [one.title for one in found.alerts]
    return found.alerts[0]


def tick(status: str, tick_id: int = 7, errors: tuple[str, ...] = ()) -> SeenTick:
    return SeenTick(tick_id=tick_id, at=AT, slot=AT, status=status, note="no answer", errors=errors)


SOURCES = {
    topics.ORDER_EXECUTED: Noticed(at=AT, fills=(FILL,)),
    topics.ORDER_FAILED: Noticed(at=AT, orders=(ORDER,)),
    topics.TRADE_FAILED: Noticed(at=AT, orders=(msgspec.structs.replace(ORDER, purpose="premium_stop"),)),
    topics.TRADE_PARTIAL_FOLLOWUP: Noticed(at=AT, orders=(
        msgspec.structs.replace(ORDER, state="done", status="canceled", filled_qty=Decimal(1), asked=True),)),
    topics.TRADE_COMPLETED: Noticed(at=AT, turns=(ClosedTurn(
        tick_id=7, id="c", symbol="XLF", strategy="wheel", opened_at=AT - timedelta(days=9), closed_at=AT,
        pnl=Decimal("81.20")),)),
    topics.TRADE_SETTLED: Noticed(at=AT, ends=(SeenEnd(
        tick_id=7, key="leg1", at=AT, symbol=PUT, qty=Decimal(-1), how="assigned", income=Decimal(50)),)),
    topics.TRADE_SETTLEMENT_TIMEOUT: Noticed(at=AT, invariants=(Invariant(
        name=names.OLDEST_UNKNOWN, value=Decimal(2700), unit="seconds", ok=False, since=AT, symbols=("XLF",)),)),
    topics.TRADE_BLOCKED: Noticed(at=AT, blocked=(Blocked(
        day="2026-11-20", gate="quote_is_fresh", opens=False, count=1, at=AT, tick_id=7, strategy="w", symbol="XLF",
        reason="a quote of 70 s"),)),
    topics.RISK_BLOCKED: Noticed(at=AT, blocked=(Blocked(
        day="2026-11-20", gate="stress_loss_within", opens=True, count=3, at=AT, tick_id=7, strategy="w", symbol="XLF",
        reason="too much"),)),
    topics.BUDGET_EXCEEDED: Noticed(at=AT, blocked=(Blocked(
        day="2026-11-20", gate="orders_within_day", opens=True, count=3, at=AT, tick_id=7, strategy="w", symbol="XLF",
        reason="20 of at most 20"),)),
    topics.RISK_WARNING: Noticed(at=AT, drill_lapses=AT + timedelta(days=1)),
    topics.AUTO_PAUSED: Noticed(at=AT, events=(trip("tripped"),)),
    topics.AUTO_RESUMED: Noticed(at=AT, events=(trip("cleared"),)),
    topics.OWNER_HALTED: Noticed(at=AT, events=(halt("stop"),)),
    topics.OWNER_RESUMED: Noticed(at=AT, events=(halt("run"),)),
    topics.POSITION_MISMATCH: Noticed(at=AT, drift=(SeenDrift(
        tick_id=7, symbol="XLF", what="100 fewer than ours", at=AT, gone=False),)),
    topics.RECONCILIATION_COMPLETED: Noticed(at=AT, drift=(SeenDrift(
        tick_id=8, symbol="XLF", what="100 fewer than ours", at=AT, gone=True),)),
    topics.HEALTH_REPORT: Noticed(at=AT, invariants=(Invariant(
        name=names.ORPHANS, value=Decimal(1), unit="orders", ok=False, since=AT),)),
    topics.DEAD_MAN_TRIGGERED: Noticed(at=AT, alarm=True, events=(
        event(kinds.ALARM, reason="no tick since noon", after_tick=7, good_needed=3),)),
    topics.RECORD_CHANGED: Noticed(at=AT, events=(event(kinds.ACCEPTED, author="anna", reason="a copy"),)),
    topics.TICK_FAILED: Noticed(at=AT, ticks=(tick("failed"),)),
    topics.TICK_MISSED: Noticed(at=AT, gaps=(SeenGap(
        number=1, tick_id=7, day=date(2026, 11, 20), first=AT, last=AT, slots=1),)),
    topics.BROKER_ERROR: Noticed(at=AT, ticks=(tick("done", errors=("no quotes",)),)),
    topics.CONFIG_APPROVED: Noticed(at=AT, events=(event(kinds.APPROVAL, author="anna", hash="ab" * 32),)),
    topics.DRILL_PLAYED: Noticed(at=AT, events=(
        event(kinds.DRILL, passed=0, scenes_passed=20, scenes_failed=2, removals_missed=0),)),
    topics.HOME_RESTORED: Noticed(at=AT, events=(event(kinds.RESTORE, backup="b.tar", head="ab", foreign=[]),)),
}  # fmt: skip
MADE_ELSEWHERE = {
    topics.APPROVAL_WANTED, topics.WATCHDOG_HEARTBEAT, topics.DEAD_MAN_SKIPPED, topics.UNIT_FAILED,
    topics.REPORT_UNKNOWN, topics.CHANNEL_DEAD, topics.CHAT_STRANGER,
}  # fmt: skip
"""Topics that a tick with proposals, the watch, a failed unit, the report, the sender and the chat make."""


@pytest.mark.parametrize("topic", SOURCES)
def test_each_topic_is_told_with_a_title_and_its_gravity(topic: str) -> None:
    one = only(derive(SOURCES[topic]))
    assert one.topic == topic
    assert one.title == one.title.strip()
    assert len(one.title) < 120
    assert "\n" not in one.title + one.words
    assert one.key.split()
    assert derive(SOURCES[topic]) == derive(SOURCES[topic]), "the same facts, the same alerts"


def test_every_topic_has_a_source_and_every_source_a_topic() -> None:
    assert set(SOURCES) | MADE_ELSEWHERE <= set(topics.SEVERITY_OF)
    missing = set(topics.SEVERITY_OF) - set(SOURCES) - MADE_ELSEWHERE
    assert not missing, f"nothing makes {missing}"


def test_a_fill_says_what_it_was_at_which_price_and_what_it_brought() -> None:
    one = only(derive(SOURCES[topics.ORDER_EXECUTED]))
    assert one.title == "Sold 2 XLF 50 put of 24 Dec 2026 at 0.52"
    assert one.words == "104.00 USD in before fees: cash secured put by wheel."


def test_what_we_cancelled_ourselves_is_nobodys_news_and_what_others_cancelled_is() -> None:
    ours = msgspec.structs.replace(ORDER, state="done", status="canceled", asked=True)
    assert not derive(Noticed(at=AT, orders=(ours,))).alerts
    theirs = only(derive(Noticed(at=AT, orders=(msgspec.structs.replace(ours, asked=False),))))
    assert "not by this program" in theirs.title
    assert theirs.severity == "warning"


def test_a_refused_exit_is_graver_than_a_refused_entry() -> None:
    assert only(derive(SOURCES[topics.ORDER_FAILED])).severity == "warning"
    exit_refused = only(derive(SOURCES[topics.TRADE_FAILED]))
    assert exit_refused.severity == "high"
    assert "still open" in exit_refused.words


def test_an_order_that_expired_unfilled_is_a_word_and_a_filled_one_is_told_by_its_fill() -> None:
    expired = msgspec.structs.replace(ORDER, state="done", status="expired", reason="settled")
    assert only(derive(Noticed(at=AT, orders=(expired,)))).severity == "info"
    filled = msgspec.structs.replace(ORDER, state="done", status="filled", filled_qty=Decimal(2))
    assert not list(trade_alerts(Noticed(at=AT, orders=(filled,))))


def test_income_names_its_share() -> None:
    income = SeenIncome(tick_id=7, key="a", kind="DIV", symbol="XLF", at=AT, amount=Decimal("31.50"))
    assert only(derive(Noticed(at=AT, income=(income,)))).title == "Dividend of XLF: +31.50 USD"


def test_a_gate_is_told_once_a_day_and_the_gates_that_count_exist() -> None:
    assert {name for name, _ in GATES} >= BUDGETS
    (one,) = blocked_alerts(SOURCES[topics.RISK_BLOCKED].blocked)
    assert (one.key, one.lasts, one.severity) == ("risk.blocked:2026-11-20:stress_loss_within", "once", "info")


def test_resume_ends_the_halt_and_has_seen_all_that_held_the_desk() -> None:
    open_keys = frozenset({"owner.halted:stop", "orchestrator.auto_paused:drawdown_reduce_only", "health.report:x"})
    found = derive(Noticed(at=AT, events=(halt("run"),), open=open_keys, invariants=(
        Invariant(name="x", value=Decimal(0), unit="orders", ok=True),)))  # fmt: skip
    assert "owner.halted:stop" in only(found).ends.split()
    assert found.acknowledged == (
        ("orchestrator.auto_paused:drawdown_reduce_only", "anna", AT),
        ("owner.halted:stop", "anna", AT),
    )  # fmt: skip
    assert found.ended == ("health.report:x",)


def test_a_trip_wire_that_clears_ends_its_alert() -> None:
    assert only(derive(SOURCES[topics.AUTO_RESUMED])).ends == only(derive(SOURCES[topics.AUTO_PAUSED])).key


def test_a_stronger_halt_takes_the_place_of_the_weaker() -> None:
    assert "owner.halted:reduce_only" in only(derive(SOURCES[topics.OWNER_HALTED])).ends.split()


def test_a_panic_is_one_alert_though_it_sets_a_halt_too() -> None:
    panic = Panic(at=AT, author="anna", reason="x", flatten=True)
    both = (
        event(kinds.HALT, 1, **msgspec.to_builtins(halt_of(panic))),
        event(kinds.PANIC, 2, **msgspec.to_builtins(panic)),
    )
    one = only(derive(Noticed(at=AT, events=both)))
    assert (one.key, one.severity) == ("owner.halted:panic", "high")
    ended = only(derive(Noticed(at=AT, events=(event(kinds.PANIC, 3, ended="x", author="anna", began="x"),))))
    assert ended.ends == one.key


def test_a_pause_says_until_when_in_new_york() -> None:
    pause = Pause(symbol="XLF", until=AT, reason="a merger")
    (one,) = event_alerts(Noticed(at=AT, events=(event(kinds.PAUSE, author="anna", **msgspec.to_builtins(pause)),)))
    assert one.words.startswith("a merger. No new risk on it until Fri 2026-11-20 12:00 New York")
    (lifted,) = event_alerts(Noticed(at=AT, events=(event(kinds.PAUSE, author="anna", symbol="*", lifted=2),)))
    assert lifted.title == "anna lifted the pause of every symbol"


def test_what_stands_is_told_when_it_begins_and_ends_without_a_word() -> None:
    broken = SOURCES[topics.HEALTH_REPORT]
    key = only(derive(broken)).key
    again = derive(msgspec.structs.replace(broken, open=frozenset({key})))
    assert (again.alerts, again.ended) == ((), ())
    mended = derive(Noticed(at=AT, open=frozenset({key})))
    assert (mended.alerts, mended.ended) == ((), (key,))


def test_a_warning_is_told_at_60_and_again_at_80_percent_and_not_once_it_tripped() -> None:
    calm = msgspec.structs.replace(TRIP, tripped_at=None)
    told = {}
    for value in ("0.02", "0.03", "0.04"):
        reading = msgspec.structs.replace(calm, value=Decimal(value))
        told[value] = [(one.key[-2:], one.severity) for one in derive(Noticed(at=AT, trips=(reading,))).alerts]
    assert told == {"0.02": [], "0.03": [("60", "info")], "0.04": [("60", "info"), ("80", "warning")]}
    assert not derive(Noticed(at=AT, trips=(TRIP,))).alerts


def test_failing_ticks_end_with_one_that_ends_well() -> None:
    key = only(derive(SOURCES[topics.TICK_FAILED])).key
    well = derive(Noticed(at=AT, ticks=(tick("done", 8),), open=frozenset({key, topics.BROKER_ERROR})))
    assert well.ended == (topics.BROKER_ERROR, key)
    still = derive(Noticed(at=AT, ticks=(tick("done", 8), tick("failed", 9)), open=frozenset({key})))
    assert still.ended == ()


def test_the_watchs_alarm_is_over_once_ticks_came_again() -> None:
    key = only(derive(SOURCES[topics.DEAD_MAN_TRIGGERED])).key
    over = only(derive(Noticed(at=AT, open=frozenset({key}))))
    assert (over.topic, over.ends) == (topics.AUTO_RESUMED, key)
    assert not derive(Noticed(at=AT, alarm=True, open=frozenset({key}))).alerts


def test_a_week_without_ticks_is_one_alert() -> None:
    gaps = tuple(
        SeenGap(number=day, tick_id=9, day=date(2026, 11, day), first=AT, last=AT, slots=26) for day in range(9, 14)
    )
    assert only(derive(Noticed(at=AT, gaps=gaps))).title == "130 slots of 5 sessions without a tick"


def test_a_halt_file_is_told_with_how_to_lift_it() -> None:
    file = Halt(level="stop", author="file", reason="by hand", since=AT, clears="remove the file /h/HALT")
    one = only(derive(Noticed(at=AT, halt_file=file)))
    assert (one.severity, one.words) == ("high", "To lift it: remove the file /h/HALT.")
    assert derive(Noticed(at=AT, open=frozenset({one.key}))).ended == (one.key,)


def test_the_list_is_narrow_keeps_commands_whole_and_says_what_to_type() -> None:
    words = "It " + "is so " * 12 + "`bot halt stop --reason WHY`, then look."
    alert = Alert(at=AT, topic=topics.AUTO_PAUSED, severity="critical", key="k", title="Tripped", words=words,
                  lasts="state")  # fmt: skip
    lines = alert_lines([KeptAlert(id=12, alert=alert, last_at=AT, times=4)], AT, "x/")
    assert lines[1].startswith("!! 12  12:00  CRITICAL  Tripped")
    assert any("`bot halt stop --reason WHY`" in line for line in lines)
    assert lines[-1] == "1 critical alert said again until you acknowledge: x/bot alerts ack 12"
    assert all(len(line) <= 100 for line in lines)
    shown = alert_object(KeptAlert(id=12, alert=alert, last_at=AT, times=4))
    assert (shown["id"], shown["stands"], shown["at"]) == (12, True, "2026-11-20T17:00:00+00:00")
