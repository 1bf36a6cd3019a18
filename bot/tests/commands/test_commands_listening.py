"""Commands by chat over real HTTP: every round trip, who may, codes, age, replay, rate (B050, B051)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shutil import copytree

import pytest

from bot.store.chain import verify
from bot.store.queries import open_for_questions
from bot.tests.commands.chatting import ADMIN, OPERATOR, STRANGER, Phone, code_in, phone_for
from bot.tests.commands.typed import AT, new_home, typed
from bot.tests.talkers.telegram_server import TOKEN


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk of two names that always asks, with one put on each waiting since noon."""
    folder = tmp_path_factory.mktemp("chat")
    desk = new_home(folder) / "desk.toml"
    desk.write_text(desk.read_text().replace('approve = "never"', 'approve = "always"'))
    assert typed(folder, "tick", "--at", AT, BOT_MODE="live").code == 0
    return folder


@pytest.fixture
def phone(pattern: Path, tmp_path: Path) -> Iterator[Phone]:
    with phone_for(copytree(pattern, tmp_path / "desk")) as one:
        yield one
        with open_for_questions(one.home) as ledger:
            assert list(verify(ledger.connection, one.home)) == []


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("/status", "2 proposals for your word: /approve"),
        ("/today", "equity 25,000.00"),
        ("/pnl", "drawdown 0.0 %"),
        ("/positions", "nothing is held"),
        ("/week", "nothing is held"),
        ("/why xlf", "wanted: sell 1 XLF put"),
        ("/why 1", "intent 1: sell_to_open 1"),
        ("/approve", "1: sell_to_open 1"),
        ("/health", "good, "),
        ("/limits", "order_loss_share"),
        ("/help", "/pause SYMBOL|* [DAYS]"),
    ],
)
def test_what_reads_answers_an_operator_and_changes_nothing(phone: Phone, command: str, shown: str) -> None:
    events = phone.count("events")
    assert shown in phone.ask(command, OPERATOR)
    assert phone.rows()[-1][:3] == ("done", command, "telegram owner 8")
    assert phone.count("events") == events


def test_a_word_by_chat_is_recorded_as_at_the_keyboard_with_who_spoke(phone: Phone) -> None:
    """(B050) halts, pauses and consents name the person; the chain has an event for each."""
    assert "halt level is no_new_risk: a <b> & c" in phone.ask("/halt no_new_risk a <b> & c", OPERATOR)
    assert "XLF: no new risk until 2026-11-20 12:02 New York" in phone.ask("/pause xlf 2", OPERATOR)
    assert "proposal 1" in phone.ask("/decline 1", OPERATOR)
    assert phone.rows("SELECT level, author, reason FROM halts") == [
        ("no_new_risk", "telegram owner 8", "a <b> & c")
    ]  # fmt: skip
    assert phone.rows("SELECT symbol, author FROM pauses") == [("XLF", "telegram owner 8")]
    assert phone.rows("SELECT status, author FROM proposals WHERE number = 1") == [("declined", "telegram owner 8")]
    assert "the pause is lifted" in phone.confirmed("/resume XLF")
    assert "halt level is run" in phone.confirmed("/resume")
    kinds = [kind for (kind,) in phone.rows("SELECT kind FROM events ORDER BY id DESC LIMIT 5")]
    assert sorted(kinds) == ["consent", "halt", "halt", "pause", "pause"]


def test_alerts_are_listed_and_acknowledged_by_number(phone: Phone) -> None:
    """(B050) the tick's two alerts say that the owner's word is wanted; commands in them are the chat's own."""
    listed = phone.ask("/alerts", OPERATOR)
    assert listed.count("WARNING Your word is wanted") == 2
    assert "/approve 1 sends it, /decline 1 does not" in listed
    number = listed.split(": WARNING Your word")[0].splitlines()[-1]
    assert f"acknowledged: {number}; " in phone.ask(f"/ack {number}", OPERATOR)
    assert "(known to telegram owner 8)" in phone.ask("/alerts", OPERATOR)
    assert "nothing was left to acknowledge" in phone.ask(f"/ack {number}", OPERATOR)
    assert "there is no alert 999" in phone.ask("/ack 999", OPERATOR)
    assert "acknowledge" in phone.ask("/ack all", OPERATOR)


def test_an_approval_by_chat_sends_the_order_and_says_so(phone: Phone) -> None:
    answer = phone.ask("/approve 2", OPERATOR)
    assert "proposal 2" in answer
    assert "sent, " in answer
    assert phone.rows("SELECT status, author FROM proposals WHERE number = 2") == [("sent", "telegram owner 8")]
    assert phone.count("orders") == 1
    assert "working: sell_to_open 1 XLF" in phone.ask("/positions", OPERATOR)
    assert "was approved and sent already" in phone.ask("/approve 2", OPERATOR)
    assert [row[0] for row in phone.rows()] == ["done", "done", "refused"]


