"""What a backtest came to, for a person and for a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from bot.config.desksetting import keys_of
from bot.domain.fills import FillRules
from bot.domain.money import ZERO, plain
from bot.report.words import count, dollars
from bot.research.beside import HOLDING, compared
from bot.research.bootstrap import Intervals, intervals_of
from bot.research.facts import RunFacts
from bot.research.statistics import Statistics, periods_a_year, run_levels, statistics_of
from bot.research.trials import Deflated

QUOTES_RULE = (
    "quotes a minute apart: next minute at the earliest, the far side of the spread or a chance at the mid, at most "
    "the size shown, fees of the desk"
)
STEP_WORDS = {900: "15 minutes", 3600: "hour", 86_400: "session"}


def rules_words(rules: FillRules | None) -> str:
    """Say in one line how orders filled."""
    return QUOTES_RULE if rules is None else rules.words


def step_words(seconds: int) -> str:
    """Say how far apart the ticks were.

    >>> step_words(900), step_words(60)
    ('15 minutes', '1 minute')
    """
    if seconds in STEP_WORDS:
        return STEP_WORDS[seconds]
    return count(seconds // 60, "minute") if seconds % 60 == 0 else count(seconds, "second")


def traded(run: RunFacts) -> str:
    """Name the strategies that were on."""
    keys = keys_of(run.desk_text)
    names = [key.split(".")[1] for key in keys if key.startswith("strategies.") and key.endswith(".enabled")]
    return ", ".join(name for name in names if keys[f"strategies.{name}.enabled"]) or "nothing"


def result_of(run: RunFacts, found: Statistics) -> dict[str, Any]:
    """Give the run in a dozen plain facts, as the board shows them; money as text."""
    last = run.days[-1]
    beside = {name: one.total_return for name, one in compared(run)}
    benchmark = next((value for name, value in beside.items() if name != HOLDING), None)
    return {
        "equity_start": plain(run.equity_start),
        "equity_end": plain(last.equity),
        "return": _part(found.total_return),
        "holding": _part(beside.get(HOLDING)),
        "benchmark": _part(benchmark),
        "deepest_fall": _part(-found.drawdown_max),
        "sharpe": None if found.sharpe is None else round(found.sharpe, 2),
        "trades": found.trades,
        "win_rate": _part(found.win_rate),
        "premium": plain(sum((one.premium for one in run.days), ZERO)),
        "fees": plain(run.fees),
        "prices": "modelled" if run.modelled else "real",
    }


def summary(run: RunFacts, number: int | None = None) -> dict[str, Any]:
    """Give everything a program may want to know of a run."""
    found = statistics_of(run)
    values = msgspec.to_builtins(found)
    values.pop("undefined")
    return {
        "backtest": number,
        "name": run.name,
        "strategies": traded(run),
        "market": run.market,
        "modelled": run.modelled,
        "note": run.note,
        "from": run.days[0].day.isoformat(),
        "to": run.days[-1].day.isoformat(),
        "step_seconds": run.step_seconds,
        "ticks": run.ticks,
        "seconds": round(run.seconds, 2),
        "ticks_per_second": round(run.ticks / run.seconds, 1) if run.seconds else None,
        **{key: value for key, value in result_of(run, found).items() if key not in ("trades", "prices")},
        "dividends": plain(run.dividends),
        "statistics": {
            key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in values.items()
        },
        "undefined": dict(found.undefined),
        "intents_judged": run.intents,
        "intents_approved": run.approved,
        "orders_sent": run.orders,
        "fills": run.fills,
        "refusals": dict(run.refusals),
        "halts": dict(run.halts),
        "passed_over": dict(run.passed_over[:20]),
        "errors": dict(run.errors[:20]),
        "chains_priced": run.chains,
        "contracts_priced": run.contracts,
        "ticks_with_three_chains_fraction": round(run.ticks_with_three_chains / run.ticks, 3),
        "stage_milliseconds_per_tick": {name: round(value, 3) for name, value in run.stages},
        "cash_account": None if run.cash_account is None else plain(run.cash_account),
        "cash_books": None if run.cash_books is None else plain(run.cash_books),
        "fill_rules": rules_words(run.rules),
        "digest": run.digest,
        "data_hash": run.data_hash,
        "desk_hash": run.desk_hash,
        "code_version": run.code_version,
        "seed": run.seed,
    }


def lines_of(run: RunFacts) -> list[str]:
    """Say what a run came to, for a person."""
    found = statistics_of(run)
    first, last = run.days[0].day, run.days[-1].day
    step = step_words(run.step_seconds)
    what, *settings = run.name.split("; ")
    return [
        f"{what}: {traded(run)}; {count(len(run.days), 'session')}, {first} to {last}, a tick every {step}",
        *(f"set {setting}" for setting in settings),
        f"MODELLED: {run.modelled}" if run.modelled else "prices as recorded on the tape",
        *([run.note] if run.note else []),
        f"equity {dollars(run.equity_start)} -> {dollars(run.days[-1].equity)}",
        "",
        *_table(run, found),
        *_sure(run),
        "",
        *_money(run, found),
        *_nothing(run),
        *_counts(f"halted, of {count(run.ticks, 'tick')}", run.halts, 4),
        *_counts("refused by gate", run.refusals, 8),
        *_counts("passed over", run.passed_over, 6),
        *_counts("errors", run.errors, 6),
        f"fills: {rules_words(run.rules)}",
        _agree(run),
        *_work(run),
        f"data {run.data_hash[:16]}  desk {run.desk_hash[:16]}  code {run.code_version}  run {run.digest[:16]}",
    ]


def _table(run: RunFacts, found: Statistics) -> list[str]:
    columns: list[tuple[str, Statistics]] = [("this run", found)]
    columns += [(name, statistics) for name, statistics in compared(run)]
    rows: list[tuple[str, list[str]]] = [
        ("", [name for name, _ in columns]),
        ("return", [_signed(one.total_return) for _, one in columns]),
        ("a year", [_signed(one.annual_return) for _, one in columns]),
        ("volatility", [_percent(one.volatility) for _, one in columns]),
        ("Sharpe", [_number(one.sharpe) for _, one in columns]),
        ("Sortino", [_number(one.sortino) for _, one in columns]),
        ("deepest fall", [_percent(one.drawdown_max) for _, one in columns]),
        ("longest below peak", [count(one.drawdown_longest, "day") for _, one in columns]),
    ]
    return [f"  {name:<20}" + "".join(f"{cell:>14}" for cell in cells) for name, cells in rows]


def intervals(run: RunFacts) -> Intervals:
    """Give where the run's figures may lie, by resampling blocks of its days; the same run gives the same."""
    levels = run_levels(run)
    return intervals_of(levels.returns, periods_a_year(one.day for one in run.days))


