"""The commands that keep a home: configuration, record, doctor, copies, the watch. Same rules as in `cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_words import Env, Json

upkeep = typer.Typer()
config_app = typer.Typer(
    help="Show, check, approve or upgrade the configuration.", rich_markup_mode=None, no_args_is_help=True
)
upkeep.add_typer(config_app, name="config")
audit_app = typer.Typer(
    help="Verify the record, print its head for a witness, or accept an older one.", rich_markup_mode=None,
    no_args_is_help=True,
)  # fmt: skip
upkeep.add_typer(audit_app, name="audit")
units_app = typer.Typer(
    help="Install a desk's units for systemd, or take them away.", rich_markup_mode=None, no_args_is_help=True
)
upkeep.add_typer(units_app, name="units")
Desk = Annotated[str, typer.Option("--desk", help="Name of the desk, such as wheel: bot-tick@wheel.timer.")]
UserUnits = Annotated[bool, typer.Option("--user-units", help="Your own manager's (systemctl --user), without root.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this it is only said.")]
Root = Annotated[str, typer.Option("--root", help="Write below this folder and run nothing, for a package.")]


@config_app.command("show")
def config_show(env: Env = "", as_json: Json = False) -> None:
    """Print each effective value and where it came from; secrets are masked."""
    from bot.commands.setup import run_config_show

    run_config_show(env, as_json=as_json)


@config_app.command("check")
def config_check(env: Env = "", as_json: Json = False) -> None:
    """Check .env and desk.toml; name every fault at once with file and key."""
    from bot.commands.setup import run_config_check

    run_config_check(env, as_json=as_json)


@config_app.command("approve")
def config_approve(env: Env = "") -> None:
    """Approve the configuration as it stands; real money needs this after each change."""
    from bot.commands.setup import run_config_approve

    run_config_approve(env)


@config_app.command("upgrade")
def config_upgrade(env: Env = "") -> None:
    """Write keys that a newer version asks for, with the profile's values."""
    from bot.commands.setup import run_config_upgrade

    run_config_upgrade(env)


@audit_app.command("verify")
def audit_verify(
    env: Env = "",
    head: Annotated[str, typer.Option(help="A hash that `bot audit head` printed: does it still stand?")] = "",
    no_snapshots: Annotated[bool, typer.Option("--no-snapshots", help="Leave the Snapshot files out.")] = False,
    as_json: Json = False,
) -> None:
    """Hash the whole record again and name the first bad record and its table; exits with 1 at any fault."""
    from bot.commands.auditing import run_verify

    run_verify(env, head=head, snapshots=not no_snapshots, as_json=as_json)


@audit_app.command("head")
def audit_head(env: Env = "", as_json: Json = False) -> None:
    """Print one line for a witness outside: desk, account's end, events, newest hash, moment, Snapshots, tick."""
    from bot.commands.auditing import run_head

    run_head(env, as_json=as_json)


@audit_app.command("accept")
def audit_accept(
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the record.")],
    env: Env = "",
) -> None:
    """Take a ledger that ends before its anchor.json as it stands, such as a copy put back by hand."""
    from bot.commands.auditing import run_accept

    run_accept(env, reason=reason)


@units_app.command("install")
def units_install(
    desk: Desk,
    env: Env = "",
    user_units: UserUnits = False,
    run: Annotated[
        str, typer.Option(help="What starts ticks: session (timer), always (timer around the clock) or loop.")
    ] = "session",
    board: Annotated[bool, typer.Option("--board", help="Serve the dashboard too.")] = False,
    user: Annotated[str, typer.Option("--as", help="User to run as (default: the owner of the .env).")] = "",
    apply: Apply = False,
    texts: Annotated[bool, typer.Option("--texts", help="Print every unit whole.")] = False,
    root: Root = "",
) -> None:
    """Check the desk, then say what would be written and run for its units; with --apply do it."""
    from bot.commands.installing import run_install

    run_install(
        env, desk=desk, user_mode=user_units, run=run, board=board, user=user, apply=apply, texts=texts, root=root
    )  # fmt: skip


@units_app.command("uninstall")
def units_uninstall(desk: Desk, user_units: UserUnits = False, apply: Apply = False, root: Root = "") -> None:
    """Say what would be switched off and removed of a desk's units; with --apply do it. Home and secrets stay."""
    from bot.commands.installing import run_uninstall

    run_uninstall(desk=desk, user_mode=user_units, apply=apply, root=root)


