"""Mail over real SMTP on this machine: every answer, every fault, and what each proves."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.alerts import Delivered, Message
from bot.domain.channels import MailServer
from bot.talkers.mail import Mail, mail_bytes
from bot.tests.talkers.smtp_server import PASSWORD, USER, SmtpServer, certificate, smtp_server

AT = datetime(2026, 11, 20, 15, 41, tzinfo=UTC)
ALERT = Message(
    title="[main PAPER] CRITICAL: the record was changed", lines=("#12 safety.record_changed", ".", "Kündigung – ✓"),
    severity="critical", at=AT,
)  # fmt: skip
TWO = ("me@desk.example", "her@desk.example")


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificate(tmp_path_factory.mktemp("tls"))


def account(server: SmtpServer, **changes: Any) -> MailServer:
    given: dict[str, Any] = {
        "host": "127.0.0.1", "port": server.port, "security": "none", "user": USER, "sender": "bot@desk.example",
        "recipients": ("me@desk.example",),
    }  # fmt: skip
    return MailServer(**(given | changes))


def sent(server: SmtpServer, message: Message = ALERT, password: str = PASSWORD, **changes: Any) -> Delivered:
    mail = Mail(account(server, **changes), password, seconds=0.8)
    return mail.send(message, message_id="<escapement.12.abc@desk.example>")


def test_an_alert_arrives_as_plain_text_with_its_desk_in_the_subject() -> None:
    with smtp_server() as server:
        done = sent(server, recipients=TWO)
    assert (done.outcome, done.words, done.remote_id) == ("sent", "", "250 kept as 42")
    (mail,) = server.taken
    assert mail.subject == "[main PAPER] CRITICAL: the record was changed"
    assert (mail.sender, mail.recipients) == ("bot@desk.example", TWO)
    assert mail.mail.get_content_type() == "text/plain"
    assert mail.text.splitlines()[2:5] == list(ALERT.lines), "a lone dot and letters of any language arrive as they are"
    assert mail.mail["Message-ID"] == "<escapement.12.abc@desk.example>"
    assert (mail.mail["X-Priority"], mail.mail["Auto-Submitted"]) == ("1", "auto-generated")
    assert server.said[0] == "ehlo desk.example", "it does not tell this machine's name"


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_nothing_is_said_in_the_clear_where_tls_is_asked_for(
    security: str, contexts: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    ours, trusting = contexts
    with smtp_server(tls=ours, at_once=security == "tls") as server:
        there = account(server, host="localhost", security=security)
        done = Mail(there, PASSWORD, seconds=3, context=trusting).send(ALERT, message_id="<a@b>")
        assert done.outcome == "sent", done.words
        first = [line.split()[0].upper() for line in server.said]
    assert first[:2] == ["EHLO", "STARTTLS" if security == "starttls" else "AUTH"]
    assert len(server.taken) == 1


def test_a_certificate_that_nobody_vouches_for_gets_no_password(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    with smtp_server(tls=contexts[0]) as server:
        done = sent(server, host="localhost", security="starttls")
    assert done.outcome == "refused"
    assert "SSLCertVerificationError" in done.words
    assert not any("AUTH" in line for line in server.said)


def test_a_server_without_starttls_gets_no_password() -> None:
    with smtp_server() as server:
        done = sent(server, security="starttls")
    assert (done.outcome, server.taken) == ("refused", [])
    assert "no STARTTLS" in done.words
    assert "SMTP_SECURITY" in done.words
    assert not any("AUTH" in line for line in server.said)


def test_a_wrong_password_is_dead_with_its_fix_and_is_repeated_nowhere() -> None:
    with smtp_server() as server:
        done = sent(server, password="CANARYwrongCANARY")
    assert done.outcome == "dead"
    assert "SMTP_PASSWORD" in done.words
    assert "535" in done.words
    assert "CANARY" not in done.words, "this server repeats the password it was given"
    assert "CANARY" not in repr(Mail(account(server), "CANARYwrongCANARY"))


def test_a_user_without_a_password_is_dead_before_anything_is_said() -> None:
    with smtp_server() as server:
        done = sent(server, password="")
    assert (done.outcome, server.said) == ("dead", [])
    assert "SMTP_PASSWORD" in done.words


@pytest.mark.parametrize(
    ("answers", "outcome", "word"),
    [
        ({"greeting": "421 too busy"}, "refused", "421"),
        ({"greeting": "554 not for you"}, "refused", "554"),
        ({"AUTH": "454 later"}, "refused", "454"),
        ({"AUTH": "534 5.7.9 application password wanted"}, "dead", "5.7.9"),
        ({"MAIL": "451 later"}, "refused", "451"),
        ({"MAIL": "553 not yours"}, "refused", "SMTP_FROM"),
        ({"RCPT": "450 busy"}, "refused", "me@desk.example"),
        ({"RCPT": "550 nobody here"}, "dead", "me@desk.example was refused: 550 nobody here"),
        ({"DATA": "451 later"}, "refused", "451"),
        ({"body": "452 full"}, "refused", "452"),
        ({"body": "554 spam"}, "refused", "554"),
        ({"greeting": "drop"}, "refused", "connection"),
        ({"MAIL": "drop"}, "refused", "connection"),
        ({"DATA": "drop"}, "refused", "connection"),
        ({"body": "drop"}, "unknown", "may have been taken"),
        ({"body": "take, drop"}, "unknown", "may have been taken"),
        ({"body": "take, hang"}, "unknown", "may have been taken"),
        ({"body": "take, drip"}, "unknown", "may have been taken"),
        ({"greeting": "hang"}, "refused", "within"),
        ({"EHLO": "drip"}, "refused", "within"),
        ({"RCPT": "hang"}, "refused", "within"),
        ({"body": "999 what"}, "unknown", "999"),
    ],
)
def test_each_answer_is_worth_what_it_proves(answers: dict[str, str], outcome: str, word: str) -> None:
    with smtp_server(answers=answers) as server:
        began = perf_counter()
        done = sent(server)
        took = perf_counter() - began
    assert done.outcome == outcome, done.words
    assert word in done.words
    assert len(server.taken) == (1 if "take" in answers.get("body", "") else 0)
    assert took < 2.0, "the time covers the whole exchange, a server that drips included"


def test_one_bad_recipient_is_named_and_does_not_keep_the_mail_from_the_others() -> None:
    with smtp_server(answers={"RCPT her@desk.example": "550 5.1.1 no such user"}) as server:
        done = sent(server, recipients=TWO)
    assert done.outcome == "sent"
    assert "her@desk.example was refused: 550 5.1.1" in done.words
    assert server.taken[0].recipients == ("me@desk.example",)


def test_where_no_server_is_nothing_was_taken() -> None:
    with smtp_server() as server:
        gone = account(server)
    done = Mail(gone, PASSWORD, seconds=1).send(ALERT, message_id="<a@b>")
    assert (done.outcome, "SMTP_HOST" in done.words) == ("refused", True)


def test_a_server_can_drop_a_double_by_its_message_id() -> None:
    with smtp_server(drop_doubles=True) as server:
        assert sent(server).outcome == "sent"
        assert sent(server).outcome == "sent"
    assert len(server.taken) == 1


@given(title=st.text(max_size=300), line=st.text(max_size=300))
def test_no_words_make_a_header_of_their_own(title: str, line: str) -> None:
    message = Message(title=f"a\r\nBcc: evil@x.example{title}", lines=(line, "\r\n.\r\nMAIL FROM:<x>"), at=AT)
    server = MailServer(host="h", sender="bot@desk.example", recipients=TWO)
    head, _, body = mail_bytes(message, server, "<a@b>\r\nX-Evil: 1").partition(b"\r\n\r\n")
    names = [row.partition(b":")[0] for row in head.split(b"\r\n") if not row.startswith((b" ", b"\t"))]
    assert set(names) == {
        b"Subject", b"From", b"To", b"Date", b"Message-ID", b"Auto-Submitted", b"Content-Type",
        b"Content-Transfer-Encoding", b"MIME-Version",
    }  # fmt: skip

    assert b"\r\n".join(body.splitlines()) + b"\r\n" == body, "every line ends as mail's do"


def test_a_message_that_is_not_sent_in_time_is_not_sent_later(tmp_path: Path) -> None:
    with smtp_server(answers={"DATA": "hang"}) as server:
        done = sent(server)
        assert done.outcome == "refused"
        server.closing.set()
    assert server.taken == []
