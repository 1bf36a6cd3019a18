"""Two decisions side by side: each field that differs is named, with its gate or planner, and nothing else is."""

from __future__ import annotations

from datetime import date

from msgspec.structs import replace

from bot.domain.checks import CheckResult
from bot.domain.ledger import Panic
from bot.domain.orders import Verdict
from bot.domain.strategy import Note, Plan, Planner, Strategy
from bot.engine.replay import Chosen, Decided, decide_again, differences, place_of, ways_to_decide
from bot.report.replay_text import FilledDesk, PlaceCount, ReplayedTick, ReplayReport, replay_lines
from bot.tests.builders import NOON, D, a_desk, a_snapshot, an_intent, put

SERIES = put("XLF", date(2026, 12, 18), "50")


def check(value: str = "0.2", **given: object) -> CheckResult:
    return replace(
        CheckResult(gate="symbol_share_within", ok=False, reason="too much", value=D(value), limit=D("0.1")), **given
    )


def a_verdict(*checks: CheckResult, **given: object) -> Verdict:
    return Verdict(intent=replace(an_intent(SERIES), **given), checks=checks or (check(),))


def note(reason: str = "no contract", value: str = "1") -> Note:
    return Note(strategy="wheel", symbol="XLF", subject="put", reason=reason, value=D(value), unit="usd")


def decided(*verdicts: Verdict, notes: tuple[Note, ...] = ()) -> Decided:
    return Decided(verdicts, notes)


def test_equal_decisions_do_not_differ() -> None:
    one = decided(a_verdict(), notes=(note(), note("again")))
    assert differences(one, one) == ()


def test_one_number_of_one_gate_is_one_difference() -> None:
    (found,) = differences(decided(a_verdict(check())), decided(a_verdict(check("0.25"))))
    assert (found.part, found.place, found.field, found.was, found.now) == (
        "gate", "symbol_share_within", "value", "0.2", "0.25",
    )  # fmt: skip
    assert "XLF261218P00050000" in found.subject
    assert place_of(found) == "gate symbol_share_within"


def test_a_gate_that_was_not_asked_is_named() -> None:
    found = differences(decided(a_verdict(check())), decided(a_verdict(check(gate="new_gate"))))
    assert [(one.place, one.was, one.now) for one in found] == [
        ("symbol_share_within", "asked", "not asked"), ("new_gate", "not asked", "asked"),
    ]  # fmt: skip


def test_what_a_planner_changed_is_laid_to_the_planner_and_not_to_every_gate() -> None:
    was = a_verdict(check("0.2"), limit_price=D("0.60"), numbers=(("delta", "0.25"),))
    now = a_verdict(check("0.9"), limit_price=D("0.55"), numbers=(("delta", "0.20"), ("new", "1")))
    found = differences(decided(was), decided(now))
    assert {place_of(one) for one in found} == {"planner wheel"}
    assert [(one.field, one.was, one.now) for one in found] == [
        ("limit_price", "0.6", "0.55"), ("number delta", "0.25", "0.20"), ("number new", "none", "1"),
    ]  # fmt: skip


def test_wishes_that_come_and_go_and_notes_that_change_are_named() -> None:
    other = a_verdict(key="another", purpose="covered_call")
    found = differences(decided(a_verdict(), notes=(note(),)), decided(other, notes=(note(value="2"), note("more"))))
    assert [(one.part, one.field, one.was, one.now) for one in found] == [
        ("intent", "wish", "wanted", "not wanted"), ("intent", "wish", "not wanted", "wanted"),
        ("note", "value", "1", "2"), ("note", "note", "nothing said", "more"),
    ]  # fmt: skip


def test_another_order_of_judgement_is_a_difference_of_its_own() -> None:
    one, two = a_verdict(), a_verdict(key="two")
    (found,) = differences(decided(one, two), decided(two, one))
    assert place_of(found) == "order of judgement"


def test_who_planned_alone_plans_alone_again_and_is_tried_only_where_a_person_spoke() -> None:
    def says(name: str) -> Strategy:
        def plan(_snapshot: object, _params: object) -> Plan:
            return Plan(notes=(Note(strategy=name, symbol="*", subject="-", reason=name),))

        return Strategy(name, Planner(name, type(None), lambda *_: (), plan), None, 0, while_flattening=True)

    chosen = Chosen(a_desk("XLF"), (says("wheel"),), (says("panic"),), (says("approved"),))
    quiet = a_snapshot()
    assert [one.reason for one in decide_again(quiet, chosen).notes] == ["wheel"]
    assert [one.reason for one in decide_again(quiet, chosen, "panic").notes] == ["panic"]
    assert [one.reason for one in decide_again(quiet, chosen, "approved").notes] == ["approved"]
    assert ways_to_decide(quiet) == ("",)
    panic = Panic(at=NOON, author="owner", reason="a test", flatten=False)
    assert ways_to_decide(replace(quiet, books=replace(quiet.books, panic=panic))) == ("", "panic")


def test_the_report_tells_what_differs_and_where() -> None:
    found = differences(decided(a_verdict(check())), decided(a_verdict(check("0.25"))))
    shown = ReplayedTick(tick=7, at=NOON, outcome="other_code", code="0.0.9 (aa)", differences=found * 20)
    report = ReplayReport(
        home="home", asked="tick 7", ticks=2, first_at=NOON, last_at=NOON, counts={"same": 1, "other_code": 1}, dry=1,
        alone={"panic": 1}, codes={"0.0.9 (aa)": 2}, code="0.1.0 (bb)", shown=(shown,), seconds=0.5,
        places=(PlaceCount(place="gate symbol_share_within", ticks=1, first=7, outcome="other_code"),),
        filled=(FilledDesk(config="abc", keys=("limits.a", "limits.b", "limits.c", "limits.d")),),
    )  # fmt: skip
    text = "\n".join(replay_lines(report))
    for words in (
        "2 ticks by 0.0.9 (aa); this program is 0.1.0 (bb)", "only the panic planned", "lacks 4 keys of today",
        "recorded 0.2   now 0.25", "and 8 more fields", "4 ticks a second", "ticks that other code decided",
    ):  # fmt: skip
        assert words in text, words
