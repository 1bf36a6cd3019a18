"""What goes wrong while the desk listens: kills, two pollers, a dead network, a held home, a revoked token (B051)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from bot.commands import chat_answering, chat_doing, listening
from bot.commands.chat_doing import PATIENCE_SECONDS
from bot.store.lock import held, home_lock
from bot.tests.commands.chatting import OPERATOR, Phone, code_in, phone_for
from bot.tests.commands.typed import AT, clock_at, new_home, typed
from bot.tests.talkers.chat_server import Fault
from bot.tests.talkers.telegram_server import CHAT, TOKEN


class Killed(BaseException):
    """The process died here."""


@pytest.fixture(scope="module")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    new_home(folder)
    assert typed(folder, "tick", "--at", AT, BOT_MODE="live").code == 0
    return folder


@pytest.fixture
def phone(pattern: Path, tmp_path: Path) -> Iterator[Phone]:
    with phone_for(copytree(pattern, tmp_path / "desk")) as one:
        yield one


def killed_at(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, after: bool) -> None:
    """Let the process die once, right before or right after one step."""
    step: Callable[..., Any] = getattr(module, name)
    left = [1]

    def dies(*words: Any, **named: Any) -> Any:
        if not left[0]:
            return step(*words, **named)
        left[0] = 0
        if after:
            step(*words, **named)
        raise Killed

    monkeypatch.setattr(module, name, dies)


@pytest.mark.parametrize(
    ("module", "name", "after", "done", "told"),
    [
        (chat_answering, "take_up", False, 1, "XLF: no new risk until"),
        (chat_answering, "take_up", True, 0, "/pause XLF of 12:02 New York was cut short: look at /status"),
        (chat_doing, "run_pause", False, 0, "/pause XLF of 12:02 New York was cut short: look at /status"),
        (chat_doing, "run_pause", True, 1, "/pause XLF of 12:02 New York was cut short: look at /status"),
        (chat_answering, "finish", False, 1, "/pause XLF of 12:02 New York was cut short: look at /status"),
        (chat_answering, "finish", True, 1, "/pause XLF of 12:02 New York was done: XLF: no new risk until"),
        (chat_answering, "fitted", False, 1, "/pause XLF of 12:02 New York was done: XLF: no new risk until"),
        (chat_answering, "answered", False, 1, "/pause XLF of 12:02 New York was done: XLF: no new risk until"),
        (chat_answering, "answered", True, 1, "XLF: no new risk until"),
    ],
)
def test_a_kill_between_any_two_steps_does_a_command_at_most_once_and_never_loses_it_in_silence(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool, done: int, told: str
) -> None:
    killed_at(monkeypatch, module, name, after=after)
    phone.write("/pause XLF", OPERATOR)
    with pytest.raises(Killed):
        phone.listen()
    phone.pass_seconds(10)
    assert phone.listen().code == 0
    assert phone.count("pauses") == done
    assert told in phone.shown()[-1]
    shown = len(phone.shown())
    assert phone.listen().code == 0
    assert (phone.count("pauses"), len(phone.shown())) == (done, shown), "it is told once"
    assert phone.count("commands WHERE answered_at IS NULL") == 0


@pytest.mark.parametrize(("name", "after"), [("use_code", False), ("use_code", True), ("do", False), ("do", True)])
def test_a_confirmed_stop_that_was_cut_short_is_told_and_its_code_is_used_up(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, name: str, after: bool
) -> None:
    code = code_in(phone.ask("/stop"))
    killed_at(monkeypatch, chat_answering, name, after=after)
    phone.write(code)
    with pytest.raises(Killed):
        phone.listen()
    phone.pass_seconds(5)
    assert phone.listen().code == 0
    which = "/confirm ******" if (name, after) == ("use_code", False) else "/stop (confirmed)"
    assert f"{which} of 12:02 New York was cut short: look at /status" in phone.shown()[-1]
    assert phone.count("halts") == (1 if (name, after) == ("do", True) else 0)
    if which != "/confirm ******":
        assert "nothing waits for a code" in phone.ask(code)


def test_a_message_that_comes_again_is_not_carried_out_again(phone: Phone) -> None:
    """(B051) a server that forgets what was confirmed, or that sends one message twice in an answer."""
    phone.write("/pause XLF")
    again = dict(phone.server.waiting[0])
    assert phone.listen().code == 0
    phone.server.waiting = [again, dict(again)]
    assert phone.listen().code == 0
    assert phone.count("pauses") == 1
    with phone.server_that_forgets(again):
        assert phone.listen().code == 0
    assert phone.count("pauses") == 1
    assert phone.count("commands") == 1


def test_numbers_that_begin_anew_after_a_quiet_week_are_heard(phone: Phone) -> None:
    """Telegram numbers messages at random after a week without any: an old number must not deafen the desk."""
    assert "halt: none" in phone.ask("/status")
    assert phone.listen().code == 0
    phone.now += timedelta(days=8)
    phone.server._next = 1000
    assert "halt: none" in phone.ask("/status")
    assert "halt: none" in phone.ask("/status")
    assert phone.count("commands") == 3


def test_a_second_listener_of_the_same_home_leaves_with_75(phone: Phone) -> None:
    with held(phone.home / "listen.lock", "the chat", "bot listen, since noon", "mend it"):
        done = phone.listen()
    assert done.code == 75
    assert "is in use by process" in done.err
    assert phone.server.asked == []


def test_a_second_home_with_the_same_token_leaves_with_75(phone: Phone, tmp_path: Path) -> None:
    """The lock of a token is the user's, whatever the home: Telegram would play two pollers against each other."""
    assert phone.listen().code == 0
    lock = next((phone.folder / "state" / "escapement").glob("telegram-*.lock"))
    assert TOKEN not in lock.name
    with held(lock, "this Telegram bot", "bot listen of another home", "mend it"):
        done = phone.listen()
    assert done.code == 75
    assert "this Telegram bot is in use by process" in done.err
    assert TOKEN not in lock.read_text()


