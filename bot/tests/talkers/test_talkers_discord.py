"""A post to Discord over real HTTP: what arrives, what its limits are, and the truth about what did not."""

from __future__ import annotations

import io
import logging
import socket
import traceback
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Message
from bot.domain.errors import BotError
from bot.talkers.discord import Discord
from bot.talkers.http import exchange
from bot.talkers.shape import cut, escape, fit, length, message_shape, size
from bot.talkers.waiting import Waits, seconds_in
from bot.tests.talkers.chat_server import PNG, Fault
from bot.tests.talkers.discord_server import HOOK, TOKEN, discord_server, faults_of

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
PICTURE = PNG + b"picture"


def message(*lines: str, title: str = "Halted", **more: Any) -> Message:
    """Build a message."""
    return Message(title=title, lines=lines, at=AT, **more)


def test_a_message_arrives_once_with_mentions_off_and_its_number_comes_back() -> None:
    with discord_server() as server:
        done = Discord(server.url).post(message("equity 1_000", "@everyone *look*", severity="critical"))
        assert (done.outcome, done.remote_id.isdigit(), done.words) == ("sent", True, "")
        (taken,) = server.taken
        assert taken["waited"]
        assert taken["allowed_mentions"] == {"parse": []}
        assert taken["content"] == "**Halted**"
        assert taken["embeds"][0]["description"] == "equity 1\\_000\n@\u200beveryone \\*look\\*"
        assert taken["embeds"][0]["color"] == 0xD32F2F
        assert taken["embeds"][0]["timestamp"] == "2026-03-02T15:00:00+00:00"
        assert "flags" not in taken


def test_a_quiet_message_wakes_nobody() -> None:
    with discord_server() as server:
        Discord(server.url).post(message(silent=True))
        Discord(server.url).post(content="x", silent=True)
        assert [one["flags"] for one in server.taken] == [4096, 4096]


def test_a_picture_goes_along_with_its_words_for_those_who_do_not_see_it() -> None:
    with discord_server() as server:
        done = Discord(server.url).post(embeds=[{"title": "Day"}, {"title": "Month"}], png=PICTURE, alt="Equity rose")
        assert done.outcome == "sent"
        (taken,) = server.taken
        assert taken["files"] == {"files[0]": PICTURE}
        assert taken["attachments"] == [{"id": 0, "filename": "report.png", "description": "Equity rose"}]
        assert [one.get("image") for one in taken["embeds"]] == [None, {"url": "attachment://report.png"}]
        own: list[dict[str, Any]] = [{"title": "Day", "image": {"url": "attachment://a.png"}}, {"title": "Month"}]
        assert Discord(server.url).post(embeds=own, png=PICTURE, png_name="a.png").outcome == "sent"
        assert [one.get("image") for one in server.taken[1]["embeds"]] == [{"url": "attachment://a.png"}, None]
        assert Discord(server.url).post(png=PICTURE).outcome == "sent"


def test_an_empty_message_is_refused_without_a_request() -> None:
    with discord_server() as server:
        assert Discord(server.url).post().outcome == "refused"
        assert server.asked == []


@pytest.mark.parametrize("wait", [0.25, 12.5, 59.0])
def test_a_wait_of_a_minute_or_less_is_kept_and_the_message_sent_once(wait: float) -> None:
    slept: list[float] = []
    with discord_server() as server:
        server.faults = [Fault("limit", seconds=wait)]
        assert Discord(server.url, pause=slept.append).post(content="x").outcome == "sent"
        assert slept == [pytest.approx(wait, abs=0.2)]
        assert len(server.taken) == 1


def test_a_long_wait_is_given_back_and_kept_by_the_next_post_too() -> None:
    slept: list[float] = []
    with discord_server() as server:
        server.faults = [Fault("limit", seconds=600.5)]
        hook = Discord(server.url, pause=slept.append)
        for _ in range(2):
            done = hook.post(content="x")
            assert done.outcome == "refused"
            assert done.wait_seconds == pytest.approx(600.5, abs=1)
        assert (slept, len(server.asked)) == ([], 1)


def test_it_is_asked_three_times_and_waits_a_minute_at_most() -> None:
    slept: list[float] = []
    with discord_server() as server:
        server.faults = [Fault("limit", seconds=25)] * 4
        done = Discord(server.url, pause=slept.append).post(content="x")
        assert (done.outcome, len(server.asked)) == ("refused", 3)
        assert sum(slept) == pytest.approx(50, abs=1)
    with discord_server() as server:
        server.faults = [Fault("limit", seconds=40)] * 4
        assert Discord(server.url, pause=slept.append).post(content="x").outcome == "refused"
        assert len(server.asked) == 2


