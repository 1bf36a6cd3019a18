"""`bot alerts send` and `bot alerts test` against servers on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.commands import alerting, sending, voices
from bot.domain.desk import AlertNumbers
from bot.domain.errors import OutOfTime
from bot.store.alerting import open_outbox
from bot.store.database import Database
from bot.store.lock import held
from bot.tests.faults.sender import MINUTE, SenderDesk, numbers_in, shown
from bot.tests.talkers.chat_server import Fault
from bot.tests.talkers.discord_server import TOKEN, DiscordServer, discord_server
from bot.tests.talkers.smtp_server import PASSWORD, USER, smtp_server
from bot.tests.talkers.telegram_server import CHAT, telegram_server
from bot.tests.talkers.telegram_server import TOKEN as CHAT_TOKEN

HOUR = timedelta(hours=1)


@pytest.fixture
def discord() -> Iterator[DiscordServer]:
    with discord_server() as server:
        yield server


@pytest.fixture
def desk(tmp_path: Path, discord: DiscordServer) -> SenderDesk:
    return SenderDesk(tmp_path / "desk", DISCORD_WEBHOOK_URL=discord.url)


def texts(server: DiscordServer) -> list[str]:
    return [shown(one) for one in server.taken]


def test_what_happened_is_told_once_with_its_number_and_what_helps(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.alert(severity="high", title="XLF was not sold", words="the broker refused\n`bot why XLF` says more")
    desk.send()
    desk.send()
    (text,) = texts(discord)
    assert text.startswith("**[main SIMULATED] HIGH: XLF was not sold**")
    assert "#1 order.failed" in text
    assert "`bot why XLF` says more" in text
    assert desk.rows("SELECT state, kind, attempts, alert_ids, remote_id <> '' FROM outbox") == [
        ("sent", "alerts", 1, "1", 1)
    ]


def test_a_home_without_a_tick_and_a_desk_without_a_channel_cost_nothing(tmp_path: Path) -> None:
    desk = SenderDesk(tmp_path / "desk")
    desk.alert(severity="critical")
    assert "no channel is named" in desk.send().out
    assert desk.rows("SELECT count(*) FROM outbox") == [(0,)]
    (desk.home / "ledger.sqlite").unlink()
    assert "no tick ran yet" in desk.send().out
    assert not (desk.home / "ledger.sqlite").exists()


def test_each_channel_is_told_what_its_route_says_and_a_dead_one_stops_no_other(
    tmp_path: Path, discord: DiscordServer
) -> None:
    with telegram_server() as telegram, smtp_server() as mail:
        desk = SenderDesk(
            tmp_path / "desk", DISCORD_WEBHOOK_URL=discord.url, TELEGRAM_BOT_TOKEN=CHAT_TOKEN, TELEGRAM_CHAT_ID=CHAT,
            TELEGRAM_API_URL=telegram.address, SMTP_HOST="127.0.0.1", SMTP_PORT=str(mail.port), SMTP_SECURITY="none",
            SMTP_USER=USER, SMTP_PASSWORD=PASSWORD, SMTP_FROM="bot@desk.example", SMTP_TO="me@desk.example",
        )  # fmt: skip
        discord.deleted = True
        for severity in ("info", "warning", "high", "critical"):
            desk.alert(severity=severity, title=f"a {severity} thing")
        done = desk.send()
        assert "discord: dead" in done.out
        assert discord.taken == []
        chat = "\n".join(one["shown"] for one in telegram.taken)
        post = "\n".join(one.subject + one.text for one in mail.taken)
        assert all(f"a {one} thing" in chat for one in ("warning", "high", "critical"))
        assert "a info thing" not in chat
        assert "a warning thing" not in post
        assert all(f"a {one} thing" in post for one in ("high", "critical"))
        assert mail.taken[0].subject == "[main SIMULATED] CRITICAL: a critical thing", "the gravest goes first"
        assert "discord takes no messages any more" in chat, "the others are told in the same run"
        assert "discord takes no messages any more" in post
        asked = len(discord.asked)
        assert "dead since" in desk.send().out
        assert len(discord.asked) == asked, "a dead hook is never asked again"
        assert TOKEN not in chat + post + str(desk.rows("SELECT * FROM outbox")) + str(
            desk.rows("SELECT * FROM alerts")
        )


def test_another_address_brings_a_dead_channel_back_with_everything_that_waited(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    discord.deleted = True
    desk.alert(severity="critical", title="first")
    desk.send()
    for _ in range(8):
        desk.alert(severity="info")
        desk.send()
    assert discord.taken == []
    with discord_server() as other:
        desk.variables["DISCORD_WEBHOOK_URL"] = other.url
        desk.send()
        assert len(other.taken) == 2, "one critical, one digest of all that waited"
        assert set().union(*map(numbers_in, texts(other))) >= set(range(1, 10))
    assert desk.rows("SELECT dead_since FROM channels") == [(None,)]
    assert desk.rows("SELECT count(*) FROM alerts WHERE topic = 'alerts.channel_dead' AND ended_at IS NULL") == [(0,)]


def test_a_refusal_waits_longer_each_time_and_what_comes_meanwhile_is_folded_in(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    discord.faults = [Fault("status", status=403) for _ in range(3)]
    desk.alert()
    desk.send(code=75)
    for _ in range(16):
        desk.alert()
        desk.at += MINUTE
        desk.run("alerts", "send")
    assert len(desk.rows("SELECT id FROM outbox")) == 1, "what waits is one message, however much there is"
    discord.faults = []
    desk.send(HOUR)
    (text,) = texts(discord)
    assert numbers_in(text) == set(range(1, 18))
    assert "may have been said before" not in text, "a refusal proves that it was not taken"


def test_an_answer_that_was_lost_is_made_up_for_by_one_marked_repeat(desk: SenderDesk, discord: DiscordServer) -> None:
    discord.faults = [Fault("status", takes=True, status=502)]
    desk.alert(title="it was said")
    desk.send(code=75)
    desk.alert(title="it is new")
    desk.send()
    desk.send(HOUR)
    first, second = texts(discord)
    assert "may have been said before" not in first
    assert "#1 WARNING: it was said (may have been said before)" in second
    assert "#2 WARNING: it is new\n" in second
    assert [row[0] for row in desk.rows("SELECT state FROM outbox ORDER BY id")] == ["unknown", "sent"]


def test_a_channel_that_loses_every_answer_loses_no_alert(desk: SenderDesk, discord: DiscordServer) -> None:
    """A server's outage looks like lost answers: whatever may not have arrived comes until an answer does."""
    discord.faults = [Fault("status", status=503) for _ in range(40)]
    desk.alert(title="never lost")
    for _ in range(24 * 2):
        desk.at += 30 * MINUTE
        desk.run("alerts", "send")
    asked = len(discord.asked)
    assert asked <= 30, "a day of it: pauses grow to an hour"
    assert discord.taken == []
    discord.faults = []
    desk.send(HOUR)
    assert "never lost" in texts(discord)[0]


