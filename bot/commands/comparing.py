"""`bot backtest list`, `show` and `compare`: kept runs, and what differs between them before what came out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from bot.commands.backtest_running import check_target, draw, read_run
from bot.commands.backtest_words import lines_of, rules_words, step_words, summary
from bot.config.desksetting import keys_of
from bot.domain.errors import UsageError
from bot.domain.money import plain
from bot.report.words import table
from bot.research.facts import RunFacts
from bot.research.sheet_png import picture_of_many
from bot.research.statistics import statistics_of
from bot.store.backtests import list_backtests, read_backtest
from bot.wiring import House, load_house

MOST = 6
SHORT = 60
HASH_LENGTH = 64


def run_backtest_list(env: str, *, limit: int, as_json: bool) -> None:
    """Print the kept runs, newest first."""
    rows = list_backtests(load_house(env).home, limit)
    if as_json:
        found = [
            {
                "backtest": one.id, "at": one.at.isoformat(), "name": one.name, "strategies": one.strategy,
                "market": one.market, "from": one.first_day.isoformat(), "to": one.last_day.isoformat(),
                "modelled": one.modelled, "data_hash": one.data_hash, "code_version": one.code_version,
                "result": json.loads(one.result_json),
            }
            for one in rows
        ]  # fmt: skip
        print(json.dumps({"backtests": found}))
        return
    if not rows:
        print("no backtest is kept here yet: bot backtest")
        return
    cells = []
    for one in rows:
        result = json.loads(one.result_json)
        cells.append([
            str(one.id), f"{one.at:%Y-%m-%d %H:%M}", f"{one.first_day} to {one.last_day}",
            _signed(result.get("return")), _plain(result.get("sharpe")), "modelled" if one.modelled else "real",
            one.name or one.market,
        ])  # fmt: skip
    for line in table(["run", "at (UTC)", "days", "return", "Sharpe", "prices", "what"], cells):
        print(line)


def run_backtest_show(env: str, number: int, *, html: str, png: str, as_json: bool) -> None:
    """Print a kept run as it was printed when it ran, and draw its tear sheet where one is asked for."""
    files = [check_target(html, "--html"), check_target(png, "--png")]
    run = _kept(load_house(env), number)
    if as_json:
        print(json.dumps(summary(run, number)))
    else:
        print("\n".join(lines_of(run)))
    draw(run, *files, as_json=as_json)


def run_backtest_compare(env: str, numbers: Sequence[int], *, png: str, as_json: bool) -> None:
    """Print what differs between kept runs, then their figures side by side; draw one picture where asked."""
    if not 2 <= len(numbers) <= MOST or len(set(numbers)) != len(numbers):
        raise UsageError(f"compare takes two to {MOST} different runs, got {' '.join(map(str, numbers)) or 'none'}")
    target = check_target(png, "--png")
    house = load_house(env)
    runs = [(number, _kept(house, number)) for number in numbers]
    differs = differences([run for _, run in runs])
    if as_json:
        print(json.dumps({"differs": differs, "runs": [summary(run, number) for number, run in runs]}))
    else:
        print("\n".join(compare_lines(runs, differs)))
    if target is not None:
        target.write_bytes(picture_of_many([(f"run {number}", run) for number, run in runs]))
        if not as_json:
            print(f"picture: {target}")


def differences(runs: Sequence[RunFacts]) -> dict[str, dict[str, list[Any]]]:
    """Give what went into the runs and is not the same, by configuration, code, data and how they were run."""
    code: dict[str, list[Any]] = {"code_version": [run.code_version for run in runs]}
    data: dict[str, list[Any]] = {
        "market": [run.market for run in runs],
        "data_hash": [run.data_hash for run in runs],
        "seed": [run.seed for run in runs],
        "modelled": [run.modelled for run in runs],
        "days": [f"{run.days[0].day} to {run.days[-1].day}" for run in runs],
    }
    ran: dict[str, list[Any]] = {
        "step": [step_words(run.step_seconds) for run in runs],
        "fills": [rules_words(run.rules) for run in runs],
        "equity": [plain(run.equity_start) for run in runs],
    }
    desks = [keys_of(run.desk_text) for run in runs]
    names = dict.fromkeys(key for desk in desks for key in desk)
    config = {key: [_value(desk.get(key)) for desk in desks] for key in names}
    found: dict[str, dict[str, list[Any]]] = {"configuration": config, "code": code, "data": data, "run": ran}
    return {
        part: {key: values for key, values in rows.items() if any(value != values[0] for value in values)}
        for part, rows in found.items()
    }  # fmt: skip


def compare_lines(runs: Sequence[tuple[int, RunFacts]], differs: dict[str, dict[str, list[Any]]]) -> list[str]:
    """Say what differs and what came out, for a person."""
    lines = []
    for part, rows in differs.items():
        if not rows:
            lines.append(f"{part}: the same")
            continue
        lines.append(f"{part} differs:")
        lines += [f"  {key}: {'  |  '.join(_shorts(values))}" for key, values in rows.items()]
    if not any(differs.values()):
        same = len({run.digest for _, run in runs}) == 1
        lines.append("the same run" if same else "THE SAME INPUT CAME TO DIFFERENT RESULTS: that is a defect")
    head = ["", *(f"run {number}" for number, _ in runs)]
    lines += ["", *table(head, _rows([run for _, run in runs]), right=frozenset(range(1, len(head))))]
    if any(run.modelled for _, run in runs):
        made = [str(number) for number, run in runs if run.modelled]
        lines.append(f"MODELLED prices in run {', '.join(made)}")
    return lines


def _rows(runs: Sequence[RunFacts]) -> list[list[str]]:
    found = [statistics_of(run) for run in runs]

    def row(name: str, field: str, form: str) -> list[str]:
        return [name, *(_write(getattr(one, field), form) for one in found)]

    return [
        ["equity at the end", *(f"{run.days[-1].equity:,.2f}" for run in runs)],
        row("return", "total_return", "+%"),
        row("a year", "annual_return", "+%"),
        row("volatility", "volatility", "%"),
        row("Sharpe", "sharpe", "."),
        row("Sortino", "sortino", "."),
        row("Calmar", "calmar", "."),
        row("deepest fall", "drawdown_max", "%"),
        row("trades", "trades", ""),
        row("win rate", "win_rate", "%"),
        row("profit factor", "profit_factor", "."),
        row("exposure", "exposure", "%"),
        row("turnover a year", "turnover", "."),
        ["options earned", *(f"{sum(one.premium for one in run.days):+,.2f}" for run in runs)],
        ["dividends", *(f"{run.dividends:,.2f}" for run in runs)],
        ["fees", *(f"{run.fees:,.2f}" for run in runs)],
        ["wishes judged", *(f"{run.intents:,}" for run in runs)],
        ["fills", *(f"{run.fills:,}" for run in runs)],
    ]


def _write(value: Any, form: str) -> str:
    if value is None:
        return "-"
    if form == "":
        return str(value)
    if form == ".":
        return f"{value:z.2f}"
    return f"{value * 100:+z.1f} %" if form == "+%" else f"{value * 100:z.1f} %"


def _kept(house: House, number: int) -> RunFacts:
    return read_run(read_backtest(house.home, number), number)


def _value(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value, default=str)


def _shorts(values: Sequence[object]) -> list[str]:
    """Write values short: hashes by their beginning, long words from where they begin to differ."""
    texts = ["-" if value is None else str(value) for value in values]
    letters = enumerate(zip(*texts, strict=False))
    same = next((place for place, one in letters if len(set(one)) > 1), 0) if max(map(len, texts)) > SHORT else 0
    start = 0 if same < SHORT // 2 else same - 12
    cut = [text[start : start + SHORT] if len(text) != HASH_LENGTH else text[:16] for text in texts]
    return [f"{'...' if start else ''}{text}{'...' if len(text) == SHORT else ''}" for text in cut]


def _signed(value: str | None) -> str:
    return "-" if value is None else f"{float(value) * 100:+z.1f} %"


def _plain(value: object) -> str:
    return "-" if value is None else str(value)