def test_approving_all_is_pinned_to_what_stood_when_it_was_asked(phone: Phone) -> None:
    asked = phone.ask("/approve all")
    assert "/approve 1 2 wants your confirmation" in asked
    assert "1: sell_to_open" in asked
    assert phone.count("orders") == 0
    done = phone.ask(code_in(asked))
    assert "proposal 1" in done
    assert "sent, new" in done
    assert "new contracts in this tick: 2 of at most 1" in done
    assert phone.rows()[-1][1] == "/approve 1 2 (confirmed)"


def test_stop_wants_a_code_and_stops(phone: Phone) -> None:
    asked = phone.ask("/stop")
    assert "60 seconds" in asked
    assert phone.count("halts") == 0
    stopped = phone.ask(code_in(asked))
    assert "halt level is stop" in stopped
    assert "stops resting at the broker stay; /resume lifts it" in stopped
    assert phone.rows("SELECT level, author FROM halts") == [("stop", "telegram owner 7")]
    assert "nothing waits for a code" in phone.ask(code_in(asked))
    assert "HALT stop by telegram owner 7" in phone.ask("/status")


def test_a_code_is_for_one_person_for_a_minute_and_three_tries(phone: Phone) -> None:
    asked = phone.ask("/stop")
    code = code_in(asked)
    assert "nothing waits for a code" in phone.ask(code, OPERATOR)
    wrong = f"/confirm {(int(code[-6:]) + 1) % 1_000_000:06}"
    assert "2 more tries" in phone.ask(wrong)
    assert "1 more tries" in phone.ask(wrong)
    assert "the code is gone" in phone.ask(wrong)
    assert "nothing waits for a code" in phone.ask(code)
    late = phone.ask("/halt stop away")
    phone.pass_seconds(60)
    assert "ran out after 60 seconds" in phone.ask(code_in(late))
    assert phone.count("halts") == 0


def test_a_code_to_resume_lifts_no_halt_that_came_after_it_was_asked_for(phone: Phone) -> None:
    phone.ask("/halt no_new_risk dinner")
    asked = phone.ask("/resume")
    assert "halt level is no_new_risk" in phone.ask("/halt no_new_risk the broker looks odd", OPERATOR)
    answer = phone.ask(code_in(asked))
    assert "since you asked, telegram owner 8 set no_new_risk: nothing was lifted" in answer
    assert phone.rows("SELECT level FROM halts ORDER BY id DESC LIMIT 1") == [("no_new_risk",)]
    assert "halt level is run" in phone.confirmed("/resume")


def test_no_code_stands_in_the_ledger_in_the_clear(phone: Phone) -> None:
    code = code_in(phone.ask("/stop"))[-6:]
    phone.ask(f"/confirm {code}")
    tables = ("commands", "codes", "events")
    kept = "".join(str(row) for table in tables for row in phone.rows(f"SELECT * FROM {table}"))
    assert f"confirm {code}" not in kept
    assert f"'{code}'" not in kept


@pytest.mark.parametrize("command", ["/stop", "/resume", "/resume XLF", "/halt stop", "/halt reduce_only"])
def test_an_operator_cannot_do_what_an_admin_can(phone: Phone, command: str) -> None:
    assert "needs an admin" in phone.ask(command, OPERATOR)
    assert phone.count("halts") == phone.count("codes") == 0
    assert phone.rows()[-1][0] == "refused"


def test_a_stranger_gets_no_answer_and_one_row_a_day(phone: Phone) -> None:
    """(B051) whatever a stranger writes, nothing is sent; the same for a known person in another chat."""
    for text in ("/status", "/help", "/confirm 123456", "hello"):
        assert phone.ask(text, STRANGER) == ""
    assert phone.ask("/status", ADMIN, chat="7") == ""
    assert [(row[0], row[4]) for row in phone.rows()] == [("stranger", 4), ("stranger", 1)]
    assert "another chat" in phone.rows()[1][3]
    assert [row[0] for row in phone.rows("SELECT words FROM alerts WHERE topic = 'chat.stranger'")] == [
        "telegram owner 666 is not on the list of those who may; nothing was answered. If it is you: TELEGRAM_ADMINS, "
        "TELEGRAM_OPERATORS and TELEGRAM_CHAT_ID in .env say who may and where (this was chat -100200300)."
    ]
    phone.pass_seconds(86_400)
    phone.ask("/status", STRANGER)
    assert len(phone.rows()) == 3
    assert phone.count("alerts WHERE topic = 'chat.stranger'") == 2


