"""One tick an account at a time on a machine, and where its lock lies."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from bot.config.statefolder import make_private, state_folder, user_state_folder
from bot.domain.accounts import account_name
from bot.domain.errors import StoreError, TryLater
from bot.store.account_lock import AccountLock, lock_name

ACCOUNT = "PA3TEST00001"


def lock_of(folder: Path, who: str = "bot tick of home /a, since noon", environment: str = "paper") -> AccountLock:
    return AccountLock(folder, "alpaca", environment, who)


def test_a_second_home_is_told_which_command_and_home_holds_the_account(tmp_path: Path) -> None:
    with closing(lock_of(tmp_path)) as first, closing(lock_of(tmp_path, "bot loop of home /b, since one")) as second:
        first.claim(ACCOUNT)
        with pytest.raises(
            TryLater, match=r"process \d+, bot tick of home /a, since noon; nothing was done"
        ) as refusal:
            second.claim(ACCOUNT)
    assert refusal.value.exit_code == 75
    assert f"the paper account {account_name(ACCOUNT, simulated=False)} at alpaca is in use" in str(refusal.value)


def test_an_account_claimed_twice_by_one_world_stays_held(tmp_path: Path) -> None:
    with closing(lock_of(tmp_path)) as first, closing(lock_of(tmp_path)) as second:
        first.claim(ACCOUNT)
        first.claim(ACCOUNT)
        with pytest.raises(TryLater):
            second.claim(ACCOUNT)


def test_a_lock_file_that_was_removed_is_taken_anew_when_the_account_answers(tmp_path: Path) -> None:
    with closing(lock_of(tmp_path)) as first, closing(lock_of(tmp_path)) as second:
        first.claim(ACCOUNT)
        (tmp_path / lock_name("alpaca", "paper", ACCOUNT)).unlink()
        second.claim(ACCOUNT)
        with pytest.raises(TryLater):
            first.claim(ACCOUNT)  # as the tick does once the account has answered, before it decides
    with closing(lock_of(tmp_path)) as third, closing(lock_of(tmp_path)) as fourth:
        third.claim(ACCOUNT)
        (tmp_path / lock_name("alpaca", "paper", ACCOUNT)).unlink()
        third.claim(ACCOUNT)
        with pytest.raises(TryLater):
            fourth.claim(ACCOUNT)


def test_a_world_that_began_for_one_account_takes_no_other(tmp_path: Path) -> None:
    with closing(lock_of(tmp_path)) as lock:
        lock.claim(ACCOUNT)
        with pytest.raises(TryLater, match=r"this run began for account \.\.\.0001"):
            lock.claim("PA3TEST00002")


@pytest.mark.parametrize(("account", "environment"), [("PA3TEST00002", "paper"), (ACCOUNT, "live")])
def test_other_accounts_and_environments_are_held_apart(tmp_path: Path, account: str, environment: str) -> None:
    with closing(lock_of(tmp_path)) as first, closing(lock_of(tmp_path, environment=environment)) as second:
        first.claim(ACCOUNT)
        second.claim(account)


def test_a_lock_file_left_behind_harms_nobody_and_names_no_account(tmp_path: Path) -> None:
    for _ in range(2):
        with closing(lock_of(tmp_path)) as lock:
            lock.claim(ACCOUNT)
    (left,) = tmp_path.iterdir()
    assert left.name == lock_name("alpaca", "paper", ACCOUNT)
    assert ACCOUNT not in left.name + left.read_text()
    assert left.stat().st_mode & 0o077 == 0


def test_a_lock_that_cannot_be_written_stops_and_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / lock_name("alpaca", "paper", ACCOUNT)).mkdir()
    with closing(lock_of(tmp_path)) as lock, pytest.raises(StoreError, match="set XDG_STATE_HOME"):
        lock.claim(ACCOUNT)


def test_the_folder_is_the_same_with_and_without_a_login(tmp_path: Path) -> None:
    login = {"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/elsewhere", "TMPDIR": "/var/tmp"}
    assert state_folder(login, tmp_path, 7) == state_folder({}, tmp_path, 7) == tmp_path / ".local/state/escapement"


def test_the_folder_may_be_named_by_a_whole_path_only(tmp_path: Path) -> None:
    assert state_folder({"XDG_STATE_HOME": "/var/lib/me"}, tmp_path, 7) == Path("/var/lib/me/escapement")
    assert state_folder({"XDG_STATE_HOME": "state"}, tmp_path, 7) == tmp_path / ".local/state/escapement"


@pytest.mark.parametrize("user_home", [None, Path("/nonexistent/home")])
def test_a_user_without_a_home_locks_in_the_temporary_folder_under_a_name_of_its_own(user_home: Path | None) -> None:
    assert state_folder({}, user_home, 7) == Path("/tmp/escapement-7")


def test_the_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    made = user_state_folder({"XDG_STATE_HOME": str(tmp_path / "new")})
    assert made.stat().st_mode & 0o777 == 0o700
    made.chmod(0o755)
    assert make_private(made, os.getuid()).stat().st_mode & 0o777 == 0o700


def test_a_folder_of_somebody_else_or_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is no folder of user"):
        make_private(tmp_path, os.getuid() + 1)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(StoreError, match="is no folder of user"):
        make_private(tmp_path / "link", os.getuid())
