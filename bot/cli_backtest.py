"""The commands of `bot backtest`. Same rules as in `cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_words import Env, Json

backtest_app = typer.Typer(rich_markup_mode=None, invoke_without_command=True)
Html = Annotated[
    str,
    typer.Option("--html", help="Write the tear sheet (of a sweep's best) into this file, one page that stands alone."),
]
Png = Annotated[str, typer.Option("--png", help="Write its picture into this file.")]
Number = Annotated[int, typer.Argument(help="A kept run's number, as `bot backtest list` shows it.", min=1)]


@backtest_app.callback()
def backtest(
    context: typer.Context,
    first: Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")] = "",
    last: Annotated[str, typer.Option("--to", help="Last day (default: the newest there is).")] = "",
    days: Annotated[int, typer.Option(min=0, help="So many sessions instead of --from (synthetic: 252).")] = 0,
    tape: Annotated[str, typer.Option(help="A tape, as `bot data list` names them.")] = "",
    market: Annotated[str, typer.Option(help="synthetic, tape, or modelled (options from a formula).")] = "",
    step: Annotated[
        str, typer.Option(help="1min, 5min, 15min, 1hour or 1day; default 15min, or a tape's longer one.")
    ] = "",
    equity: Annotated[str, typer.Option(help="Dollars to start with (default: the desk's).")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the synthetic market (-1: the desk's own).")] = -1,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE of desk.toml, for this run only; may be repeated.")
    ] = None,
    sweep: Annotated[
        list[str] | None, typer.Option("--sweep", help="KEY=A,B,C: run each; several make a grid of all.")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="module:factory of a concurrent.futures executor for the runs of a sweep.")
    ] = "",
    fill: Annotated[
        list[str] | None, typer.Option("--fill", help="KEY=VALUE of the fill rules on a tape, such as path=worse.")
    ] = None,
    volatility: Annotated[
        str, typer.Option(help="For modelled: realised, a number a year, or a CSV of an index.")
    ] = "",
    model: Annotated[
        list[str] | None, typer.Option("--model", help="KEY=VALUE of the model, such as premium_factor=0.9.")
    ] = None,
    html: Html = "",
    png: Png = "",
    env: Env = "",
    as_json: Json = False,
) -> None:
    """Run the desk's own strategies and gates over the past or an imagined market, in memory; keep what came of it."""
    if context.invoked_subcommand is not None:
        return
    from bot.commands.backtest_choice import Choice

    choice = Choice(
        first, last, days, tape, market, step, equity, seed, tuple(settings or ()), tuple(fill or ()), volatility,
        tuple(model or ()),
    )  # fmt: skip
    if sweep:
        from bot.commands.sweeping import run_sweep

        run_sweep(env, choice, sweep, executor=executor, html=html, png=png, as_json=as_json)
        return
    from bot.commands.backtest_running import run_backtest

    run_backtest(env, choice, executor=executor, html=html, png=png, as_json=as_json)


@backtest_app.command("list")
def backtest_list(
    env: Env = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 20,
    as_json: Json = False,
) -> None:
    """List the kept runs, newest first."""
    from bot.commands.comparing import run_backtest_list

    run_backtest_list(env, limit=limit, as_json=as_json)


@backtest_app.command("show")
def backtest_show(number: Number, env: Env = "", html: Html = "", png: Png = "", as_json: Json = False) -> None:
    """Show a kept run again, and draw its tear sheet."""
    from bot.commands.comparing import run_backtest_show

    run_backtest_show(env, number, html=html, png=png, as_json=as_json)


@backtest_app.command("compare")
def backtest_compare(
    numbers: Annotated[list[int], typer.Argument(help="Two to six kept runs by number.")],
    env: Env = "",
    png: Annotated[str, typer.Option("--png", help="Write one picture of all of them into this file.")] = "",
    as_json: Json = False,
) -> None:
    """Set kept runs side by side: first what differs in configuration, code and data, then what came out."""
    from bot.commands.comparing import run_backtest_compare

    run_backtest_compare(env, numbers, png=png, as_json=as_json)