def test_a_thousand_strangers_fill_fifty_rows_at_most(phone: Phone) -> None:
    for user in range(1000, 1070):
        phone.write("/start", user)
    for _ in range(7):
        assert phone.listen().code == 0
    assert len(phone.rows()) == 50
    assert sum(row[4] for row in phone.rows()) == 70


def test_a_message_older_than_a_minute_is_dropped_and_said_once(phone: Phone) -> None:
    phone.write("/stop", age=61)
    phone.write("/pause XLF", age=300)
    assert phone.listen().code == 0
    assert len(phone.shown()) == 1
    assert "/stop of 12:00 New York was dropped: older than 60 s: nothing was done" in phone.shown()[0]
    assert phone.listen().code == 0
    assert len(phone.shown()) == 1
    assert phone.count("pauses") == 0


def test_a_message_from_the_future_says_that_the_clock_is_wrong(phone: Phone) -> None:
    assert "set the clock" in phone.ask("/pause XLF", age=-120)
    assert phone.count("pauses") == 0


def test_ten_commands_a_minute_then_one_slow_down(phone: Phone) -> None:
    for _ in range(14):
        phone.write("/help", OPERATOR)
    phone.listen()
    phone.listen()
    assert len(phone.shown()) == 11
    assert "slow down" in phone.shown()[-1]
    phone.write("/pause XLF", OPERATOR)
    assert phone.listen().code == 0
    assert "XLF: no new risk" in phone.shown()[-1], "what takes risk away has room left"
    phone.pass_seconds(61)
    assert "/pause SYMBOL" in phone.ask("/help", OPERATOR)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("/stauts", "did you mean /status?"),
        ("/status now", "expected /status"),
        ("/status\n/stop", "one command a message"),
        ("/" + "a" * 5000, "a command has 300 characters at most"),
        ("/sta\u202etus", "halt: none"),
        ("\u200f/STATUS", "halt: none"),
        ("/status@desk_bot", "halt: none"),
        ("/pause XLF 0", "expected days from 1 to 365"),
        ("/pause ../../etc 1", "expected /pause SYMBOL"),
        ("/pause QQQQ", "QQQQ is not in this desk's universe"),
        ("/decline -1", "expected /decline N"),
        ("/approve \u0661", "expected /approve"),
        ("/halt run", "expected /halt no_new_risk"),
        ("/why <b>XLF</b>", "expected /why SYMBOL"),
        ("/why ZZZZ", "is no symbol, intent or order here"),
        ("/confirm 12345\u0666", "six digits"),
        ("/ <script>alert(1)</script>", "begins with a slash"),
    ],
)
def test_odd_words_are_answered_with_what_was_expected(phone: Phone, text: str, answer: str) -> None:
    assert answer in phone.ask(text)
    assert phone.count("pauses") == phone.count("halts") == 0


@pytest.mark.parametrize("text", ["/status@OtherBot", "good morning"])
def test_what_is_not_for_this_bot_is_passed_over(phone: Phone, text: str) -> None:
    assert phone.ask(text) == ""
    assert phone.rows() == []
    assert "halt: none" in phone.ask("/status")


def test_forwarded_edited_channel_and_robot_messages_are_not_taken(phone: Phone) -> None:
    """Only what a person of the list wrote themselves, as they wrote it first."""
    changes: tuple[dict[str, object], ...] = (
        {"forward_origin": {}}, {"forward_date": 1}, {"edit_date": 1}, {"sender_chat": {"id": 1}},
    )  # fmt: skip
    for change in changes:
        phone.write("/pause XLF")
        phone.server.waiting[-1]["message"] |= change
    phone.write("/pause XLF")
    phone.server.waiting[-1]["message"]["from"]["is_bot"] = True
    for kind in ("edited_message", "channel_post"):
        phone.write("/pause XLF")
        phone.server.waiting[-1][kind] = phone.server.waiting[-1].pop("message")
    assert phone.listen().code == 0
    assert phone.count("pauses") == 0
    assert phone.shown() == []
    assert "halt: none" in phone.ask("/status")


def test_a_name_and_a_reason_cannot_carry_markup_or_a_secret(phone: Phone) -> None:
    answer = phone.ask(f"/halt no_new_risk <i>{TOKEN}</i>", name="<b>\u202eowner\x00</b>")
    assert "(TELEGRAM_BOT_TOKEN)" in answer
    assert TOKEN not in answer
    assert phone.rows("SELECT author FROM halts") == [("telegram <b>owner</b> 7",)]
    for path in phone.home.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes(), path
