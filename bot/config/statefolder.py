"""Where this user's programs keep what belongs to the machine and to no single home: the locks of accounts."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from bot.domain.errors import StoreError

NAME = "escapement"
_ADVICE = "set XDG_STATE_HOME to a folder of yours, the same for every home and timer"


def state_folder(environ: Mapping[str, str], user_home: Path | None, uid: int, temporary: Path = Path("/tmp")) -> Path:
    """Name the folder: under XDG_STATE_HOME, else the user's own .local/state, else the system's temporary folder.

    Neither HOME, TMPDIR nor XDG_RUNTIME_DIR is asked: a login has them and a timer has not, and two programs that
    look in two folders would both believe to be alone. `user_home` is what the user database says.
    """
    named = environ.get("XDG_STATE_HOME", "")
    if named.startswith("/"):
        return Path(named) / NAME
    if user_home is not None and user_home.is_dir():
        return user_home / ".local" / "state" / NAME
    return temporary / f"{NAME}-{uid}"


def make_private(folder: Path, uid: int) -> Path:
    """Make a folder that only its owner reads and writes; raises StoreError where it is anybody else's."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        raise StoreError(f"cannot make {folder} ({error.strerror}): {_ADVICE}") from error
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != uid:
        raise StoreError(f"{folder} is no folder of user {uid}: {_ADVICE}")
    if facts.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def user_state_folder(environ: Mapping[str, str]) -> Path:
    """Give this user's folder, made where it was missing."""
    import pwd

    uid = os.getuid()
    try:
        user_home = Path(pwd.getpwuid(uid).pw_dir)
    except KeyError:  # a container may run under a number that has no name
        user_home = None
    return make_private(state_folder(environ, user_home, uid), uid)