def _sure(run: RunFacts) -> list[str]:
    found = intervals(run)
    if found.why or found.named("sharpe") is None:
        return [f"  no intervals: {found.why or 'the returns do not differ'}"]
    shown = (("annual_return", "a year", _signed), ("sharpe", "Sharpe", _number), ("drawdown_max", "fall", _percent))
    parts = []
    for name, words, write in shown:
        one = found.named(name)
        if one is not None and one.low is not None:
            parts.append(f"{words} {write(one.low)} to {write(one.high)}")
    return [f"  {found.level:.0%} of resamples: {', '.join(parts)}"]


def luck_lines(told: Deflated) -> list[str]:
    """Say what the Sharpe ratio is worth in the light of every trial on the same data."""
    aside = [told.aside] if told.aside else []
    if told.undefined or told.sharpe is None or told.threshold is None or told.chance is None:
        return [f"{count(told.trials, 'trial')} of this data; no word on luck: {told.undefined}", *aside]
    return [
        f"{count(told.trials, 'trial')} of this data so far: luck alone would show a best Sharpe ratio of "
        f"{told.threshold:.2f}, this is {told.sharpe:.2f}; chance that it is skill {told.chance:.0%}",
        *aside,
    ]


def _money(run: RunFacts, found: Statistics) -> list[str]:
    premium = sum((one.premium for one in run.days), ZERO)
    factor = "" if found.profit_factor is None else f", profit factor {found.profit_factor:.2f}"
    won = "" if found.win_rate is None else f", {found.wins} won ({found.win_rate:.0%}){factor}"
    collateral = (
        ""
        if found.collateral_return_annual is None
        else f"; on collateral {found.collateral_return_annual:+.1%} a year"
    )
    return [
        f"trades ended {found.trades}{won}",
        f"options earned {dollars(premium, signed=True)}, dividends {dollars(run.dividends)}, "
        f"fees {dollars(run.fees)}{collateral}",
        f"exposure {_percent(found.exposure)} of equity on average, turnover {_number(found.turnover)} times a year",
    ]


def _nothing(run: RunFacts) -> list[str]:
    """Say why nothing happened, if nothing did."""
    if run.fills:
        return []
    if run.orders:
        return [f"NOTHING FILLED: {count(run.orders, 'order')} went out and none met a price it could fill at"]
    if run.intents:
        return [f"NOTHING WAS SENT: all of {count(run.intents, 'wish', 'wishes')} were refused; the gates are below"]
    if run.passed_over:
        return ["NOTHING WAS WANTED: the strategies passed every chance over; their reasons are below"]
    return ["NOTHING WAS WANTED: no strategy that is on saw a chance; look at `bot config show` for what is enabled"]


def _counts(name: str, found: Sequence[tuple[str, int]], most: int) -> list[str]:
    if not found:
        return []
    more = f"  and {len(found) - most} more kinds" if len(found) > most else ""
    return [f"{name}:", *(f"  {times:>9,} x {word}" for word, times in found[:most]), *([more] if more else [])]


def _agree(run: RunFacts) -> str:
    account, books = run.cash_account, run.cash_books
    if account == books:
        return f"cash {dollars(account)}: our books and the account agree to the cent"
    return f"cash {dollars(account)}, our books say {dollars(books)}: THEY DIFFER"


def _work(run: RunFacts) -> Iterable[str]:
    rate = f" ({run.ticks / run.seconds:,.0f} a second)" if run.seconds else ""
    yield (
        f"{count(run.ticks, 'tick')} in {run.seconds:.1f} s{rate}; {count(run.chains, 'chain')} of "
        f"{count(run.contracts, 'contract')} priced, {run.ticks_with_three_chains / run.ticks:.0%} of ticks with three "
        f"or more; {count(run.intents, 'wish', 'wishes')} judged, {run.approved:,} approved, "
        f"{count(run.orders, 'order')}, {count(run.fills, 'fill')}"
    )
    yield "where the time goes, ms a tick: " + ", ".join(f"{name} {value:.2f}" for name, value in run.stages)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:z.1f} %"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:+z.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"


def _part(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