@upkeep.command()
def doctor(
    env: Env = "",
    reach: Annotated[bool, typer.Option("--reach", help="Also ask the channels who they are; posts nothing.")] = False,
    backups: Annotated[str, typer.Option(help="Where backups are kept, if not in the home.")] = "",
    live: Annotated[
        bool, typer.Option("--live", help="The checklist from paper to a small live account; exit 1 while one is open.")
    ] = False,
    paper: Annotated[str, typer.Option(help="With --live: the home of the paper account whose record counts.")] = "",
    as_json: Json = False,
) -> None:
    """Look at everything a tick stands on and say what to mend; exits with 1 when something stops ticks."""
    if live:
        from bot.commands.going_live import run_live

        run_live(env, paper=paper, backup_folder=backups, as_json=as_json)
        return
    from bot.commands.setup import run_doctor

    run_doctor(env, as_json=as_json, reach=reach, backup_folder=backups)


@upkeep.command()
def upgrade(
    env: Env = "",
    check: Annotated[bool, typer.Option("--check", help="Say what this program would do; changes nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Say what this program would change in the home in use, and each step there; exits with 1 when there is one."""
    from bot.commands.upgrading import run_upgrade

    run_upgrade(env, check=check, as_json=as_json)


@upkeep.command()
def drill(
    env: Env = "",
    only: Annotated[str, typer.Option("--only", help="One failure alone, F1 to F15; it is not sealed.")] = "",
    world: Annotated[str, typer.Option(help="simulator, alpaca or both; one alone is not sealed.")] = "both",
    seed: Annotated[int, typer.Option(min=0, max=4294967295, help="Seed of the drill's market.")] = 1,
    removals: Annotated[bool, typer.Option("--removals", help="Take each guard away too: that must fail.")] = False,
    as_json: Json = False,
) -> None:
    """Play the failures others paid for (F1 to F15) against this desk.toml and seal the result; 1 unless it passed."""
    from bot.commands.drilling import run_drill

    run_drill(env, only=only, world=world, seed=seed, as_json=as_json, removals=removals)


@upkeep.command()
def backup(
    env: Env = "",
    to: Annotated[str, typer.Option(help="Folder for backups (default: backups in the home).")] = "",
    keep: Annotated[
        int, typer.Option(min=0, help="Keep the newest N (0: the last 24 hourly, 14 daily, 12 monthly).")
    ] = 0,
) -> None:
    """Copy the home, prove the copy, and drop backups that the schedule no longer keeps; no tick waits for it."""
    from bot.commands.keeping import run_backup

    run_backup(env, to=to, keep=keep)


@upkeep.command()
def restore(
    backup: Annotated[str, typer.Argument(help="A folder backup-<moment> that `bot backup` made.")],
    env: Env = "",
    home: Annotated[str, typer.Option(help="Empty or new folder (default: BOT_HOME of the .env).")] = "",
) -> None:
    """Make an empty or new home from a backup; it takes no new risk until a tick settles cleanly."""
    from bot.commands.keeping import run_restore

    run_restore(env, backup=backup, home=home)


@upkeep.command("log")
def show_log(
    env: Env = "",
    since: Annotated[str, typer.Option(help="30m, 12h, 7d, YYYY-MM-DD or an ISO moment (default: 1d).")] = "",
    kind: Annotated[str, typer.Option(help="Only these kinds, with commas: order, error, venue, halt, ended ...")] = "",
    tick: Annotated[int, typer.Option(min=0, help="Only this tick's lines, whenever it ran.")] = 0,
    as_json: Json = False,
) -> None:
    """Print what the log kept: ticks, orders, errors, slow answers, every word of a person."""
    from bot.commands.logs import run_log

    run_log(env, since=since, kind=kind, tick=tick, as_json=as_json)


@upkeep.command("export")
def export_record(
    to: Annotated[str, typer.Option("--to", help="New folder for the files.")],
    env: Env = "",
    year: Annotated[int, typer.Option(min=0, max=9999, help="One tax year (default: everything).")] = 0,
    form: Annotated[str, typer.Option("--format", help="csv, parquet or both.")] = "csv",
) -> None:
    """Write trades, premium, dividends, transfers and FIFO lots by tax year as files; exit 1 where sums differ."""
    from bot.commands.exporting import run_export

    run_export(env, to=to, year=year, form=form)


@upkeep.command()
def vacuum(env: Env = "") -> None:
    """Thin out old Snapshots, pack and drop old logs, and build the ledger file anew."""
    from bot.commands.keeping import run_vacuum

    run_vacuum(env)


@upkeep.command()
def watch(env: Env = "", as_json: Json = False) -> None:
    """Raise an alarm (exit 1) when ticks do not come or the record was changed; for a timer of its own."""
    from bot.commands.watching import run_watch

    run_watch(env, as_json=as_json)


@upkeep.command()
def metrics(env: Env = "") -> None:
    """Print what Prometheus is told of this desk, from the ledger as it stands; nothing is written."""
    from bot.commands.metering import run_metrics

    run_metrics(env)
