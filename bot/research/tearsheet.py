"""A run on one page: HTML that stands alone (no script, nothing fetched, light or dark), and a picture of it.

What was modelled is said first. Every figure has its interval or says why there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

from bot.domain.money import ZERO, plain
from bot.research.beside import compared
from bot.research.bootstrap import intervals_of
from bot.research.facts import RunFacts, Trade
from bot.research.sheet import OURS, Line, exposures, falls, lines_of, monthly, premiums, yearly
from bot.research.sheet_png import picture
from bot.research.sheet_svg import area_chart, bar_chart, dollars, line_chart, percent
from bot.research.statistics import Statistics, periods_a_year, run_levels, statistics_of

TRADES_SHOWN = 500
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_STYLE = """
:root{--ground:#fff;--text:#1c1e21;--faint:#63676e;--rule:#dfe1e5;--card:#f6f7f8;--s0:#0b6fcf;--s1:#b96a00;--s2:#7b4fc9;
--gain:#1f8f4e;--loss:#c9363f;--warn:#8a5a00;--warnground:#fff3d6}
@media (prefers-color-scheme:dark){:root{--ground:#17181b;--text:#eceef1;--faint:#a0a5ad;--rule:#34363b;--card:#202226;
--s0:#4fb3ff;--s1:#f0a63a;--s2:#b98cf0;--gain:#3fbf74;--loss:#f05a61;--warn:#ffd479;--warnground:#3a2f14}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--text);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:980px;margin:0 auto;padding:24px 20px 48px}h1{font-size:24px;margin:0 0 4px}
h2{font-size:16px;margin:28px 0 6px}p{margin:4px 0;color:var(--faint)}
.label{background:var(--warnground);color:var(--warn);padding:8px 12px;border-radius:6px;margin:12px 0;font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:10px;margin:16px 0}
.tile{background:var(--card);border-radius:8px;padding:10px 12px}.tile b{display:block;font-size:20px}
.tile span{color:var(--faint);font-size:13px}svg{width:100%;height:auto;display:block}
.grid{stroke:var(--rule);stroke-width:1}.axis{fill:var(--faint);font-size:12px}.name{font-size:13px;font-weight:600}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.s0{stroke:var(--s0);stroke-width:2.6}.s1{stroke:var(--s1)}
.s2{stroke:var(--s2)}.t0{fill:var(--s0)}.t1{fill:var(--s1)}.t2{fill:var(--s2)}rect.gain{fill:var(--gain)}
rect.loss{fill:var(--loss)}.fall{fill:var(--loss);opacity:.28}.edge.fall{fill:none;stroke:var(--loss);opacity:1;
stroke-width:1.2}.used{fill:var(--s0);opacity:.2}.edge.used{fill:none;stroke:var(--s0);opacity:1;stroke-width:1.2}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--faint);font-weight:600}th:first-child,td:first-child,.words{text-align:left}
.heat td{text-align:center;border:1px solid var(--ground)}.plus{color:var(--gain)}.minus{color:var(--loss)}
code{font-size:12px;word-break:break-all}summary{cursor:pointer;color:var(--s0);margin:8px 0}
footer{margin-top:32px;border-top:1px solid var(--rule);padding-top:12px;font-size:13px}
"""


def html_of(run: RunFacts, fills: str, every: str) -> str:
    """Give the page as text; `fills` says in a line how orders filled, `every` how far apart the ticks were."""
    found = statistics_of(run)
    lines = lines_of(run)
    own = lines[0].points
    what, *settings = run.name.split("; ")
    label = f"Modelled prices: {run.modelled}." if run.modelled else "Prices as recorded on the tape."
    exposed = exposures(run)
    parts = [
        f"<h1>{escape(what)}</h1>",
        f"<p>{run.days[0].day} to {run.days[-1].day}, {len(run.days)} sessions, a tick every {escape(every)}; "
        f"{escape(run.market)}; desk {escape(run.desk_name)}</p>",
        f"<p>set {escape(', '.join(settings))}</p>" if settings else "",
        f'<div class="label">{escape(label)} Simulated money.</div>',
        _tiles(run, found),
        "<h2>Equity beside holding and the benchmark</h2>",
        line_chart(lines, 300, lambda value: percent(value - 1), _alt(lines)),
        "<h2>Fall from the peak</h2>",
        area_chart(falls(own), 130, percent, f"deepest fall {percent(found.drawdown_max)}", "fall"),
        "<h2>Returns by month</h2>",
        _heat(own),
        "<h2>At risk, share of equity</h2>",
        area_chart(exposed, 130, percent, "shares and the collateral of short puts", "used") if exposed else "",
        "<h2>Earned by options, each month</h2>",
        bar_chart(premiums(run), 150, dollars, "income of options by month, dollars"),
        "<h2>In numbers</h2>",
        _numbers(run, found),
        "<h2>Why wishes were refused, and chances passed over</h2>",
        _reasons(run),
        f"<h2>Trades that ended: {len(run.trades)}</h2>",
        _trades(run.trades),
        _foot(run, fills),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(run.name)}</title><style>{_STYLE}</style></head><body><main>{''.join(parts)}</main>"
        "</body></html>\n"
    )


def png_of(run: RunFacts) -> bytes:
    """Give the picture of one run: equity, fall, months, premium."""
    return picture(run)


def _alt(lines: Sequence[Line]) -> str:
    return "; ".join(f"{line.name} {percent(line.last - 1)}" for line in lines)


def _tiles(run: RunFacts, found: Statistics) -> str:
    premium = sum((one.premium for one in run.days), ZERO)
    tiles = [
        ("equity at the end", f"{run.days[-1].equity:,.2f}"),
        ("return", _signed(found.total_return)),
        ("a year", _signed(found.annual_return)),
        ("deepest fall", _percent(found.drawdown_max)),
        ("Sharpe", _number(found.sharpe)),
        ("trades won", "-" if found.win_rate is None else f"{found.win_rate:.0%} of {found.trades}"),
        ("options earned", f"{premium:+,.2f}"),
        ("fees", f"{run.fees:,.2f}"),
    ]
    return '<div class="tiles">' + "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{name}</span></div>' for name, value in tiles
    ) + "</div>"  # fmt: skip


def _heat(own: tuple[tuple[date, float], ...]) -> str:
    months, years = monthly(own), yearly(own)
    most = max((abs(value) for value in months.values()), default=0.0) or 1.0
    rows = []
    for year in sorted(years):
        cells = [_cell(months.get((year, month)), most, f"{MONTHS[month - 1]} {year}") for month in range(1, 13)]
        rows.append(f"<tr><th>{year}</th>{''.join(cells)}<td><b>{_signed(years[year])}</b></td></tr>")
    head = "".join(f"<th>{name}</th>" for name in (*MONTHS, "year"))
    return f'<div class="wide"><table class="heat"><tr><th></th>{head}</tr>{"".join(rows)}</table></div>'


def _cell(value: float | None, most: float, month: str) -> str:
    if value is None:
        return "<td></td>"
    colour, share = ("--gain" if value >= 0 else "--loss"), 8 + 52 * abs(value) / most
    style = f"background:color-mix(in srgb,var({colour}) {share:.0f}%,transparent)"
    return f'<td style="{style}" title="{month}">{value * 100:+z.1f}</td>'


def _numbers(run: RunFacts, found: Statistics) -> str:
    yearly_periods = periods_a_year(one.day for one in run.days)
    sure = intervals_of(run_levels(run).returns, yearly_periods)
    columns = [(OURS, found), *compared(run)]
    rows: list[tuple[str, str, Callable[[Any], str]]] = [
        ("return", "total_return", _signed), ("a year", "annual_return", _signed),
        ("volatility", "volatility", _percent), ("Sharpe", "sharpe", _number), ("Sortino", "sortino", _number),
        ("Calmar", "calmar", _number), ("deepest fall", "drawdown_max", _percent),
        ("longest below a peak, days", "drawdown_longest", str), ("best day", "best", _signed),
        ("worst day", "worst", _signed), ("skew", "skew", _number), ("kurtosis", "kurtosis", _number),
    ]  # fmt: skip
    head = "".join(f"<th>{escape(name)}</th>" for name, _ in columns)
    body = []
    for words, field, write in rows:
        cells = "".join(f"<td>{write(getattr(one, field))}</td>" for _, one in columns)
        one = sure.named(field)
        between = "" if one is None or one.low is None or one.high is None else f"{write(one.low)} to {write(one.high)}"
        body.append(f"<tr><td>{words}</td>{cells}<td>{between}</td></tr>")
    note = sure.why or f"{sure.samples} resamples of blocks of {sure.block:g} days, seed {sure.seed}"
    rest = [
        ("profit factor", _number(found.profit_factor)), ("exposure on average", _percent(found.exposure)),
        ("turnover a year", _number(found.turnover)),
        ("options' return on collateral, a year", _signed(found.collateral_return_annual)),
        ("dividends", f"{run.dividends:,.2f}"),
    ]  # fmt: skip
    more = "".join(
        f'<tr><td>{name}</td><td>{value}</td><td colspan="{len(columns)}"></td></tr>' for name, value in rest
    )
    return (
        f'<div class="wide"><table><tr><th></th>{head}<th>{sure.level:.0%} interval</th></tr>{"".join(body)}{more}'
        f"</table></div><p>Interval: {escape(note)}. Holding and the benchmark are prices only, without dividends.</p>"
    )


def _reasons(run: RunFacts) -> str:
    rows = [("halted", times, words) for words, times in run.halts[:4]]
    rows += [("refused", times, words) for words, times in run.refusals[:12]]
    rows += [("passed over", times, words) for words, times in run.passed_over[:12]]
    rows += [("error", times, words) for words, times in run.errors[:12]]
    if not rows:
        return "<p>Nothing was refused, nothing was passed over.</p>"
    cells = [(kind, f'<td class="words">{escape(words)}</td>', f"{times:,}") for kind, times, words in rows]
    body = "".join(f"<tr><td>{kind}</td>{what}<td>{times}</td></tr>" for kind, what, times in cells)
    return f'<div class="wide"><table>{body}</table></div>'


def _trades(trades: Sequence[Trade]) -> str:
    if not trades:
        return "<p>None.</p>"
    names = ("symbol", "kind", "strategy", "opened", "ended", "quantity", "in", "out", "how", "dollars")
    head = "".join(f"<th>{name}</th>" for name in names)
    shown = trades[-TRADES_SHOWN:]
    left = f"<p>The newest {TRADES_SHOWN} of {len(trades)}.</p>" if len(trades) > TRADES_SHOWN else ""
    rows = "".join(_trade_row(one) for one in shown)
    table = f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div>'
    return left + (table if len(shown) <= 30 else f"<details><summary>Show them</summary>{table}</details>")


def _trade_row(one: Trade) -> str:
    cells: Iterable[str] = (
        one.kind, one.strategy, f"{one.opened_at:%Y-%m-%d}", f"{one.closed_at:%Y-%m-%d}", plain(one.qty),
        _price(one.opened_price), _price(one.closed_price), one.how,
    )  # fmt: skip
    style = "plus" if one.pnl >= 0 else "minus"
    held = f"{one.opened_at:%Y-%m-%d %H:%M} to {one.closed_at:%Y-%m-%d %H:%M} UTC"
    return (
        f'<tr title="{held}"><td>{escape(one.symbol)}</td>'
        f"{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}"
        f'<td class="{style}">{one.pnl:+,.2f}</td></tr>'
    )


def _foot(run: RunFacts, fills: str) -> str:
    return "<footer>" + "".join(f"<p>{line}</p>" for line in _foot_lines(run, fills)) + "</footer>"


def _foot_lines(run: RunFacts, fills: str) -> Iterator[str]:
    agree = run.cash_account == run.cash_books
    yield f"Fills: {escape(fills)}."
    if run.note:
        yield f"{escape(run.note)}."
    yield "Our books and the account agree to the cent." if agree else "<b>Our books and the account differ.</b>"
    yield f"{run.ticks:,} ticks, {run.intents:,} wishes judged, {run.approved:,} approved, {run.fills:,} fills."
    for name, value in (("data", run.data_hash), ("desk.toml", run.desk_hash), ("run", run.digest)):
        yield f"{name} <code>{escape(value)}</code>"
    seed = "" if run.seed is None else f", seed {run.seed}"
    yield f"program {escape(run.code_version)}{seed}"


def _price(value: Decimal) -> str:
    places = max(2, len(plain(value).partition(".")[2]))
    return f"{value:,.{min(places, 5)}f}" if value else "-"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:z.1f} %"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:+z.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.2f}"