def test_another_program_that_polls_is_named_and_not_fought(phone: Phone) -> None:
    phone.server.webhook = True
    done = phone.listen()
    assert done.code == 75
    assert "another program reads this bot's messages" in done.err
    assert "a bot of its own" in done.err
    assert sum("getUpdates" in one.path for one in phone.server.asked) == 1
    phone.server.webhook = False
    assert "halt: none" in phone.ask("/status")


@pytest.mark.parametrize(
    ("variables", "code", "words"),
    [
        ({"TELEGRAM_BOT_TOKEN": ""}, 78, "TELEGRAM_BOT_TOKEN is not set"),
        ({"TELEGRAM_BOT_TOKEN": "7654321:REVOKEDrevokedREVOKED"}, 78, "token revoked or wrong: ask @BotFather"),
        ({"TELEGRAM_CHAT_ID": "@somewhere"}, 78, "TELEGRAM_CHAT_ID: expected the number"),
        ({"TELEGRAM_CHAT_ID": ""}, 78, "TELEGRAM_CHAT_ID: expected the number"),
        ({"TELEGRAM_ADMINS": "", "TELEGRAM_OPERATORS": ""}, 78, "nobody may command"),
        ({"TELEGRAM_API_URL": "http://127.0.0.1:9"}, 75, "nothing was read; the next run asks again"),
    ],
)
def test_what_keeps_the_desk_from_listening_is_named_with_what_mends_it(
    phone: Phone, variables: dict[str, str], code: int, words: str
) -> None:
    phone.write("/pause XLF")
    done = phone.listen(**variables)
    assert done.code == code
    assert words in done.err
    assert "REVOKED" not in done.err
    assert TOKEN not in done.err
    assert phone.listen().code == 0, "the next run heals"
    assert phone.count("pauses") == 1


