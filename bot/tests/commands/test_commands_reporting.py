"""`bot report --post` over real HTTP and SMTP: once a day and channel, whatever breaks on the way (C006)."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.commands import reporting
from bot.commands.simulating import Choice, chosen_sessions, make_home, simulate
from bot.store.alerting import list_alerts, open_outbox
from bot.store.database import moment_text
from bot.tests.commands.typed import SATURDAY, Done, new_home, typed
from bot.tests.talkers.chat_server import PNG, Fault
from bot.tests.talkers.discord_server import TOKEN as HOOK_TOKEN
from bot.tests.talkers.discord_server import DiscordServer, discord_server
from bot.tests.talkers.smtp_server import smtp_server
from bot.tests.talkers.telegram_server import CHAT, TOKEN, telegram_server

ROOT = Path(__file__).resolve().parents[3]
EVENING = datetime(2026, 11, 18, 22, 30, tzinfo=UTC)
"""When the timer asks: after the close of the last simulated session."""
NOON = datetime(2026, 11, 18, 17, 0, tzinfo=UTC)
SESSIONS = 4


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of a home in which four sessions ran."""
    folder = tmp_path_factory.mktemp("reporting")
    (folder / ".env").write_text(f"BOT_HOME={folder / 'data'}\n")
    choice = Choice(
        days=SESSIONS, until="2026-11-18", home=str(folder / "data"), seed=1, profile="balanced", equity="", symbols=""
    )
    house = make_home(str(folder / ".env"), choice)
    simulate(house, chosen_sessions(choice.days, choice.until, SATURDAY))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """Give a copy of that home of its own."""
    shutil.copytree(made / "data", tmp_path / "data")
    (tmp_path / ".env").write_text("BOT_HOME=data\n")
    (tmp_path / ".env").chmod(0o600)
    return tmp_path


@pytest.fixture
def drawn() -> None:
    """Let a test have its picture drawn; the others get a small one that stands."""


@pytest.fixture(autouse=True)
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the drawing out of tests that are about posting."""
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(reporting, "picture", lambda report, points: PNG)


@pytest.fixture
def discord() -> Iterator[DiscordServer]:
    """Run a webhook."""
    with discord_server() as server:
        yield server


def post(folder: Path, discord: DiscordServer | None, *words: str, now: datetime = EVENING, **named: str) -> Done:
    """Type `bot report --post` at a moment, with a webhook where there is one."""
    if discord is not None:
        named["DISCORD_WEBHOOK_URL"] = discord.url
    return typed(folder, "report", "--post", *words, now=now, **named)


def rows(folder: Path) -> list[tuple[Any, ...]]:
    """Give the reports of a home's outbox."""
    with open_outbox(folder / "data") as database:
        return database.connection.execute(
            "SELECT channel, \"key\", state, attempts FROM outbox WHERE kind = 'report' ORDER BY id"
        ).fetchall()


def alerts(folder: Path) -> list[str]:
    """Give the topics of the alerts that were kept."""
    with open_outbox(folder / "data") as database:
        return [one.alert.topic for one in list_alerts(database.connection, 50, everything=True)]


def test_the_days_report_arrives_with_its_picture_and_wakes_nobody_on_a_green_day(
    folder: Path, discord: DiscordServer, drawn: None
) -> None:
    done = post(folder, discord)
    assert (done.code, len(discord.taken)) == (0, 1), done.err
    said = discord.taken[0]
    assert said["waited"]
    assert said["content"].startswith("SIMULATED MONEY · GREEN · Wed 18 Nov 2026 · day ")
    assert said["embeds"][0]["title"] == "SIMULATED MONEY · Wednesday 18 November 2026"
    assert said["embeds"][0]["image"]["url"] == "attachment://report.png"
    assert said["attachments"][0]["description"].startswith("SIMULATED MONEY, green, 2026-11-18: 4 sessions")
    assert said["allowed_mentions"] == {"parse": []}
    assert said["flags"] == 4096
    (png,) = said["files"].values()
    assert png.startswith(b"\x89PNG")
    assert rows(folder) == [("discord", "report:2026-11-18", "sent", 1)]
    assert discord.url not in done.out + done.err


