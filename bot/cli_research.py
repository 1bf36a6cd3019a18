"""The commands about the past and the imagined: data, replay, what-if, parity, backtests. Same rules as in `cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_backtest import backtest_app
from bot.cli_check import check_app, stats
from bot.cli_words import Env, Json

research = typer.Typer()
research.add_typer(backtest_app, name="backtest")
research.add_typer(check_app, name="check")
research.command()(stats)
data_app = typer.Typer(
    help="Import market data of the past as tapes, list them, look at one.", rich_markup_mode=None, no_args_is_help=True
)
research.add_typer(data_app, name="data")
TapeName = Annotated[str, typer.Argument(help="The tape's name.")]


@data_app.command("import")
def data_import(
    name: TapeName,
    files: Annotated[list[str] | None, typer.Argument(help="CSV (also .gz), Parquet or Feather files.")] = None,
    kind: Annotated[str, typer.Option("--kind", help="What rows are: bars, chains or signals.")] = "bars",
    home: Annotated[str, typer.Option("--home", help="Take the ticks that this home stored, instead of files.")] = "",
    spot: Annotated[str, typer.Option("--spot", help="Tape with the bars of the chains' underlyings.")] = "",
    symbol: Annotated[str, typer.Option("--symbol", help="Whose rows these are, where no column says it.")] = "",
    columns: Annotated[str, typer.Option("--columns", help="Ours=theirs: open=o,time=Date; time=a+b joins two.")] = "",
    zone: Annotated[str, typer.Option("--zone", help="Zone of stamps that name none.")] = "UTC",
    stamp: Annotated[str, typer.Option("--stamp", help="What a stamp is of its bar: start or end.")] = "start",
    step: Annotated[str, typer.Option("--step", help="1min, 5min, 15min, 30min, 1hour or 1day (else found).")] = "",
    splits: Annotated[str, typer.Option("--splits", help="File of splits: symbol, day, ratio.")] = "",
    dividends: Annotated[str, typer.Option("--dividends", help="File of dividends: symbol, day, amount.")] = "",
    factors: Annotated[str, typer.Option("--factors", help="LEAN's factor file: dividends and splits.")] = "",
    always_open: Annotated[bool, typer.Option("--always-open", help="Trades around the clock: FX, coins.")] = False,
    keep: Annotated[str, typer.Option("--keep", help="Of two rows of one stamp keep the first or the last.")] = "",
    drop_bad: Annotated[bool, typer.Option("--drop-bad", help="Leave out rows that are no bars; count them.")] = False,
    accept: Annotated[list[str] | None, typer.Option("--accept", help="A finding that is right as it stands.")] = None,
    note: Annotated[str, typer.Option("--note", help="A word about it, kept with the tape.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Take the place of the tape of that name.")] = False,
    env: Env = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Make a tape of files or of a home's ticks; what is wrong with them is named with row numbers."""
    from bot.commands.data import Sources, run_data_import

    given = Sources(
        tuple(files or ()), kind, home, spot, symbol, columns, zone, stamp, step, splits, dividends, factors,
        always_open, keep, drop_bad, tuple(accept or ()), note, replace,
    )  # fmt: skip
    run_data_import(env, name, given, as_json=as_json)


@data_app.command("list")
def data_list(env: Env = "", as_json: Json = False) -> None:
    """List the tapes with their kind, step, symbols and days."""
    from bot.commands.data import run_data_list

    run_data_list(env, as_json=as_json)


@data_app.command("show")
def data_show(name: TapeName, env: Env = "", as_json: Json = False) -> None:
    """Show where a tape comes from, what it holds and what was found in its sources."""
    from bot.commands.data import run_data_show

    run_data_show(env, name, as_json=as_json)


@data_app.command("check")
def data_check(name: TapeName, env: Env = "", as_json: Json = False) -> None:
    """Prove that a tape's files are still those that were imported."""
    from bot.commands.data import run_data_check

    run_data_check(env, name, as_json=as_json)


research_app = typer.Typer(
    help="Hold what is modelled against the outside world.", rich_markup_mode=None, no_args_is_help=True
)
research.add_typer(research_app, name="research")


@research_app.command("put-write")
def research_put_write(
    data: Annotated[str, typer.Option("--data", help="Folder: month-ends, daily closes, volatility index (CSV).")],
    fit: Annotated[str, typer.Option("--fit", help="Years to find the premium factor on.")] = "1990-1994",
    test: Annotated[str, typer.Option("--test", help="Years to hold it against.")] = "1995-1998",
    seed: Annotated[int, typer.Option("--seed", help="Seed of the factor's interval.")] = 1,
    as_json: Json = False,
) -> None:
    """Model a monthly put-write from an index and its volatility, and hold it against a published one."""
    from bot.commands.put_writing import run_put_write

    run_put_write(data, fit, test, seed, as_json=as_json)


__all__ = ["Annotated", "Env", "Json", "research"]

Since = Annotated[str, typer.Option("--since", help="Days back from the newest tick, as 30d, or a day YYYY-MM-DD.")]


@research.command()
def replay(
    tick: Annotated[int, typer.Argument(help="A tick's number, as `bot log` and `bot why` show it.", min=0)] = 0,
    env: Env = "",
    since: Since = "",
    everything: Annotated[bool, typer.Option("--all", help="The whole record.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 for what other code decides otherwise.")] = False,
    as_json: Json = False,
) -> None:
    """Decide recorded ticks again under their stored configuration; 1 where the same code decides otherwise."""
    from bot.commands.replaying import run_replay

    run_replay(env, tick=tick, since=since, everything=everything, strict=strict, as_json=as_json)


@research.command()
def whatif(
    sets: Annotated[
        list[str] | None, typer.Option("--set", help="A key of desk.toml, as limits.symbol_share=0.3; may come again.")
    ] = None,
    env: Env = "",
    since: Since = "",
    everything: Annotated[bool, typer.Option("--all", help="The whole record.")] = False,
    as_json: Json = False,
) -> None:
    """Ask of each recorded tick what another desk would have done, and in dollars what that would have made."""
    from bot.commands.whatif import run_whatif

    run_whatif(env, sets=sets or [], since=since, everything=everything, as_json=as_json)


@research.command()
def parity(
    day: Annotated[str, typer.Option("--day", help="A New York session day, YYYY-MM-DD.")], env: Env = "",
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run a day's recorded ticks through the simulator and say in dollars why live went otherwise."""
    from bot.commands.parity_day import run_parity

    run_parity(env, day=day, as_json=as_json)