def test_ten_messages_into_a_narrow_limit_all_arrive_by_its_own_words() -> None:
    """X-RateLimit-Remaining and Reset-After are heeded, so that no 429 is earned."""
    with discord_server(per_window=5, window=0.4) as server:
        hook = Discord(server.url)
        assert {hook.post(content=f"m{n}").outcome for n in range(11)} == {"sent"}
        assert [one["content"] for one in server.taken] == [f"m{n}" for n in range(11)]
        assert len(server.asked) == 11


@pytest.mark.parametrize(
    ("fault", "outcome", "words"),
    [
        (Fault("status", status=404), "dead", "was deleted"),
        (Fault("status", status=404, body=b"<html>"), "dead", "DISCORD_WEBHOOK_URL"),
        (Fault("status", status=401, body=b'{"code": 50027}'), "dead", "refused its token"),
        (Fault("status", status=403, body=b'{"code": 50013}'), "dead", "not allowed"),
        (Fault("status", status=403, body=b"<html>blocked"), "refused", "not by its API"),
        (Fault("status", status=400, body=b'{"code": 50035}'), "refused", "50035"),
        (Fault("status", status=413), "refused", "413"),
        (Fault("status", status=429, body=b"error code: 1015", headers=(("Retry-After", "400"),)), "refused", "400 s"),
        (Fault("status", status=500), "unknown", "500"),
        (Fault("status", status=502, takes=True), "unknown", "502"),
        (Fault("hang_up"), "unknown", "connection broke"),
        (Fault("hang_up", takes=True), "unknown", "connection broke"),
        (Fault("garbage", takes=True), "unknown", "answered 200"),
        (Fault("garbage", body=b"[" * 100_000), "unknown", "answered 200"),
        (Fault("garbage", body=b'{"id": {}}'), "unknown", "answered 200"),
        (Fault("empty", takes=True), "unknown", "answered 200"),
        (Fault("large", takes=True), "unknown", "1,000,000 bytes"),
        (Fault("redirect"), "unknown", "307"),
        (Fault("garbage", body=b'{"id": "77", "type": "strange"}'), "sent", ""),
    ],
)
def test_every_fault_is_told_by_what_it_proves(fault: Fault, outcome: str, words: str) -> None:
    with discord_server() as server:
        server.faults = [fault]
        done = Discord(server.url, pause=lambda _: None).post(content="x")
        assert done.outcome == outcome
        assert words in done.words
        assert len(server.asked) == 1, "asked again, or followed elsewhere"


@pytest.mark.parametrize("kind", ["slow", "drip"])
def test_the_whole_exchange_has_one_deadline(kind: str) -> None:
    with discord_server() as server:
        server.faults = [Fault(kind, seconds=5, takes=True)]
        start = monotonic()
        done = Discord(server.url, seconds=0.3).post(content="x")
        assert monotonic() - start < 1.5
        assert (done.outcome, "0.3 s" in done.words) == ("unknown", True)


def closed_port() -> int:
    """Give a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_server_that_is_not_there_provably_has_nothing() -> None:
    done = Discord(f"http://127.0.0.1:{closed_port()}/api/webhooks/1/{TOKEN}").post(content="x")
    assert (done.outcome, "could not be reached" in done.words) == ("refused", True)


def test_a_handshake_that_fails_provably_sent_nothing() -> None:
    with discord_server() as server:  # it speaks no TLS
        done = Discord(server.url.replace("http:", "https:"), seconds=2).post(content="x")
        assert (done.outcome, server.asked) == ("refused", [])


def test_a_name_that_resolves_after_the_deadline_sends_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was told "refused" asks again: the first request must never leave after that."""
    look_up = socket.getaddrinfo

    def slow(*named: Any, **more: Any) -> Any:
        sleep(0.4)
        return look_up(*named, **more)

    with discord_server() as server:
        monkeypatch.setattr(socket, "getaddrinfo", slow)
        done = Discord(server.url, seconds=0.15).post(content="x")
        assert done.outcome == "refused"
        sleep(0.7)
        assert (server.asked, server.taken) == ([], [])


def test_the_environment_leads_no_request_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with discord_server() as server, discord_server() as other:
        monkeypatch.setenv("http_proxy", other.address)
        monkeypatch.setenv("HTTP_PROXY", other.address)
        assert Discord(server.url).post(content="x").outcome == "sent"
        assert other.asked == []