def test_what_is_critical_is_said_again_until_somebody_acknowledges_it(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    desk.alert(severity="critical", title="the record was changed")
    desk.send()
    desk.send(29 * MINUTE)
    assert len(discord.taken) == 1
    desk.send(2 * MINUTE)
    first, again = texts(discord)
    assert "acknowledge: `bot alerts ack 1`, or /ack 1 in the chat" in first
    assert "still CRITICAL: the record was changed" in again
    assert desk.run("alerts", "ack", "1").code == 0
    desk.send(HOUR)
    assert len(discord.taken) == 2


def test_a_critical_alert_whose_cause_is_gone_is_not_repeated(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.alert(severity="critical")
    desk.send()
    desk.end(1)
    desk.send(HOUR)
    assert len(discord.taken) == 1


def test_a_repeat_that_waits_is_given_up_when_it_is_acknowledged(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.alert(severity="critical")
    desk.send()
    discord.faults = [Fault("status", status=403)]
    desk.send(31 * MINUTE, code=75)
    desk.run("alerts", "ack", "1")
    desk.send(HOUR)
    assert len(discord.taken) == 1
    assert desk.rows("SELECT state FROM outbox WHERE kind = 'repeat'") == [("dead",)]


def test_what_ended_before_it_was_told_is_told_with_its_end(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.alert(severity="critical", title="short")
    desk.at += 2 * MINUTE
    desk.end(1)
    desk.send()
    (text,) = texts(discord)
    assert "at Fri 2026-11-20 12:00 New York, and it ended 12:02" in text
    assert "acknowledge" not in text


def test_in_quiet_hours_only_what_is_critical_is_said_and_the_rest_comes_folded_afterwards(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    desk.set("quiet_hours", '"22:00-07:00"')
    desk.at += timedelta(hours=10, minutes=1)
    desk.alert(7, "high")
    desk.alert(1, "critical")
    desk.send()
    (text,) = texts(discord)
    assert numbers_in(text) == {8}
    desk.run("alerts", "ack", "8")
    desk.send(8 * HOUR)
    assert len(discord.taken) == 1
    desk.send(HOUR)
    assert numbers_in(texts(discord)[1]) == set(range(1, 8))


def test_a_storm_is_folded_and_delays_nothing_critical(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.set("messages_per_hour", "3")
    for _ in range(30):
        desk.alert(severity="info")
        desk.send()
    assert len(discord.taken) == 3
    desk.alert(severity="critical")
    desk.send()
    assert numbers_in(texts(discord)[3]) == {31}
    desk.send(HOUR)
    assert numbers_in(texts(discord)[-2]) | numbers_in(texts(discord)[-1]) >= set(range(4, 31))
    assert len(discord.taken) <= 6


def test_ten_thousand_alerts_of_a_day_without_the_channel_fold_into_two_messages(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    """Issue 6: 20 or fewer."""
    discord.faults = [Fault("status", status=403) for _ in range(100)]
    for hour in range(20):
        desk.alert(490, "info", topic=f"kind.{hour % 7}")
        desk.alert(10, "critical", topic="safety.record_changed")
        desk.at += HOUR
        desk.run("alerts", "send")
    assert discord.taken == []
    discord.faults = []
    desk.send(2 * HOUR)
    critical, rest = texts(discord)
    assert "[main SIMULATED] 200 alerts, the gravest CRITICAL" in critical
    assert "[main SIMULATED] 9,800 alerts, the gravest INFO" in rest
    told = [int(one) for (ids,) in desk.rows("SELECT alert_ids FROM outbox") for one in ids.split(",")]
    assert sorted(told) == list(range(1, 10_001)), "each of them once"


def test_two_senders_never_speak_at_once_and_the_second_leaves_with_75(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    desk.alert()
    with held(desk.home / sending.LOCK_NAME, "the outbox", "another sender", "mend it"):
        done = desk.send(code=75)
    assert "another sender" in done.err
    assert discord.asked == []


def test_a_tick_at_work_does_not_keep_alerts_in(desk: SenderDesk, discord: DiscordServer) -> None:
    """The home's lock belongs to ticks: whoever delivers takes none of it."""
    desk.alert()
    with held(desk.home / ".lock", "the home", "a tick", "mend it"):
        desk.send()
    assert len(discord.taken) == 1


def test_a_desk_file_that_cannot_be_used_is_told_by_the_channels_of_the_env_file(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    file = desk.home / "desk.toml"
    sound = file.read_text()
    file.write_text(sound.replace("repeat_minutes = 30", "repeat_minutes = 1"))
    desk.alert(title="and this")
    desk.send()
    text = "\n".join(texts(discord))
    assert "desk.toml cannot be used: no tick runs" in text
    assert "repeat_minutes" in text
    assert "and this" in text
    desk.send()
    assert len(discord.taken) == 1
    file.write_text(sound)
    desk.send()
    assert desk.rows("SELECT count(*) FROM alerts WHERE key = 'desk.toml' AND ended_at IS NULL") == [(0,)]


def test_what_a_dead_tick_left_is_noticed_first_and_a_failure_of_that_stops_no_delivery(
    desk: SenderDesk, discord: DiscordServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noticed(house: object, database: Database, now: datetime) -> str:
        desk.alert(title="a tick died")
        return "one reader failed"

    monkeypatch.setattr(alerting, "notice", noticed)
    assert "warning: one reader failed" in desk.send().err
    assert "a tick died" in texts(discord)[0]


def test_a_secret_in_somebody_elses_words_reaches_no_message_and_no_file(
    desk: SenderDesk, discord: DiscordServer
) -> None:
    desk.alert(words=f"refused by {discord.url}", title=f"{TOKEN} is odd")
    discord.faults = [Fault("status", status=403, body=TOKEN.encode())]
    desk.send(code=75)
    desk.change("UPDATE alerts SET words = '', title = ''")
    desk.send(HOUR)
    assert "(DISCORD_WEBHOOK_URL) is odd" in texts(discord)[0]
    assert TOKEN not in texts(discord)[0]
    assert not any(TOKEN in f"{row}" for row in desk.rows("SELECT * FROM outbox") + desk.rows("SELECT * FROM channels"))
    assert not any(TOKEN in path.read_text() for path in (desk.home / "logs").iterdir())


def test_a_ledger_that_takes_nothing_is_told_twice_an_hour(desk: SenderDesk, discord: DiscordServer) -> None:
    """A full disk ends ticks and alerts alike: that is when silence costs most."""
    (desk.home / "ledger.sqlite").write_bytes(b"no ledger at all" * 512)
    desk.at -= MINUTE
    for _ in range(31):
        desk.send(code=1)
    assert len(discord.taken) == 2
    assert "CRITICAL: no alert can be kept or delivered" in texts(discord)[0]
    assert "ledger.sqlite" in texts(discord)[0]


def test_where_sending_cannot_be_written_down_nothing_leaves(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.alert()
    desk.change("CREATE TRIGGER full BEFORE UPDATE OF state ON outbox BEGIN SELECT RAISE(ABORT, 'disk is full'); END")
    desk.send(code=1)
    assert discord.asked == []


def test_a_test_message_goes_by_every_channel_and_wakes_a_dead_one(desk: SenderDesk, discord: DiscordServer) -> None:
    discord.deleted = True
    desk.alert(title="waiting")
    desk.send()
    done = desk.run("alerts", "test")
    assert (done.code, "discord: dead" in done.out) == (1, True)
    discord.deleted = False
    assert desk.run("alerts", "test").code == 0
    desk.send()
    assert [("test message" in one, "waiting" in one) for one in texts(discord)] == [(True, False), (False, True)]


def test_a_test_works_before_the_first_tick_and_names_what_is_missing(tmp_path: Path, discord: DiscordServer) -> None:
    desk = SenderDesk(tmp_path / "desk")
    (desk.home / "ledger.sqlite").unlink()
    done = desk.run("alerts", "test")
    assert (done.code, "DISCORD_WEBHOOK_URL" in done.err) == (78, True)
    done = desk.run("alerts", "test", DISCORD_WEBHOOK_URL=discord.url, TELEGRAM_BOT_TOKEN=CHAT_TOKEN)
    assert done.code == 1
    assert "discord: sent" in done.out
    assert "TELEGRAM_CHAT_ID is not" in done.err
    assert CHAT_TOKEN not in done.out + done.err


def test_a_channel_that_is_off_in_desk_toml_is_told_nothing(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.set("discord", '"off"')
    desk.alert(severity="critical")
    assert "off in desk.toml" in desk.send().out
    assert discord.asked == []


def test_a_channel_that_is_new_is_not_told_what_happened_before_yesterday(
    tmp_path: Path, discord: DiscordServer
) -> None:
    desk = SenderDesk(tmp_path / "desk")
    desk.alert(3, title="long ago")
    desk.at += timedelta(days=30)
    desk.alert(title="today")
    desk.variables["DISCORD_WEBHOOK_URL"] = discord.url
    desk.send()
    assert [numbers_in(one) for one in texts(discord)] == [{4}]


def test_no_wait_outlasts_the_run(desk: SenderDesk, discord: DiscordServer) -> None:
    """A wait that a channel asks for and that the run has no time for is a refusal, not a sleep."""
    discord.faults = [Fault("limit", seconds=3_000)]
    desk.alert()
    done = desk.send(code=75)
    assert "discord: refused" in done.out
    assert "asked to wait until" in desk.send().out
    said = voices._in_time("discord", lambda message, name: (_ for _ in ()).throw(OutOfTime("12.5")))
    answer = said(None, "")  # type: ignore[arg-type]
    assert (answer.outcome, answer.wait_seconds) == ("refused", 12.5)


def test_a_run_that_is_out_of_time_leaves_the_rest_to_the_next(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.alert()
    done = desk.run("alerts", "send", "--json")
    assert json.loads(done.out)["channels"]["discord"]["outcomes"] == ["sent"]
    desk.alert()
    times = iter([0.0, *[49.0] * 50])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISCORD_WEBHOOK_URL", discord.url)
        patch.chdir(desk.folder)
        sender = sending.sender_of("")
        with open_outbox(desk.home) as database:
            (spoken,) = sending.send(sender, database, lambda: desk.at, lambda: next(times))
    assert (spoken.outcomes, "time is up" in spoken.words) == ((), True)
    desk.send()
    assert len(discord.taken) == 2


def test_a_clock_that_was_wrong_holds_nothing_back_for_long(desk: SenderDesk, discord: DiscordServer) -> None:
    desk.at += timedelta(days=400)
    discord.faults = [Fault("status", status=403)]
    desk.alert(severity="critical")
    desk.send(code=75)
    desk.at -= timedelta(days=400)
    desk.send()
    assert len(discord.taken) == 1


def test_the_shipped_numbers_stand_in_for_a_desk_that_cannot_be_read(desk: SenderDesk) -> None:
    (desk.home / "desk.toml").write_text("nonsense")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk.folder)
        sender = sending.sender_of("")
    assert (sender.house, sender.numbers, bool(sender.fault)) == (None, AlertNumbers(), True)
