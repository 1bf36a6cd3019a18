"""Telegram over real HTTP: what is said arrives escaped and cut, what is written is read once, faults are named."""

from __future__ import annotations

import io
import logging
import traceback
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from functools import partial
from threading import Timer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Message
from bot.domain.errors import BotError
from bot.talkers.telegram import Telegram, Updates, read_updates
from bot.tests.talkers.chat_server import PNG, Fault
from bot.tests.talkers.telegram_server import CHAT, TOKEN, TelegramServer, telegram_server

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)


def bot(server: TelegramServer, token: str = TOKEN, seconds: float = 5.0) -> Telegram:
    """Give a bot that speaks to this server and waits for nothing."""
    return Telegram(token, server.address, seconds=seconds, pause=lambda _: None)


def test_a_message_arrives_as_it_was_meant_whatever_letters_it_has() -> None:
    with telegram_server() as server:
        message = Message(title="A < B & C", lines=("<b>x</b>", "next"), at=AT, silent=True)
        done = bot(server).say(CHAT, message)
        assert (done.outcome, done.remote_id) == ("sent", "100")
        (taken,) = server.taken
        assert taken["shown"] == "A < B & C\n<b>x</b>\nnext"
        assert taken["text"].startswith("<b>A &lt; B &amp; C</b>\n")
        assert taken["disable_notification"] is True
        assert taken["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize("text", ["x" * 9_000, "🔴" * 4_000, "<&>" * 3_000])
def test_a_long_text_is_cut_to_what_telegram_takes(text: str) -> None:
    with telegram_server() as server:
        assert bot(server).say(CHAT, text).outcome == "sent"
        assert bot(server).say(CHAT, Message(title=text, lines=(text, text), at=AT)).outcome == "sent"
        assert [one["shown"][-1] for one in server.taken] == ["…", "…"]


def test_a_picture_arrives_with_its_caption() -> None:
    with telegram_server() as server:
        assert bot(server).picture(CHAT, PNG + b"x", "a < b" * 400, silent=True).outcome == "sent"
        (taken,) = server.taken
        assert taken["files"] == {"photo": PNG + b"x"}
        assert (taken["shown"][:5], len(taken["shown"]), taken["disable_notification"]) == ("a < b", 1_024, "true")


def test_a_chat_that_cannot_be_written_to_is_dead_and_the_fix_is_named() -> None:
    with telegram_server((CHAT, "5", "6")) as server:
        server.blocked.add("5")
        server.moved["6"] = -1009
        for chat, words in (("404", "TELEGRAM_CHAT_ID"), ("5", "press Start"), ("6", "TELEGRAM_CHAT_ID=-1009")):
            done = bot(server).say(chat, "x")
            assert (done.outcome, words in done.words) == ("dead", True), done
        done = bot(server, "1234567:revokedrevokedrevoked").say(CHAT, "x")
        assert (done.outcome, "token revoked" in done.words) == ("dead", True)


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        (Fault("limit", seconds=700), "refused", "700 s"),
        (Fault("status", status=400, body=b'{"ok":false,"description":"Bad Request: strange"}'), "refused", "400"),
        (Fault("status", status=403, body=b"<html>"), "refused", "403"),
        (Fault("status", status=500), "unknown", "500"),
        (Fault("status", status=502, takes=True), "unknown", "502"),
        (Fault("hang_up", takes=True), "unknown", "broke"),
        (Fault("garbage", takes=True), "unknown", "200"),
        (Fault("garbage", body=b'{"ok":true,"result":[]}'), "unknown", "200"),
        (Fault("garbage", body=b'{"ok":false}'), "unknown", "200"),
        (Fault("large", takes=True), "unknown", "bytes"),
        (Fault("redirect"), "unknown", "307"),
        (Fault("slow", seconds=3, takes=True), "unknown", "no whole answer"),
        (Fault("drip", seconds=3, takes=True), "unknown", "no whole answer"),
    ],
)
def test_every_fault_is_told_by_what_it_proves(fault: Fault, outcome: str, words: str) -> None:
    with telegram_server() as server:
        server.faults = [fault]
        done = bot(server, seconds=0.4).say(CHAT, "x")
        assert (done.outcome, words in done.words, len(server.asked)) == (outcome, True, 1), done


def test_a_short_wait_is_kept_and_the_message_sent_once() -> None:
    slept: list[float] = []
    with telegram_server() as server:
        server.faults = [Fault("limit", seconds=7)]
        assert Telegram(TOKEN, server.address, pause=slept.append).say(CHAT, "x").outcome == "sent"
        assert slept == [pytest.approx(7, abs=0.2)]
        assert len(server.taken) == 1


def test_what_people_write_is_read_in_order_and_confirmed_by_the_next_offset() -> None:
    """(B050)"""
    with telegram_server() as server:
        first, second = server.write("/status", at=1_772_463_600), server.write("/pause now", user=8, name="anna")
        got = bot(server).updates(0, 0)
        assert [(one.id, one.chat, one.user, one.user_name, one.text) for one in got.updates] == [
            (first, CHAT, 7, "owner", "/status"), (second, CHAT, 8, "anna", "/pause now"),
        ]  # fmt: skip
        assert got.updates[0].at == AT
        assert (got.next_offset, got.words, got.conflict) == (second + 1, "", False)
        assert bot(server).updates(got.next_offset, 0) == Updates(next_offset=got.next_offset)
        assert server.waiting == []
        assert server.asked[0].fields["allowed_updates"] == ["message"]


