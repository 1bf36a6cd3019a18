"""The commands. Each parses its words, calls one function and lets it print; nothing heavy loads before it must."""

from __future__ import annotations

from typing import Annotated

import typer

from bot.cli_reach import reach
from bot.cli_research import research
from bot.cli_upkeep import upkeep
from bot.cli_words import Contract, Env, Json, Reason

MANUAL = """Escapement: a trading bot that decides one tick at a time and records why.

A tick takes a snapshot of the account, lets planners say what they want, judges every wish with every
gate, sends what is left (or nothing, when dry) and seals the record. Three switches rule it:

\b
  BOT_MODE    dry | live             does the executor send
  BOT_BROKER  simulator | alpaca     whose account (ALPACA_ENV=paper|live)
  halt level  run | no_new_risk | reduce_only | stop

\b
First steps
  bot init --equity 25000            write .env and desk.toml
  bot tick --dry --at session        one tick on the embedded market, sending nothing
  bot simulate --days 252            a year of ticks, into a home of its own
  bot status                         how it stands, and why nothing happened if nothing did

\b
With an account at Alpaca
  bot init --broker alpaca           then put the two keys into .env
  bot import-history                 your own past: cycles, bases, what these limits would have refused
  bot tick --dry                     what it would do now

\b
Exit codes
  0 done, or nothing to do    1 failed    2 usage    75 try later    78 configuration    130 interrupted
"""

app = typer.Typer(
    name="bot", help=MANUAL, add_completion=False, no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)  # fmt: skip


@app.command()
def init(
    env: Env = "",
    profile: Annotated[str, typer.Option(help="conservative, balanced or aggressive.")] = "balanced",
    equity: Annotated[str, typer.Option(help="Dollars the account has; says what fits.")] = "25000",
    symbols: Annotated[
        str, typer.Option(help="Names, with commas, instead of (aggressive: besides) the shipped universe.")
    ] = "",
    from_env: Annotated[str, typer.Option("--from-env", help="Convert another system's .env file.")] = "",
    broker: Annotated[str, typer.Option(help="simulator, or alpaca (then fill in two keys).")] = "simulator",
    as_json: Json = False,
) -> None:
    """Write a commented .env and desk.toml, and say which names fit the equity."""
    from bot.commands.setup import run_init

    run_init(
        env, profile=profile, equity=equity, symbols=symbols, from_env=from_env, broker=broker, as_json=as_json
    )  # fmt: skip


@app.command()
def tick(
    env: Env = "",
    dry: Annotated[bool, typer.Option("--dry", help="Send nothing, whatever BOT_MODE says.")] = False,
    live: Annotated[bool, typer.Option("--live", help="Refuse to run (78) unless BOT_MODE=live.")] = False,
    at: Annotated[
        str, typer.Option(help="Moment for embedded or recorded worlds: ISO time, or 'session' for the latest one.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Show every wish with every gate.")] = False,
    as_json: Json = False,
) -> None:
    """Run one tick: observe, decide, execute, record."""
    from bot.commands.ticking import run_tick

    run_tick(env, dry=dry, live=live, at=at, everything=everything, as_json=as_json)


@app.command()
def loop(
    env: Env = "",
    dry: Annotated[bool, typer.Option("--dry", help="Send nothing, whatever BOT_MODE says.")] = False,
    ticks: Annotated[int, typer.Option(help="Stop after this many ticks (0: never).")] = 0,
) -> None:
    """Tick every 15 minutes in session hours until stopped; the alternative to the timer."""
    from bot.commands.ticking import run_loop

    run_loop(env, dry=dry, ticks=ticks)