def test_a_report_is_posted_once_and_again_by_a_persons_word(folder: Path, discord: DiscordServer) -> None:
    post(folder, discord)
    second = post(folder, discord)
    assert (second.code, len(discord.taken)) == (0, 1)
    assert "posted already on Wed 2026-11-18" in second.out
    assert post(folder, discord, "--again").code == 0
    assert post(folder, discord, "--again").code == 0
    assert len(discord.taken) == 3
    assert [key for _, key, _, _ in rows(folder)] == [
        "report:2026-11-18", "report:2026-11-18:again-1", "report:2026-11-18:again-2",
    ]  # fmt: skip


def test_an_answer_that_was_lost_is_never_sent_twice_and_is_an_alert(folder: Path, discord: DiscordServer) -> None:
    discord.faults = [Fault(kind="hang_up", takes=True)]
    first = post(folder, discord)
    assert first.code == 1
    assert "nobody knows whether it is there" in first.out
    assert "--day 2026-11-18 --channel discord --again" in first.out
    assert rows(folder)[0][2] == "unknown"
    again = post(folder, discord)
    assert (again.code, len(discord.taken)) == (1, 1)
    assert "nobody knows" in again.out
    assert alerts(folder) == ["report.unknown"]


def test_a_process_that_dies_while_it_posts_leaves_a_report_that_nobody_sends_again(
    folder: Path, discord: DiscordServer
) -> None:
    discord.faults = [Fault(kind="slow", seconds=8.0, takes=True)]
    names = {**os.environ, "PYTHONPATH": str(ROOT), "DISCORD_WEBHOOK_URL": discord.url}
    words = [sys.executable, "-m", "bot", "report", "--post", "--day", "2026-11-18"]
    child = subprocess.Popen(words, cwd=folder, env=names, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 20
    while not discord.asked and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert rows(folder) == [("discord", "report:2026-11-18", "sending", 1)]
    done = post(folder, discord)
    assert (done.code, len(discord.asked)) == (1, 1)
    assert "its sender ended before the answer came" in done.out
    assert rows(folder)[0][2] == "unknown"
    assert alerts(folder) == ["report.unknown"]


def test_what_was_refused_waits_and_is_made_up_for_by_a_later_run(folder: Path, discord: DiscordServer) -> None:
    discord.faults = [Fault(kind="limit", seconds=300.0)]
    first = post(folder, discord)
    assert (first.code, discord.taken) == (1, [])
    assert "not posted: a wait of 300 s was asked for" in first.out
    assert rows(folder)[0][2] == "pending"
    early = post(folder, discord, now=EVENING + timedelta(minutes=1))
    assert (early.code, discord.taken) == (1, [])
    assert "may not be asked again before Wed 2026-11-18 17:3" in early.out
    later = post(folder, discord, now=SATURDAY)  # a day without a session
    assert (later.code, len(discord.taken)) == (0, 1), later.out
    assert "Sat 21 Nov 2026 has no session; posting what waited" in later.out
    assert rows(folder) == [("discord", "report:2026-11-18", "sent", 2)]


def test_a_dead_webhook_is_named_and_asked_once(folder: Path, discord: DiscordServer) -> None:
    discord.deleted = True
    first = post(folder, discord)
    assert first.code == 1
    assert "the webhook was deleted (404)" in first.out
    assert "DISCORD_WEBHOOK_URL" in first.out
    assert alerts(folder) == ["alerts.channel_dead"]
    second = post(folder, discord)
    assert second.code == 1
    assert "takes no messages since Wed 2026-11-18" in second.out
    assert len(discord.asked) == 1
    with discord_server() as other:  # a new webhook: another address
        assert post(folder, other).code == 0
        assert len(other.taken) == 1
    assert rows(folder) == [("discord", "report:2026-11-18", "sent", 2)]


def test_no_channel_is_a_fault_of_configuration_that_says_which_line_to_write(folder: Path) -> None:
    done = post(folder, None)
    assert done.code == 78
    assert "DISCORD_WEBHOOK_URL=https://discord.com/api/webhooks/<id>/<token>" in done.err
    one = post(folder, None, "--channel", "telegram")
    assert one.code == 78
    assert "telegram is not configured: put this into .env: TELEGRAM_BOT_TOKEN=<token>" in one.err
    assert post(folder, None, "--channel", "fax").code == 2


def test_a_day_without_a_session_posts_nothing_and_a_missed_one_is_made_up_for(
    folder: Path, discord: DiscordServer
) -> None:
    quiet = post(folder, discord, now=SATURDAY)
    assert (quiet.code, discord.asked) == (0, [])
    assert "Sat 21 Nov 2026 has no session: nothing is posted" in quiet.out
    assert "bot report --post --day 2026-11-20" in quiet.out
    morning = post(folder, discord, now=datetime(2026, 11, 18, 13, 0, tzinfo=UTC))
    assert "today's session opens at Wed 2026-11-18 09:30 New York: nothing is posted" in morning.out
    assert post(folder, discord, "--day", "2026-11-17").code == 0  # from here on reports are the habit
    late = post(folder, discord, now=datetime(2026, 11, 19, 13, 0, tzinfo=UTC))
    assert late.code == 0
    assert "posting the report of 2026-11-18, which is late" in late.out
    assert [key for _, key, _, _ in rows(folder)] == ["report:2026-11-17", "report:2026-11-18"]


def test_no_report_is_posted_of_a_day_that_had_no_session(folder: Path, discord: DiscordServer) -> None:
    done = post(folder, discord, "--day", "2026-11-15")
    assert (done.code, discord.asked) == (2, [])
    assert "Sun 15 Nov has no session; the last before it is that of 2026-11-13" in done.err


def test_a_report_missed_because_the_machine_was_off_is_made_up_for_in_the_next_session_too(
    folder: Path, discord: DiscordServer
) -> None:
    assert post(folder, discord, "--day", "2026-11-16").code == 0  # reports are the habit; the next evening nobody ran
    done = post(folder, discord)
    assert done.code == 0
    assert "posting the report of 2026-11-17 too, which is late" in done.out
    assert [key for _, key, _, _ in rows(folder)] == [
        "report:2026-11-16", "report:2026-11-17", "report:2026-11-18",
    ]  # fmt: skip
    assert "late" not in post(folder, discord).out


def test_a_session_in_which_nothing_was_decided_is_red_not_silent(folder: Path, discord: DiscordServer) -> None:
    done = post(folder, discord, now=datetime(2026, 11, 19, 22, 30, tzinfo=UTC))
    assert done.code == 0
    said = discord.taken[0]
    assert "SIMULATED MONEY · RED · Thu 19 Nov 2026" in said["content"]
    why = said["embeds"][0]["description"]
    assert "no tick of this session decided anything; the last that did is of 2026-11-18" in why
    assert "26 of 26 slots without a tick" in why
    assert "flags" not in said


def test_a_session_that_goes_on_is_told_so_far_and_whole_in_the_evening(folder: Path, discord: DiscordServer) -> None:
    noon = post(folder, discord, now=NOON)
    assert noon.code == 0
    assert ", so far" in discord.taken[0]["content"]
    assert post(folder, discord).code == 0
    assert [key for _, key, _, _ in rows(folder)] == ["report:2026-11-18:so-far", "report:2026-11-18"]
    assert ", so far" not in discord.taken[1]["content"]


def test_a_past_day_is_told_as_it_was_known_then(folder: Path, discord: DiscordServer) -> None:
    with open_outbox(folder / "data") as database:
        then = database.connection.execute("SELECT equity FROM equity_daily WHERE day = '2026-11-16'").fetchone()[0]
        head = database.connection.execute(
            "SELECT hash FROM events WHERE ts < ? ORDER BY id DESC LIMIT 1",
            (moment_text(datetime(2026, 11, 17, 5, tzinfo=UTC)),),
        ).fetchone()[0]
    post(folder, discord, "--day", "2026-11-16")
    said = str(discord.taken[0]["embeds"])
    assert f"{float(then):,.2f}" in said
    assert head in said


def test_a_day_before_the_first_tick_or_still_to_come_is_refused(folder: Path, discord: DiscordServer) -> None:
    early = post(folder, discord, "--day", "2020-01-02")
    assert early.code == 2
    assert "no tick of that day or before it is recorded" in early.err
    assert post(folder, discord, "--day", "2026-12-01").code == 2
    assert discord.asked == []


def test_a_home_without_a_tick_says_what_to_type(tmp_path: Path, discord: DiscordServer) -> None:
    new_home(tmp_path)
    done = post(tmp_path, discord)
    assert done.code == 1
    assert "no tick has run yet" in done.err
    assert "bot tick --dry --at session" in done.err
    assert not (tmp_path / "data" / "ledger.sqlite").exists()


def test_no_secret_is_kept_or_said_whatever_breaks(folder: Path, discord: DiscordServer) -> None:
    said = ""
    for fault in ("garbage", "redirect", "large", "hang_up"):
        discord.faults = [Fault(kind=fault)]
        done = post(folder, discord, "--again", now=EVENING)
        said += done.out + done.err
    discord.deleted = True
    done = post(folder, discord, "--again")
    said += done.out + done.err
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert HOOK_TOKEN not in said
    assert HOOK_TOKEN.encode() not in kept
    assert "report" in said


def test_two_posts_at_once_never_race(folder: Path, discord: DiscordServer) -> None:
    with (folder / "data" / "report.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = post(folder, discord)
    assert (done.code, discord.asked) == (75, [])


def test_every_channel_gets_its_own_shape_and_none_waits_for_another(folder: Path, discord: DiscordServer) -> None:
    discord.deleted = True
    with telegram_server() as chat, smtp_server() as mail:
        named: Any = {
            "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_CHAT_ID": CHAT, "TELEGRAM_API_URL": chat.address,
            "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(mail.port), "SMTP_SECURITY": "none",
            "SMTP_FROM": "bot@desk.example", "SMTP_TO": "me@desk.example",
        }  # fmt: skip
        done = post(folder, discord, **named)
        once_more = post(folder, discord, **named)
    assert done.code == once_more.code == 1
    assert [(channel, key, state) for channel, key, state, _ in rows(folder)] == [
        ("discord", "report:2026-11-18", "dead"), ("telegram", "report:2026-11-18", "sent"),
        ("telegram", "report:2026-11-18:picture", "sent"), ("email", "report:2026-11-18", "sent"),
    ]  # fmt: skip
    assert len(chat.taken) == 2
    assert "<b>SIMULATED MONEY · GREEN" in chat.taken[0]["text"]
    assert "AUDIT HEAD" in chat.taken[0]["text"].upper()
    assert len(mail.taken) == 1
    assert "SIMULATED MONEY · GREEN" in mail.taken[0].subject
    assert "HELD AT THE DAY'S LAST TICK" in mail.taken[0].text


def test_a_picture_is_written_into_a_file(folder: Path, drawn: None) -> None:
    done = typed(folder, "report", "--png", "day.png", now=EVENING)
    assert done.code == 0, done.err
    assert done.out.startswith("SIMULATED MONEY")
    assert (folder / "day.png").read_bytes().startswith(b"\x89PNG")
    assert "4 sessions" in done.err
    missing = typed(folder, "report", "--png", "nowhere/day.png", now=EVENING)
    assert missing.code == 1
    assert "cannot write nowhere/day.png" in missing.err


def test_words_that_belong_to_posting_are_refused_without_it(folder: Path) -> None:
    assert typed(folder, "report", "--again", now=EVENING).code == 2
    assert typed(folder, "report", "--post", "--json", now=EVENING).code == 2


def test_without_the_drawing_library_the_report_goes_without_its_picture(
    folder: Path, discord: DiscordServer, monkeypatch: pytest.MonkeyPatch, drawn: None
) -> None:
    for name in [one for one in sys.modules if one.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = post(folder, discord)
    assert done.code == 0, done.err
    assert "no picture: matplotlib is not installed" in done.out
    assert discord.taken[0]["files"] == {}
    assert "image" not in discord.taken[0]["embeds"][0]