def test_a_poll_waits_for_the_first_message_longer_than_other_requests_may() -> None:
    with telegram_server() as server:
        Timer(0.6, lambda: server.write("late")).start()
        assert [one.text for one in bot(server, seconds=0.4).updates(0, 5).updates] == ["late"]


def test_a_second_poller_learns_that_there_is_a_first() -> None:
    with telegram_server() as server:
        server.webhook = True
        got = bot(server).updates(0, 0)
        assert (got.conflict, got.updates, "another program" in got.words) == (True, (), True)


def test_what_is_no_message_by_a_person_is_skipped_counted_and_confirmed() -> None:
    with telegram_server() as server:
        good = server.write("/status")
        whole: dict[str, Any] = server.waiting[0]["message"]
        odd: list[Any] = [
            "text", None, {"update_id": "7"}, {"update_id": True}, {"update_id": 600_000},
            {"update_id": 600_001, "message": {**whole, "text": 5}},
            {"update_id": 600_002, "message": {**whole, "date": 10**30}},
            {"update_id": 600_003, "message": {**whole, "from": {**whole["from"], "is_bot": True}}},
        ]  # fmt: skip
        server.waiting += odd
        got = bot(server).updates(good, 0)
        assert ([one.id for one in got.updates], got.skipped, got.next_offset) == ([good], 8, 600_004)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("status", status=500), "500"),
        (Fault("garbage"), "200"),
        (Fault("hang_up"), "broke"),
        (Fault("limit", seconds=5), "wait"),
        (Fault("slow", seconds=3), "no whole answer"),
    ],
)
def test_a_poll_that_fails_says_why_and_confirms_nothing(fault: Fault, words: str) -> None:
    with telegram_server() as server:
        server.write("/status")
        server.faults = [fault]
        got = bot(server, seconds=0.4).updates(0, 0)
        assert (got.updates, got.next_offset, got.conflict, got.dead) == ((), 0, False, False)
        assert words in got.words
        assert "message" not in got.words
        assert len(bot(server).updates(0, 0).updates) == 1


def test_a_revoked_token_ends_polling() -> None:
    with telegram_server() as server:
        got = bot(server, "1234567:revokedrevokedrevoked").updates(0, 0)
        assert (got.dead, "token revoked" in got.words) == (True, True)


def test_ten_of_the_longest_messages_are_read_in_one_answer() -> None:
    """Letters beyond ASCII come as six each; an answer too large to read could never be confirmed."""
    with telegram_server() as server:
        for _ in range(12):
            server.write("🔴" * 2_048)
        got = bot(server).updates(0, 0)
        assert (len(got.updates), got.words) == (10, "")
        assert len(bot(server).updates(got.next_offset, 0).updates) == 2


def test_the_bot_and_the_chat_tell_their_names_without_a_message() -> None:
    with telegram_server() as server:
        assert (bot(server).me(), bot(server).chat_name(CHAT)) == ("@desk_bot", "Desk")
        with pytest.raises(BotError, match="chat not found: open the chat"):
            bot(server).chat_name("9")
        with pytest.raises(BotError, match="token revoked"):
            bot(server, "1234567:revokedrevokedrevoked").me()
        assert server.taken == []


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_word_of_the_token_is_in_anything_a_call_returns_raises_logs_or_prints(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    out, err = io.StringIO(), io.StringIO()
    said: list[str] = []
    faults = [
        Fault("status", status=401, body=b'{"ok":false}'), Fault("status", status=500), Fault("hang_up"),
        Fault("garbage"), Fault("large"), Fault("redirect"), Fault("slow", seconds=1), Fault("drip", seconds=1),
        Fault("limit", seconds=900), Fault("status", status=404, body=f'{{"ok":false,"x":"{TOKEN}"}}'.encode()),
    ]  # fmt: skip
    with telegram_server() as server, redirect_stdout(out), redirect_stderr(err):
        for api in (server.address, "http://127.0.0.1:1", "http://[", "nothing", "http://127.0.0.1:99999"):
            for fault in faults if api == server.address else [None]:
                one = Telegram(TOKEN, api, seconds=0.3, pause=lambda _: None)
                for call in (partial(one.say, CHAT, "x"), partial(one.updates, 0, 0), one.me,
                             partial(one.picture, CHAT, PNG, "x")):  # fmt: skip
                    server.faults = [fault] if fault else []
                    try:
                        said.append(repr(call()))
                    except BotError as error:
                        said += ["".join(traceback.format_exception(error)), repr(error), repr(one)]
    searched = "\n".join([*said, out.getvalue(), err.getvalue(), caplog.text])
    assert len(said) > 50
    assert [word for word in (TOKEN, TOKEN.split(":")[1], "/bot1234567") if word in searched] == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["update_id", "message", "chat", "from", "id", "text", "date"]), inner, max_size=6
        )
    ),
    max_leaves=30,
)


@given(st.lists(JSON, max_size=6), st.integers(0, 1_000))
def test_whatever_a_poll_gives_is_read_or_skipped_and_the_offset_never_falls(result: list[Any], offset: int) -> None:
    got = read_updates(result, offset)
    assert got.next_offset >= offset
    assert all(offset <= one.id < got.next_offset for one in got.updates)
    assert len({one.id for one in got.updates}) == len(got.updates)