def test_a_chat_that_is_gone_is_named_and_what_was_done_is_told_once_it_is_back(phone: Phone) -> None:
    phone.server.blocked.add(CHAT)
    phone.write("/pause XLF")
    done = phone.listen()
    assert done.code == 78
    assert "open the chat with the bot and press Start" in done.err
    assert phone.count("pauses") == 1
    phone.server.blocked.clear()
    assert phone.listen().code == 0
    assert "/pause XLF of 12:02 New York was done: XLF: no new risk" in phone.shown()[-1]
    assert phone.count("pauses") == 1


@pytest.mark.parametrize("fault", [Fault(kind="garbage"), Fault(kind="status", status=502), Fault(kind="hang_up")])
def test_a_broken_answer_of_telegram_ends_the_run_and_the_next_one_reads(phone: Phone, fault: Fault) -> None:
    phone.write("/pause XLF")
    phone.server.faults = [fault]
    done = phone.listen()
    assert done.code == 75
    assert "the next run asks again" in done.err
    assert phone.listen().code == 0
    assert phone.count("pauses") == 1


def test_an_answer_telegram_may_have_taken_is_said_again_once(phone: Phone) -> None:
    phone.write("/pause XLF")
    phone.server.faults = [Fault(kind="hang_up", takes=True), Fault(kind="hang_up", takes=True)]
    assert phone.listen().code == 75
    phone.server.faults = []
    assert phone.listen().code == 0
    assert phone.count("pauses") == 1


def test_a_home_without_a_ledger_says_which_command_makes_one(tmp_path: Path) -> None:
    new_home(tmp_path / "desk")
    with phone_for(tmp_path / "desk") as phone:
        done = phone.listen()
    assert done.code == 75
    assert "run `bot tick --dry` once" in done.err


@pytest.mark.parametrize(
    ("words", "most", "freed_after", "state"),
    [
        ("/pause XLF", PATIENCE_SECONDS, 3, "done"),
        ("/pause XLF", PATIENCE_SECONDS, 10_000, "failed"),
        ("/halt no_new_risk", 250, 200, "done"),
        ("/halt no_new_risk", 250, 10_000, "failed"),
    ],
)
def test_a_tick_at_work_is_waited_for_and_said(
    phone: Phone, monkeypatch: pytest.MonkeyPatch, words: str, most: int, freed_after: int, state: str
) -> None:
    """The words of a chat take the home's lock as those of a keyboard do; what halts waits as long as a tick may."""
    waits: list[float] = []
    lock = home_lock(phone.home, "bot tick", phone.now)
    lock.__enter__()
    free = [False]

    def pause(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == freed_after:
            lock.__exit__(None, None, None)
            free[0] = True

    for name, value in phone.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(phone.folder)
    phone.write(words)
    with clock_at(phone.now):
        listening.run_listen("", seconds=0, pause=pause)
    if not free[0]:
        lock.__exit__(None, None, None)
    assert len(waits) == min(freed_after, most)
    assert phone.shown()[0] == f"a tick is at work, asking again: {words}"
    assert len(phone.shown()) == 2
    assert phone.rows()[-1][0] == state
    assert phone.count("pauses") + phone.count("halts") == (1 if state == "done" else 0)
    assert ("is in use by process" in phone.shown()[-1]) == (state == "failed")


def test_no_word_of_the_token_is_in_any_file_answer_or_output(phone: Phone) -> None:
    """(B055) the canary: through answers, faults, locks, log and ledger."""
    said = ""
    for text in ("/status", "/health", "/limits", f"/why {TOKEN}", f"/halt no_new_risk {TOKEN}", "/stop"):
        phone.write(text)
        done = phone.listen()
        said += done.out + done.err
        phone.pass_seconds(7)
    phone.server.webhook = True
    said += phone.listen().err
    secret = TOKEN.partition(":")[2]
    assert secret not in said + "".join(phone.shown())
    for path in phone.folder.rglob("*"):
        assert secret not in path.name
        assert not path.is_file() or secret.encode() not in path.read_bytes(), path
