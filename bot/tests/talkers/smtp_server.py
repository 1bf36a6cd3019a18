"""A mail server on this machine, written on sockets: it keeps what it took, and breaks in the ways mail servers do."""

from __future__ import annotations

import base64
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import pytest

USER, PASSWORD = "bot@desk.example", "CANARYmailCANARYmail"


class Mailed(NamedTuple):
    """One message as it came in."""

    sender: str
    recipients: tuple[str, ...]
    mail: EmailMessage
    raw: bytes

    @property
    def subject(self) -> str:
        return str(self.mail["Subject"])

    @property
    def text(self) -> str:
        return str(self.mail.get_content())


class SmtpServer:
    """Keeps every command in `said` and every message it took in `taken`.

    `answers` maps a step (greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, body, or RCPT and an address) to what it
    says there instead; "hang" never answers, "drop" hangs up, "take, hang" and "take, drop" take the message first.
    """

    def __init__(
        self, *, tls: ssl.SSLContext | None = None, at_once: bool = False, login: bool = True,
        answers: dict[str, str] | None = None, drop_doubles: bool = False,
    ) -> None:  # fmt: skip
        self.said: list[str] = []
        self.taken: list[Mailed] = []
        self.answers = answers or {}
        self.port = 0
        self.closing = Event()
        self._tls, self._at_once, self._login, self._drop_doubles = tls, at_once, login, drop_doubles

    @contextmanager
    def running(self) -> Iterator[None]:
        """Listen on a free port of this machine until the block ends."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        thread = Thread(target=self._accept, args=(listener,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closing.set()
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            thread.join(5)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                met, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._meet, args=(met,), daemon=True).start()

    def _meet(self, met: socket.socket) -> None:
        with suppress(OSError, _Over), _Talk(self, self.secured(met) if self._at_once else met, self._at_once) as talk:
            talk.run()

    def extensions(self, *, secure: bool) -> list[str]:
        """List what it can do."""
        found = ["8BITMIME"]
        if self._tls is not None and not secure:
            found.append("STARTTLS")
        if self._login and (secure or self._tls is None):
            found.append("AUTH PLAIN LOGIN")
        return found

    def keep(self, sender: str, recipients: tuple[str, ...], raw: bytes) -> None:
        """Keep a message, unless one with its Message-ID is here and it drops doubles."""
        mail = message_from_bytes(raw, policy=SMTP)
        if self._drop_doubles and any(one.mail["Message-ID"] == mail["Message-ID"] for one in self.taken):
            return
        self.taken.append(Mailed(sender, recipients, mail, raw))

    def secured(self, met: socket.socket) -> socket.socket:
        """Give a connection under TLS."""
        assert self._tls is not None
        return self._tls.wrap_socket(met, server_side=True)


class _Over(Exception):
    """This conversation has ended."""


class _Talk:
    """One conversation."""

    def __init__(self, server: SmtpServer, met: socket.socket, secure: bool) -> None:
        self._server, self._met, self._secure = server, met, secure
        self._lines = met.makefile("rb")

    def __enter__(self) -> _Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self._lines.close()
        self._met.close()

    def run(self) -> None:
        self._answer("greeting", "220 mail.example ESMTP")
        sender = ""
        recipients: list[str] = []
        while True:
            line = self._read()
            self._server.said.append(line)
            verb, _, rest = line.partition(" ")
            match verb.upper():
                case "EHLO":
                    lines = ["mail.example", *self._server.extensions(secure=self._secure)]
                    marked = [f"250{' ' if at == len(lines) - 1 else '-'}{one}" for at, one in enumerate(lines)]
                    self._answer("EHLO", "\r\n".join(marked))
                case "STARTTLS":
                    if self._answer("STARTTLS", "220 go ahead"):
                        self._lines.close()
                        self._met = self._server.secured(self._met)
                        self._lines, self._secure = self._met.makefile("rb"), True
                case "AUTH":
                    self._login(rest)
                case "MAIL":
                    if self._answer("MAIL", "250 ok"):
                        sender, recipients = rest[len("FROM:<") :].partition(">")[0], []
                case "RCPT":
                    address = rest[len("TO:<") :].partition(">")[0]
                    if self._answer(
                        f"RCPT {address}" if f"RCPT {address}" in self._server.answers else "RCPT", "250 ok"
                    ):
                        recipients.append(address)
                case "DATA":
                    if self._answer("DATA", "354 go on"):
                        self._body(sender, tuple(recipients))
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("502 not known here")

    def _body(self, sender: str, recipients: tuple[str, ...]) -> None:
        raw = b""
        while (line := self._lines.readline()) != b".\r\n":
            if not line:
                raise _Over
            assert line.endswith(b"\r\n"), "a bare line feed"
            raw += line[1:] if line.startswith(b".") else line
        wanted = self._server.answers.get("body", "")
        if not wanted or wanted.startswith(("take", "2")):
            self._server.keep(sender, recipients, raw)
        self._answer("body", "250 kept as 42")

    def _login(self, rest: str) -> None:
        kind, _, first = rest.partition(" ")
        if "AUTH" in self._server.answers:
            self._answer("AUTH", "")
            return
        if kind.upper() == "PLAIN":
            told = first or self._asked("")
            _, user, password = base64.b64decode(told).decode().split("\0")
        else:
            user = base64.b64decode(first or self._asked("VXNlcm5hbWU6")).decode()
            password = base64.b64decode(self._asked("UGFzc3dvcmQ6")).decode()
        if (user, password) == (USER, PASSWORD):
            self._say("235 2.7.0 welcome")
        else:
            self._say(f"535 5.7.8 not with {password}")  # as rude as a server may be

    def _asked(self, words: str) -> str:
        self._say(f"334 {words}")
        return self._read()

    def _answer(self, step: str, usual: str) -> bool:
        """Say what is usual at a step, or what it was told to; says whether that is consent."""
        words = self._server.answers.get(step, usual)
        if words.endswith("hang"):
            self._server.closing.wait(30)
            raise _Over
        if words.endswith("drop"):
            raise _Over
        if words == "drip":
            while not self._server.closing.is_set():
                self._met.sendall(b"2")
                time.sleep(0.02)
            raise _Over
        self._say(words)
        return words[:1] in "23"

    def _say(self, words: str) -> None:
        self._met.sendall(words.encode() + b"\r\n")

    def _read(self) -> str:
        line = self._lines.readline()
        if not line:
            raise _Over
        return line.decode().rstrip("\r\n")


@contextmanager
def smtp_server(**how: object) -> Iterator[SmtpServer]:
    """Run a mail server of its own for one test."""
    server = SmtpServer(**how)  # type: ignore[arg-type]
    with server.running():
        yield server


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for localhost with openssl; gives the server's context and one that trusts it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("a certificate for the test server needs openssl: none is here")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(cert, key)
    return ours, ssl.create_default_context(cafile=str(cert))