def test_the_webhook_tells_its_name_without_a_post() -> None:
    with discord_server() as server:
        assert Discord(server.url).me() == "Desk"
        server.deleted = True
        with pytest.raises(BotError, match="deleted; make a new webhook") as caught:
            Discord(server.url).me()
        assert TOKEN not in "".join(traceback.format_exception(caught.value))
        assert server.taken == []


ALL_FAULTS = [
    Fault("status", status=404), Fault("status", status=401, body=b'{"code": 1}'), Fault("status", status=500),
    Fault("hang_up"), Fault("garbage"), Fault("large"), Fault("redirect"), Fault("slow", seconds=1),
    Fault("drip", seconds=1), Fault("limit", seconds=0.1), Fault("limit", seconds=900),
]  # fmt: skip


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_word_of_the_address_is_in_anything_a_call_returns_raises_logs_or_prints(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    out, err = io.StringIO(), io.StringIO()
    said: list[str] = []
    with discord_server() as server, redirect_stdout(out), redirect_stderr(err):
        hooks = [Discord(server.url, seconds=0.3, pause=lambda _: None) for _ in ALL_FAULTS]
        bad = [
            f"http://127.0.0.1:{closed_port()}/api/webhooks/{HOOK}/{TOKEN}", f"https://127.0.0.1:1/{TOKEN}",
            f"http://[{TOKEN}", f"strange://{TOKEN}", TOKEN, f"http://{TOKEN}.invalid:99999/", f"http://\x00{TOKEN}/",
        ]  # fmt: skip
        for fault, hook in zip(ALL_FAULTS, hooks, strict=True):
            server.faults = [fault]
            said += [repr(hook.post(message("x"))), repr(hook), str(hook)]
        for url in bad:
            hook = Discord(url, seconds=0.3, pause=lambda _: None)
            said.append(repr(hook.post(content="x", png=PICTURE)))
            try:
                hook.me()
            except BotError as error:
                said += ["".join(traceback.format_exception(error)), repr(error)]
    searched = "\n".join([*said, out.getvalue(), err.getvalue(), caplog.text])
    assert len(said) > 40
    assert [word for word in (TOKEN, TOKEN.lower(), "webhooks/") if word in searched] == []


def test_other_users_of_the_library_keep_their_log(caplog: pytest.LogCaptureFixture) -> None:
    import requests

    caplog.set_level(logging.DEBUG)
    with discord_server() as server:
        Discord(server.url).post(content="x")
        assert "urllib3" not in "".join(record.name for record in caplog.records)
        with requests.Session() as session:
            session.get(f"{server.address}/plain", timeout=5)
        assert "/plain" in caplog.text


def test_an_exchange_left_behind_ends_soon_and_leaves_no_thread() -> None:
    import threading

    with discord_server() as server:
        server.faults = [Fault("drip", seconds=30)]
        assert exchange("GET", server.url, seconds=0.2).left
        for _ in range(50):
            if not any(one.name == "talker" for one in threading.enumerate()):
                return
            sleep(0.05)
    raise AssertionError("the hung-up exchange still runs")


def test_two_threads_post_through_one_hook_each_once() -> None:
    with discord_server(per_window=3, window=0.2) as server:
        hook = Discord(server.url)
        threads = [Thread(target=lambda: [hook.post(content="x") for _ in range(3)]) for _ in range(2)]
        for one in threads:
            one.start()
        for one in threads:
            one.join(20)
        assert len(server.taken) == 6


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("*a* _b_ ~c~ `d` |e|", "\\*a\\* \\_b\\_ \\~c\\~ \\`d\\` \\|e\\|"),
        ("<@123> <#4>", "\\<@123> \\<#4>"),
        ("[link](https://example.com)", "\\[link\\](https://example.com)"),
        ("# a\n> b\n- c\n1. d\n+ e", "\\# a\n\\> b\n\\- c\n1\\. d\n\\+ e"),
        ("@everyone @here a@b", "@\u200beveryone @\u200bhere a@b"),
        ("systemctl start bot-tick@desk", "systemctl start bot-tick@desk"),
        ("a\\b\x1b[31m\u202ex", "a\\\\b\\[31mx"),
    ],
)
def test_data_keeps_its_letters_and_no_meaning(data: str, shown: str) -> None:
    assert escape(data) == shown


