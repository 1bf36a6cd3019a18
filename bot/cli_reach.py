"""The commands by which the bot reaches its owner and is reached: alerts, chat. Same rules as in `cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_words import Env, Json

reach = typer.Typer()
alerts_app = typer.Typer(
    help="List, acknowledge and deliver what the owner is told.", rich_markup_mode=None, no_args_is_help=True
)
reach.add_typer(alerts_app, name="alerts")


@reach.command()
def report(
    env: Env = "",
    day: Annotated[str, typer.Option(help="New York day, YYYY-MM-DD (default: the newest with a tick).")] = "",
    post: Annotated[
        bool, typer.Option("--post", help="Post it to the channels in .env, once a day and channel; 1 where it is not.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="With --post: once more, though it was posted.")] = False,
    channel: Annotated[str, typer.Option(help="With --post: discord, telegram or email alone.")] = "",
    png: Annotated[str, typer.Option(help="Also write its picture into this file.")] = "",
    as_json: Json = False,
) -> None:
    """Tell one day: equity, fills, premium, open options, refusals; as text, or posted to the owner's channels."""
    from bot.commands.reporting import Asked, run_reporting

    run_reporting(env, Asked(day=day, post=post, again=again, channel=channel, png=png, as_json=as_json))


@reach.command()
def listen(
    env: Env = "",
    seconds: Annotated[int, typer.Option(min=0, max=3600, help="How long to listen for new messages.")] = 50,
) -> None:
    """Take commands from the Telegram chat for a while, carry them out and answer; for a timer, once a minute."""
    from bot.commands.listening import run_listen

    run_listen(env, seconds=seconds)


@alerts_app.command("send")
def alerts_send(env: Env = "", as_json: Json = False) -> None:
    """Deliver what waits to Discord, Telegram and by mail; for a timer, once a minute."""
    from bot.commands.sending import run_send

    run_send(env, as_json=as_json)


@alerts_app.command("test")
def alerts_test(env: Env = "") -> None:
    """Send a test message by every channel that .env names, a dead one too; exits with 1 unless all took it."""
    from bot.commands.sending import run_test

    run_test(env)


@alerts_app.command("list")
def alerts_list(
    env: Env = "",
    everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most, newest first.")] = 50,
    as_json: Json = False,
) -> None:
    """List what stands and wants to be known: newest first, each with what helps."""
    from bot.commands.alerts_told import run_alerts_list

    run_alerts_list(env, everything=everything, limit=limit, as_json=as_json)


@alerts_app.command("ack")
def alerts_ack(
    number: Annotated[int | None, typer.Argument(help="Its number in `bot alerts list`.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every one that stands.")] = False,
    env: Env = "",
) -> None:
    """Acknowledge an alert: a critical one is said again until somebody does."""
    from bot.commands.alerts_told import run_alerts_ack

    run_alerts_ack(env, number=number, everything=everything)


@alerts_app.command("failed")
def alerts_failed(
    unit: Annotated[str, typer.Option(help="The unit, where MONITOR_UNIT does not name it.")] = "",
    result: Annotated[str, typer.Option(help="How it ended, as exit-code or timeout.")] = "",
    status: Annotated[str, typer.Option(help="Its exit status.")] = "",
    env: Env = "",
) -> None:
    """Keep that a unit of systemd failed: its OnFailure= calls this, whatever else is broken."""
    from bot.commands.alerts_told import run_alerts_failed

    run_alerts_failed(env, unit=unit, result=result, status=status)
