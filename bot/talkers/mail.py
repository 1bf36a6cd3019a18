"""Mail by SMTP: one message to all recipients, and the truth about what came of it.

The time covers the whole exchange, name look-up and handshakes included. From the first byte of the message itself
until the server's answer to it nobody knows whether it was taken; before that it provably was not.
"""

from __future__ import annotations

import base64
import re
import socket
from contextlib import suppress
from datetime import datetime
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any

from bot.domain.alerts import Delivered, Message
from bot.domain.channels import MailServer

if TYPE_CHECKING:
    import ssl

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SUBJECT_LETTERS = 250
_SAID_LETTERS = 160
_CHECK = "check SMTP_HOST, SMTP_PORT and SMTP_SECURITY"


class Mail:
    """One mail server; `context` replaces the machine's trust in certificates."""

    def __init__(
        self, server: MailServer, password: str, *, seconds: float = 15.0, context: ssl.SSLContext | None = None
    ) -> None:
        self._server, self._password, self._seconds, self._context = server, password, seconds, context

    def __repr__(self) -> str:
        return "Mail(server)"

    def send(self, message: Message, *, message_id: str) -> Delivered:
        """Send one message; the same `message_id` (with its angle brackets) lets a server drop a double.

        dead: the server refuses the user, or every recipient for good. What it says of some recipients only is in
        the words of a message that was sent to the others.
        """
        if self._server.user and not self._password:
            return Delivered(outcome="dead", words="mail: SMTP_USER is set and SMTP_PASSWORD is not: set it, or none")
        try:
            content = mail_bytes(message, self._server, message_id)
        except ValueError:
            return Delivered(outcome="dead", words="mail: SMTP_FROM or SMTP_TO is no address that a header takes")
        one = _Exchange(self._server, self._password, content, self._seconds, self._context)
        thread = Thread(target=one.run, name="mail", daemon=True)
        thread.start()
        thread.join(self._seconds)
        return one.give_up()


def mail_bytes(message: Message, server: MailServer, message_id: str) -> bytes:
    """Write a message as mail: plain text in UTF-8, no header but ours whatever its words hold."""
    from email.message import EmailMessage
    from email.policy import SMTP
    from email.utils import format_datetime

    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = _header(message.title)
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = _header(message_id)
    mail["Auto-Submitted"] = "auto-generated"
    if message.severity == "critical":
        mail["X-Priority"] = "1"
    lines = [_CONTROL.sub(" ", line) for line in (message.title, "", *message.lines, "", _moment_line(message.at))]
    mail.set_content("\n".join(lines) + "\n", charset="utf-8")
    return mail.as_bytes()


def _header(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())[:_SUBJECT_LETTERS]


def _moment_line(at: datetime) -> str:
    return f"written {at:%Y-%m-%d %H:%M:%S} UTC"


LATER = 5.0


