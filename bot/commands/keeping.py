"""`bot backup`, `bot restore` and `bot vacuum`: keeping a home."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from time import perf_counter

from bot.commands.boarding import refresh_restored
from bot.commands.opening import log_of, warn
from bot.commands.owner import author
from bot.config.effective import settings_from_process
from bot.domain.errors import UsageError
from bot.ops.backup import BACKUPS, make_backup
from bot.ops.restore import restore
from bot.ops.vacuum import vacuum
from bot.report.words import count
from bot.store.lock import home_lock
from bot.wiring import load_house, wall_clock


def run_backup(env: str, *, to: str, keep: int) -> None:
    """Make a proved copy of the home and print what it came to."""
    house, began = load_house(env), perf_counter()
    warn(house)
    folder = Path(to).expanduser().resolve() if to else house.home / BACKUPS
    if folder == house.home:
        raise UsageError(f"--to {to} is the home itself: name another folder, best on another disk")
    made = make_backup(house.home, folder, wall_clock(), perf_counter, keep=keep)
    shared = f", {_megabytes(made.linked)} of it shared with the one before" if made.linked else ""
    print(f"backup {made.path}")
    print(
        f"  {_megabytes(made.manifest.size)}{shared}, {perf_counter() - began:.1f} s; proved: "
        f"{count(made.manifest.events, 'record')}, head {made.manifest.head[:16]}"
    )
    for name in made.removed:
        print(f"  {name} is no longer kept")
    if folder.is_relative_to(house.home):
        print("  it stands in the home itself: --to FOLDER on another disk survives the loss of this one")
    print(f"  not in it: .env and its secrets   home {house.home}")


def run_restore(env: str, *, backup: str, home: str) -> None:
    """Make an empty or new home from a backup and say what to do next."""
    target = Path(home).expanduser().resolve() if home else settings_from_process(Path(env) if env else None).home
    source = Path(backup).expanduser().resolve()
    done = restore(source, target, wall_clock())
    failed = refresh_restored(target)
    print(f"restored {done.manifest.name} of {done.manifest.made_at:%Y-%m-%d %H:%M} UTC into {target}")
    print(f"  {count(done.manifest.events, 'record')} proved, head now {done.head[:16]}")
    if done.account_kept:
        print("  the simulated account that stood there is kept: it is the broker's side, and newer")
    print("  new risk is held back until a tick settles cleanly; what was sent since is recognised by its id")
    if failed:
        print(f"  {failed}")
    print(f"next: BOT_HOME={target} in the .env (no backup holds it), then `bot tick --dry` and `bot status`")


def run_vacuum(env: str) -> None:
    """Thin, tidy and build the ledger anew under the home's lock, and print what it came to."""
    house, began, now = load_house(env), perf_counter(), wall_clock()
    warn(house)
    with ExitStack() as held:
        held.enter_context(home_lock(house.home, "bot vacuum", now))
        if (house.home / BACKUPS).is_dir():  # a backup at work has read where Snapshots lie
            held.enter_context(home_lock(house.home / BACKUPS, "bot vacuum", now))
        done = vacuum(house.home, house.desk.keep, now, author())
    with closing(log_of(house, "bot vacuum", wall_clock)) as log:
        log.say(
            "vacuum", author=author(), before=done.before, after=done.after,
            thinned=[one._asdict() for one in done.thinned], logs_compressed=done.logs.compressed,
            logs_removed=done.logs.removed, message="; ".join(done.logs.faults),
        )  # fmt: skip
    for month in done.thinned:
        print(
            f"snapshots {month.month}: {month.kept} kept, {month.gone} thinned out, "
            f"{_megabytes(month.bytes_before)} before, {_megabytes(month.bytes_after)} after"
        )
    if done.logs.compressed or done.logs.removed:
        print(f"logs: {count(done.logs.compressed, 'day')} compressed, {count(done.logs.removed, 'day')} removed")
    for fault in done.logs.faults:
        print(f"  a log was left as it is: {fault}")
    print(
        f"ledger {_megabytes(done.before)} before, {_megabytes(done.after)} after, {perf_counter() - began:.1f} s   "
        f"home {house.home}"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
