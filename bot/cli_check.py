"""The commands of `bot check` and `bot stats`. Same rules as in `cli`."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_words import Env

check_app = typer.Typer(
    help="Ask of any strategy of the desk whether its result can be believed.", rich_markup_mode=None,
    no_args_is_help=True,
)  # fmt: skip
From = Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")]
To = Annotated[str, typer.Option("--to", help="Last day (default: the newest there is).")]
Days = Annotated[int, typer.Option("--days", min=0, help="So many sessions instead of --from (synthetic: 252).")]
TapeName = Annotated[str, typer.Option("--tape", help="A tape, as `bot data list` names them.")]
Step = Annotated[str, typer.Option("--step", help="15min, 1hour or 1day between ticks.")]
Market = Annotated[str, typer.Option("--market", help="synthetic, tape, or modelled (options from a formula).")]
Volatility = Annotated[str, typer.Option("--volatility", help="For modelled: realised, a number a year, or a CSV.")]
Model = Annotated[list[str] | None, typer.Option("--model", help="KEY=VALUE of the model.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", help="KEY=VALUE of desk.toml, for this run only; may be repeated.")
]
Fills = Annotated[list[str] | None, typer.Option("--fill", help="KEY=VALUE of the fill rules on a tape.")]
By = Annotated[str, typer.Option("--by", help="sharpe, annual_return, calmar or sortino.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes to run in.")]


@check_app.command("lookahead")
def check_lookahead(
    first: From = "", last: To = "", days: Days = 0, tape: TapeName = "", step: Step = "", settings: Sets = None,
    fill: Fills = None, market: Market = "", volatility: Volatility = "", model: Model = None, env: Env = "",
    cuts: Annotated[int, typer.Option("--cuts", min=1, help="At how many moments the data is cut off.")] = 8,
) -> None:  # fmt: skip
    """Cut the data off at several moments: a verdict before a cut that moves knew what came later; 1 where one does."""
    from bot.commands.backtest_choice import Choice
    from bot.commands.checking import run_lookahead

    choice = Choice(
        first, last, days, tape, market, step, settings=tuple(settings or ()), fills=tuple(fill or ()),
        volatility=volatility, model=tuple(model or ()),
    )  # fmt: skip
    run_lookahead(env, choice, cuts)


@check_app.command("warmup")
def check_warmup(
    first: From = "", last: To = "", days: Days = 0, tape: TapeName = "", step: Step = "", settings: Sets = None,
    fill: Fills = None, market: Market = "", volatility: Volatility = "", model: Model = None, env: Env = "",
) -> None:  # fmt: skip
    """Tell from how many bars on a strategy's wishes hang no more on where the data begins; 1 where it acts before."""
    from bot.commands.backtest_choice import Choice
    from bot.commands.checking import run_warmup

    choice = Choice(
        first, last, days, tape, market, step, settings=tuple(settings or ()), fills=tuple(fill or ()),
        volatility=volatility, model=tuple(model or ()),
    )  # fmt: skip
    run_warmup(env, choice)


@check_app.command("shuffle")
def check_shuffle(
    first: From = "", last: To = "", days: Days = 0, tape: TapeName = "", step: Step = "", settings: Sets = None,
    fill: Fills = None, market: Market = "", volatility: Volatility = "", model: Model = None, env: Env = "",
    by: By = "sharpe",
    count: Annotated[int, typer.Option("--count", min=1, help="How many shuffles.")] = 99,
    block: Annotated[int, typer.Option("--block", min=0, help="Bars that stay together (0: chosen).")] = 0,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the first shuffle; each has the next.")] = 1,
    workers: Workers = 1,
) -> None:  # fmt: skip
    """Run over the same returns in another order, many times: 1 where luck alone does as well too often."""
    from bot.commands.backtest_choice import Choice
    from bot.commands.checking import run_shuffle

    choice = Choice(
        first, last, days, tape, market, step, settings=tuple(settings or ()), fills=tuple(fill or ()),
        volatility=volatility, model=tuple(model or ()),
    )  # fmt: skip
    run_shuffle(env, choice, count=count, block=block, seed=seed, by=by, workers=workers)


@check_app.command("walk-forward")
def check_walk_forward(
    sweep: Annotated[list[str] | None, typer.Option("--sweep", help="KEY=A,B,C to choose from, repeatable.")] = None,
    first: From = "", last: To = "", days: Days = 0, tape: TapeName = "", step: Step = "", settings: Sets = None,
    fill: Fills = None, market: Market = "", volatility: Volatility = "", model: Model = None, env: Env = "",
    by: By = "sharpe",
    train: Annotated[int, typer.Option("--train", min=2, help="Sessions to choose on.")] = 252,
    test: Annotated[int, typer.Option("--test", min=2, help="Sessions to test on.")] = 63,
    holdout: Annotated[float, typer.Option("--holdout", help="Share of the data kept aside, 0 for none.")] = 0.2,
    budget: Annotated[int, typer.Option("--budget", min=1, help="Looks it bears; the first use sets it.")] = 3,
    look: Annotated[bool, typer.Option("--look", help="Look at what is kept aside; it is counted.")] = False,
    spend: Annotated[bool, typer.Option("--spend", help="Look even beyond the budget; it is counted.")] = False,
    workers: Workers = 1,
) -> None:  # fmt: skip
    """Choose the best numbers on one window and test them on the next; only the tests count, every trial is counted."""
    from bot.commands.backtest_choice import Choice
    from bot.commands.walking_forward import Walk, run_walk_forward

    choice = Choice(
        first, last, days, tape, market, step, settings=tuple(settings or ()), fills=tuple(fill or ()),
        volatility=volatility, model=tuple(model or ()),
    )  # fmt: skip
    walk = Walk(choice, tuple(sweep or ()), train, test, by, holdout, budget, look, spend, workers)
    run_walk_forward(env, walk)


def stats(
    file: Annotated[str, typer.Argument(help="CSV: a first column of days (YYYY-MM-DD), then columns of levels.")],
    column: Annotated[list[str] | None, typer.Option("--column", help="Which columns (default: all).")] = None,
    first: From = "",
    last: To = "",
    cash: Annotated[str, typer.Option("--cash", help="Column of the rate of cash, percent a year.")] = "",
    rate: Annotated[float, typer.Option("--rate", help="Rate of cash a year as a fraction, where no column is.")] = 0.0,
    periods: Annotated[float, typer.Option("--periods", min=0, help="Periods a year (0: told from the days).")] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Of the bootstrap intervals.")] = 1,
) -> None:
    """Put a file of levels into numbers: returns, volatility, Sharpe, Sortino, Calmar, drawdowns, with intervals."""
    from bot.commands.stating import Asked, run_stats

    run_stats(file, Asked(tuple(column or ()), first, last, cash, rate, periods, seed))