def test_a_cut_text_keeps_within_its_length_and_says_that_it_was_cut() -> None:
    assert cut("a" * 300, 256) == "a" * 255 + "…"
    assert length(cut("🔴" * 300, 256)) <= 256
    assert cut("abc\\*def", 5) == "abc…"
    assert cut("abc", 0) == ""


def test_a_long_message_is_laid_on_pages_and_counts_what_it_leaves_out() -> None:
    lines = [f"line {number} " + "x" * 90 for number in range(200)]
    content, embeds = message_shape(message(*lines))
    assert faults_of({"content": content, "embeds": embeds, "allowed_mentions": {"parse": []}}) == []
    text = "\n".join(str(one["description"]) for one in embeds)
    shown = [line for line in lines if line in text]
    assert shown == lines[: len(shown)]
    assert text.endswith(f"… and {200 - len(shown)} more lines")
    assert len(text) > 5_500


def test_more_than_twenty_five_fields_go_on_in_a_next_embed() -> None:
    fields = [{"name": f"n{number}", "value": "v", "inline": True} for number in range(60)]
    embed = {"title": "T", "color": 5, "fields": fields, "footer": {"text": "f"}, "image": {"url": "https://x"}}
    _, fitted = fit("", [embed])
    assert [one["fields"] for one in fitted] == [fields[:25], fields[25:50], fields[50:]]
    assert [(one.get("title"), one["color"], "footer" in one, "image" in one) for one in fitted] == [
        ("T", 5, False, False), (None, 5, False, False), (None, 5, True, True),
    ]  # fmt: skip


def test_what_has_no_room_is_said_to_be_missing() -> None:
    _, fitted = fit("", [{"title": str(number)} for number in range(12)])
    assert (len(fitted), "more than fits" in fitted[-1]["footer"]["text"]) == (10, True)


LETTERS = st.text(st.sampled_from("ab *_\n🔴@é\u200b"), max_size=40)
LONG = st.builds(lambda text, times: text * times, LETTERS, st.sampled_from([1, 1, 10, 110]))
FIELD = st.fixed_dictionaries({"name": LONG, "value": LONG})
EMBED = st.fixed_dictionaries(
    {"color": st.integers(0, 0xFFFFFF)},
    optional={
        "title": LONG, "description": LONG, "fields": st.lists(FIELD, max_size=30),
        "footer": st.fixed_dictionaries({"text": LONG}),
        "author": st.fixed_dictionaries({"name": LONG}),
    },
)  # fmt: skip


@given(LONG, st.lists(EMBED, max_size=13))
def test_whatever_is_posted_keeps_discords_limits(content: str, embeds: list[dict[str, Any]]) -> None:
    short, fitted = fit(content, embeds)
    if short.strip() or fitted:
        assert faults_of({"content": short or "x", "embeds": fitted, "allowed_mentions": {"parse": []}}) == []
    assert size(fitted) <= 6_000


SHORT = st.text("ab*é🔴", min_size=1, max_size=20)
SMALL = st.builds(
    lambda title, words, fields: {"title": title, "description": words, "fields": fields},
    SHORT, SHORT, st.lists(st.fixed_dictionaries({"name": SHORT, "value": SHORT}), min_size=1, max_size=5),
)  # fmt: skip


@given(SHORT, st.lists(SMALL, max_size=5))
def test_what_keeps_the_limits_is_posted_as_it_was_written(content: str, embeds: list[dict[str, Any]]) -> None:
    assert fit(content, embeds) == (content, embeds)


@given(st.lists(LONG, max_size=60), LONG)
def test_whatever_a_message_says_keeps_discords_limits(lines: list[str], title: str) -> None:
    content, embeds = fit(*message_shape(message(*lines, title=title or "x")))
    assert faults_of({"content": content, "embeds": embeds, "allowed_mentions": {"parse": []}}) == []


@pytest.mark.parametrize(
    ("texts", "seconds"),
    [
        ((0.3, "9"), 0.3), ((None, "9"), 9.0), (("x", None), 30.0), ((float("inf"),), 30.0), ((-1,), 30.0),
        ((True,), 30.0), ((10**400,), 30.0), ((10**9,), 86_400.0), ((0,), 0.1),
    ],
)  # fmt: skip
def test_a_wait_is_read_or_taken_to_be_half_a_minute(texts: tuple[Any, ...], seconds: float) -> None:
    assert seconds_in(*texts) == seconds
    assert repr(Waits(sleep)).startswith("<bot.talkers")