class _Exchange:
    """One exchange in a thread of its own, which whoever waits for it may abandon."""

    def __init__(
        self, server: MailServer, password: str, content: bytes, seconds: float, context: ssl.SSLContext | None
    ) -> None:
        self._server, self._password, self._content = server, password, content
        self._seconds, self._context = seconds, context
        self._lock = Lock()
        self._left = self._abandoned = False
        self._smtp: Any = None
        self._answer: Delivered | None = None
        self._refused: list[str] = []

    def give_up(self) -> Delivered:
        """Give the answer if there is one; else let the message not be sent any more, hang up and say so."""
        with self._lock:
            if self._answer is not None:
                return self._answer
            self._abandoned = True
            left, held = self._left, getattr(self._smtp, "sock", None)
        if held is not None:
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
        if left:
            return self._unknown(f"no answer to the message within {self._seconds:g} s")
        return Delivered(outcome="refused", words=f"mail: no whole exchange within {self._seconds:g} s; {_CHECK}")

    def run(self) -> None:
        """Send, and keep what came of it."""
        import smtplib

        try:
            answer = self._send()
        except smtplib.SMTPNotSupportedError:
            answer = self._refusal("the server offers no STARTTLS or no way to log in that is known here; " + _CHECK)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            kind = type(error).__name__
            answer = self._unknown(f"the connection broke ({kind})") if self._left else self._refusal(
                f"the connection failed ({kind}); {_CHECK}"
            )  # fmt: skip
        with self._lock:
            self._answer = answer
        with suppress(OSError, smtplib.SMTPException):
            if self._smtp is not None:
                self._smtp.putcmd("quit")  # nobody waits for its answer
        if self._smtp is not None:
            self._smtp.close()

    def _send(self) -> Delivered:
        import smtplib
        import ssl

        server = self._server
        context = self._context or (ssl.create_default_context() if server.security != "none" else None)
        timeout = self._seconds + LATER  # whoever waits for the whole exchange gives up first, and says why
        ours = server.sender.rpartition("@")[2]  # to be looked up by nobody: this machine's own name would be
        try:
            if server.security == "tls":
                smtp: smtplib.SMTP = smtplib.SMTP_SSL(server.host, server.port, ours, timeout=timeout, context=context)
            else:
                smtp = smtplib.SMTP(server.host, server.port, ours, timeout=timeout)
        except smtplib.SMTPConnectError as error:
            return self._refusal(f"the server takes no mail now: {self._said(error.smtp_code, error.smtp_error)}")
        self._smtp = smtp
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            code, said = smtp.starttls(context=context)
            if code != 220:
                return self._refusal(f"the server does not start TLS: {self._said(code, said)}")
            smtp.ehlo_or_helo_if_needed()
        if server.user:
            try:
                smtp.login(server.user, self._password)
            except smtplib.SMTPAuthenticationError as error:
                return self._login_failed(error.smtp_code, error.smtp_error)
        return self._hand_over(smtp)

    def _login_failed(self, code: int, said: bytes | str) -> Delivered:
        if 500 <= code < 600:
            advice = "check SMTP_USER and SMTP_PASSWORD (many providers want a password made for programs)"
            return Delivered(outcome="dead", words=f"mail: the login was refused: {self._said(code, said)}; {advice}")
        return self._refusal(f"no login now: {self._said(code, said)}")

    def _hand_over(self, smtp: Any) -> Delivered:
        """Name sender and recipients, then hand the message over."""
        code, said = smtp.mail(self._server.sender)
        if code != 250:
            return self._refusal(f"SMTP_FROM was refused: {self._said(code, said)}")
        codes = []
        for one in self._server.recipients:
            code, said = smtp.rcpt(one)
            codes.append(code)
            if code not in (250, 251):
                self._refused.append(f"{one} was refused: {self._said(code, said)}")
            if code == 421:
                break
        if not any(code in (250, 251) for code in codes):
            words = "mail: " + "; ".join(self._refused)
            if all(500 <= code < 600 for code in codes):
                return Delivered(outcome="dead", words=f"{words}; check SMTP_TO")
            return Delivered(outcome="refused", words=words)
        code, said = smtp.docmd("DATA")
        if code != 354:
            return self._refusal(f"the message was refused: {self._said(code, said)}")
        self._leaves()
        smtp.send(re.sub(rb"(?m)^\.", b"..", self._content) + b".\r\n")
        code, said = smtp.getreply()
        if code == 250:
            return Delivered(outcome="sent", remote_id=self._said(code, said), words="; ".join(self._refused))
        if 400 <= code < 600:
            return self._refusal(f"the message was refused: {self._said(code, said)}")
        return self._unknown(f"an answer that is none ({code})")

    def _leaves(self) -> None:
        """Mark that the message is about to leave; refuse where nobody waits any more."""
        with self._lock:
            if self._abandoned:
                raise TimeoutError("nobody waits for this message any more")
            self._left = True

    def _refusal(self, words: str) -> Delivered:
        return Delivered(outcome="refused", words=f"mail: {words}")

    def _unknown(self, words: str) -> Delivered:
        return Delivered(outcome="unknown", words=f"mail: {words}; it may have been taken")

    def _said(self, code: int, said: bytes | str) -> str:
        """Give a server's answer as one short line, without it where it repeats the password in any form."""
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        line = " ".join(_CONTROL.sub(" ", text).split())
        if self._password and any(form in line for form in self._forms()):
            return str(code)
        return f"{code} {line[:_SAID_LETTERS]}".strip()

    def _forms(self) -> tuple[str, ...]:
        plain = f"\0{self._server.user}\0{self._password}"
        return (self._password, *(base64.b64encode(one.encode()).decode() for one in (self._password, plain)))