@app.command()
def simulate(
    env: Env = "",
    days: Annotated[int, typer.Option(min=1, max=2600, help="Finished sessions to run.")] = 252,
    until: Annotated[str, typer.Option(help="Last session, YYYY-MM-DD (default: the last finished one).")] = "",
    home: Annotated[str, typer.Option(help="Home to make (default: simulated/<name> beside the .env).")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the embedded market (-1: the desk's own).")] = -1,
    profile: Annotated[str, typer.Option(help="Use this profile instead of the desk's file.")] = "",
    equity: Annotated[str, typer.Option(help="Dollars to start with (default: the desk's).")] = "",
    symbols: Annotated[str, typer.Option(help="Comma-separated names instead of the desk's.")] = "",
    as_json: Json = False,
) -> None:
    """Run the same tick over N finished sessions, into a home it makes."""
    from bot.commands.simulating import run_simulate

    run_simulate(
        env, days=days, until=until, home=home, seed=seed, profile=profile, equity=equity, symbols=symbols,
        as_json=as_json,
    )  # fmt: skip


@app.command()
def status(env: Env = "", as_json: Json = False) -> None:
    """Say how it stands: account, halt, positions, orders, and why nothing happened if nothing did."""
    from bot.commands.looking import run_status

    run_status(env, as_json=as_json)


@app.command()
def books(env: Env = "", as_json: Json = False) -> None:
    """Show each strategy's book: cash, premium, earned, held; their sum beside the account, and what is to come."""
    from bot.commands.bookkeeping import run_books

    run_books(env, as_json=as_json)


@app.command()
def scan(
    symbol: Annotated[str, typer.Argument(help="An underlying (default: the whole universe).")] = "",
    env: Env = "",
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
    limit: Annotated[int, typer.Option(help="Rows for each symbol and right.")] = 8,
    as_json: Json = False,
) -> None:
    """Rank candidates with yield, delta, distance, open interest, spread and cash after; reads only."""
    from bot.commands.scanning import run_scan

    run_scan(env, symbol=symbol, at=at, limit=limit, as_json=as_json)


@app.command()
def week(
    env: Env = "",
    days: Annotated[int, typer.Option(min=1, max=60, help="Days to look ahead.")] = 7,
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
    as_json: Json = False,
) -> None:
    """Look ahead: expiries, chances, what the bot will do, cash and shares if assigned, dividends; reads only."""
    from bot.commands.weekly import run_week

    run_week(env, days=days, at=at, as_json=as_json)


@app.command()
def why(
    what: Annotated[str, typer.Argument(help="A symbol, an intent's number, or an order id.")],
    env: Env = "",
    as_json: Json = False,
) -> None:
    """Explain from the record why something was, or was not, traded."""
    from bot.commands.looking import run_why

    run_why(env, what=what, as_json=as_json)


@app.command()
def close(
    position: Annotated[str, typer.Argument(help="What to close: an option series, or a symbol's shares.")],
    env: Env = "",
    dry: Annotated[bool, typer.Option("--dry", help="Send nothing, whatever BOT_MODE says.")] = False,
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
    as_json: Json = False,
) -> None:
    """Close a position: the owner's order, through the same gates and the same executor."""
    from bot.commands.owner import run_close

    run_close(env, position=position, dry=dry, at=at, as_json=as_json)


@app.command()
def approve(
    numbers: Annotated[list[int] | None, typer.Argument(help="Proposals by number (default: list what waits).")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Approve all that stand.")] = False,
    env: Env = "",
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
    as_json: Json = False,
) -> None:
    """Approve what waits for your word and send it, judged again by every gate; alone, list what waits."""
    from bot.commands.approving import run_approve

    run_approve(env, numbers=numbers or [], everything=everything, at=at, as_json=as_json)


@app.command()
def decline(
    numbers: Annotated[list[int], typer.Argument(help="Proposals by number.")],
    env: Env = "",
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
) -> None:
    """Decline proposals: none is sent, and none comes back today in the same series."""
    from bot.commands.approving import run_decline

    run_decline(env, numbers=numbers, at=at)


@app.command()
def hold(contract: Contract, env: Env = "") -> None:
    """Keep a contract: no profit target, roll or time exit closes it."""
    from bot.commands.owner import run_instruction

    run_instruction(env, contract=contract, word="hold")


@app.command("let-assign")
def let_assign(contract: Contract, env: Env = "") -> None:
    """Let a contract be assigned: neither rolled nor closed for its expiry."""
    from bot.commands.owner import run_instruction

    run_instruction(env, contract=contract, word="let_assign")


@app.command("no-roll")
def no_roll(contract: Contract, env: Env = "") -> None:
    """Never roll a contract; its other exits stand."""
    from bot.commands.owner import run_instruction

    run_instruction(env, contract=contract, word="no_roll")


@app.command()
def pause(
    symbol: Annotated[str, typer.Argument(help="An underlying, or '*' for all.")],
    until: Annotated[str, typer.Option(help="YYYY-MM-DD (through that day) or an ISO moment.")],
    env: Env = "",
    reason: Reason = "the owner asked",
) -> None:
    """Take no new risk on a symbol until a moment; exits go on."""
    from bot.commands.owner import run_pause

    run_pause(env, symbol=symbol, until=until, reason=reason)


@app.command()
def adopt(
    symbol: Annotated[str, typer.Argument(help="Foreign shares such as XLF, or a short option series.")] = "",
    env: Env = "",
    everything: Annotated[bool, typer.Option("--all", help="Everything that the imported past explains.")] = False,
    qty: Annotated[str, typer.Option(help="Shares or contracts to take over (default: all that are foreign).")] = "",
    basis: Annotated[str, typer.Option(help="Paid per share (the strike, if assigned); without it no call.")] = "",
    tax_basis: Annotated[str, typer.Option(help="Tax basis per share (default: basis less --put-premium).")] = "",
    wheel_basis: Annotated[str, typer.Option(help="Wheel basis per share (default: the tax basis).")] = "",
    put_premium: Annotated[str, typer.Option(help="Per share, of the put that brought the shares.")] = "",
    premium: Annotated[str, typer.Option(help="Per share, what a short option was sold for.")] = "",
) -> None:
    """Take over foreign shares or short options: what is known of their price comes with them."""
    from bot.commands.adopting import Typed, run_adopt

    typed = Typed(qty, basis, tax_basis, wheel_basis, put_premium, premium)
    run_adopt(env, symbol=symbol, everything=everything, typed=typed)


@app.command("import-history")
def import_history(
    env: Env = "",
    dry: Annotated[bool, typer.Option("--dry", help="Show it and keep nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Rebuild your own past from the broker's lines: cycles, bases, gaps, what these limits would have refused."""
    from bot.commands.history import run_import_history

    run_import_history(env, dry=dry, as_json=as_json)


@app.command("import-earnings")
def import_earnings(
    file: Annotated[str, typer.Argument(help="A CSV file with a symbol and a date in each row.")],
    env: Env = "",
    as_of: Annotated[str, typer.Option(help="YYYY-MM-DD: the day it was checked (default: the file's own).")] = "",
    dry: Annotated[bool, typer.Option("--dry", help="Show what would change and write nothing.")] = False,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave rows out that cannot be read.")] = False,
    as_json: Json = False,
) -> None:
    """Take earnings dates out of another CSV file into the home's earnings.csv."""
    from bot.commands.calendars import run_import_earnings

    run_import_earnings(env, file=file, as_of=as_of, dry=dry, skip_bad=skip_bad, as_json=as_json)


@app.command()
def halt(
    level: Annotated[str, typer.Argument(help="no_new_risk, reduce_only or stop.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept with the record.")],
    env: Env = "",
) -> None:
    """Halt: no new risk, only reduce, or stop altogether. Exits stay alive under all but stop."""
    from bot.commands.owner import run_halt

    run_halt(env, level=level, reason=reason)


@app.command()
def panic(
    env: Env = "",
    flatten: Annotated[bool, typer.Option("--flatten", help="Close everything of ours as well.")] = False,
    reason: Reason = "the owner's panic",
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
    as_json: Json = False,
) -> None:
    """Cancel what adds risk, at reduce_only, until the broker lists none; 1 while something is left."""
    from bot.commands.panicking import run_panic

    run_panic(env, flatten=flatten, reason=reason, at=at, as_json=as_json)


@app.command()
def resume(
    symbol: Annotated[str, typer.Argument(help="A paused underlying, or '*'; nothing lifts the halt.")] = "",
    env: Env = "",
    reason: Reason = "the owner resumed",
    new_peak: Annotated[
        bool, typer.Option("--new-peak", help="Also clear every drawdown that tripped: it counts from here on.")
    ] = False,
) -> None:
    """Lift the halt and end a panic, or with a symbol lift the pause on it."""
    from bot.commands.owner import run_halt, run_lift_pause

    if symbol:
        run_lift_pause(env, symbol=symbol)
    else:
        run_halt(env, level="run", reason=reason, new_peak=new_peak)


order_app = typer.Typer(
    help="Name orders without a proven answer, and say what became of one.", rich_markup_mode=None,
    no_args_is_help=True,
)  # fmt: skip
app.add_typer(order_app, name="order")


@order_app.command("list")
def order_list(env: Env = "", as_json: Json = False) -> None:
    """List what left without a proven answer: since when, why, and what to type; reads only."""
    from bot.commands.ordering import run_order_list

    run_order_list(env, as_json=as_json)


@order_app.command("resolve")
def order_resolve(
    order: Annotated[str, typer.Argument(help="The order's id, as `bot order list` shows it.")],
    never_arrived: Annotated[bool, typer.Option("--never-arrived", help="The broker never got it.")] = False,
    at_broker: Annotated[str, typer.Option("--at-broker", help="The broker has it, under this id of its own.")] = "",
    env: Env = "",
    reason: Reason = "the owner looked at the broker",
    at: Annotated[str, typer.Option(help="As for tick.")] = "",
) -> None:
    """End an order without a proven answer by your word; the broker is asked first, and its record goes before it."""
    from bot.commands.ordering import run_order_resolve

    run_order_resolve(
        env, order_id=order, never_arrived=never_arrived, at_broker=at_broker, reason=reason, at=at
    )  # fmt: skip


@app.command("dump-state")
def dump_state(
    env: Env = "",
    since: Annotated[str, typer.Option(help="YYYY-MM-DD or ISO moment: only rows from then on.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Newest rows of each table.")] = 100,
) -> None:
    """Print the record as one JSON object: every table, newest rows last."""
    from bot.commands.looking import run_dump_state

    run_dump_state(env, since=since, limit=limit)


app.add_typer(upkeep)
app.add_typer(reach)
app.add_typer(research)
