"""`bot data`: market data of the past as tapes. A source is read whole, checked row by row, and kept or refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bot.commands.looking import print_json, show
from bot.config.effective import settings_from_process
from bot.config.settings import Settings
from bot.domain.errors import MarketError, StoreError, UsageError
from bot.domain.snapshot import Snapshot
from bot.report.words import filled_text, table
from bot.store.queries import ledger_exists, open_for_questions
from bot.store.snapshots import load_snapshot
from bot.tapes.bar_checks import ACCEPTABLE
from bot.tapes.bars_in import BarOptions
from bot.tapes.chains_in import import_chains
from bot.tapes.checking import changed_files
from bot.tapes.events_in import read_events, read_factors
from bot.tapes.facts import EventEntry, Problem, TapeFacts
from bot.tapes.home_in import import_ticks
from bot.tapes.importing import Imported, Order, import_bars
from bot.tapes.reading import Findings
from bot.tapes.signals_in import import_signals
from bot.tapes.tape import Tape, open_tape, read_catalogue, tape_hash, tape_names

STEPS = {"": 0, "1min": 60, "5min": 300, "15min": 900, "30min": 1800, "1hour": 3600, "1day": 86_400}
SERIES_SHOWN = 30
FILE_KINDS = ("bars", "chains", "signals")


class Sources(NamedTuple):
    """What `bot data import` was given, word by word."""

    files: tuple[str, ...]
    kind: str = "bars"
    home: str = ""
    spot: str = ""
    symbol: str = ""
    columns: str = ""
    zone: str = "UTC"
    stamp: str = "start"
    step: str = ""
    splits: str = ""
    dividends: str = ""
    factors: str = ""
    always_open: bool = False
    keep: str = ""
    drop_bad: bool = False
    accept: tuple[str, ...] = ()
    note: str = ""
    replace: bool = False


def run_data_import(env: str, name: str, given: Sources, *, as_json: bool) -> None:
    """Make a tape and print the report; exits with 1 where what was found refuses it."""
    settings = _settings(env)
    if bool(given.home) == bool(given.files):
        raise UsageError("name either the files to import or --home HOME, not both and not neither")
    files = tuple(Path(one).expanduser() for one in given.files)
    order = Order(settings.tapes_folder, name, files, datetime.now(UTC), given.note, given.replace)
    for word in given.accept:
        if word not in ACCEPTABLE:
            raise UsageError(f"--accept: expected {' or '.join(map(repr, ACCEPTABLE))}, got {word[:30]!r}")
    findings = Findings(given.accept)
    if given.home:
        made = _import_home(Path(given.home).expanduser(), order, findings)
    else:
        made = _import_files(order, given, findings)
    if as_json:
        print_json(_import_object(order, made))
    else:
        show(_import_lines(order, made))
    if made.facts is None:
        raise SystemExit(1)


def run_data_list(env: str, *, as_json: bool) -> None:
    """List the tapes; one that cannot be read is named with what is wrong."""
    settings = _settings(env)
    folder = settings.tapes_folder
    rows, objects, broken = [], [], []
    for name in tape_names(folder):
        try:
            tape = open_tape(folder, name)
        except MarketError as error:
            broken.append(str(error))
            continue
        objects.append(_tape_object(tape.facts))
        symbols = str(len(tape.symbols)) if len(tape.symbols) > 3 else " ".join(tape.symbols)
        days = f"{tape.first_at:%Y-%m-%d} to {tape.last_at:%Y-%m-%d}"
        rows.append([name, " ".join(tape.kinds), _step_text(tape.facts), symbols, days, tape.hash[:12]])
    if as_json:
        print_json({"folder": str(folder), "tapes": objects, "broken": broken})
        return
    if not rows and not broken:
        show([f"no tapes in {folder}", "make one with `bot data import NAME FILE`"])
        return
    lines = [f"tapes in {folder}", *table(("name", "kind", "step", "symbols", "days", "hash"), rows)]
    for one in broken:
        lines += filled_text(f"BROKEN: {one}", hanging="  ")
    show(lines)


def run_data_show(env: str, name: str, *, as_json: bool) -> None:
    """Show one tape's catalogue."""
    tape = open_tape(_settings(env).tapes_folder, name)
    if as_json:
        print_json(_tape_object(tape.facts))
        return
    show(_tape_lines(tape))


def run_data_check(env: str, name: str, *, as_json: bool) -> None:
    """Read a tape's files again and hold them against its catalogue; exits with 1 where one was changed."""
    folder = _settings(env).tapes_folder
    facts = read_catalogue(folder, name)
    changed = changed_files(folder / name, facts)
    if as_json:
        print_json({"name": name, "hash": tape_hash(facts), "files": len(facts.files), "changed": changed})
    elif changed:
        show([f"tape {name} IS NOT what was imported", *(f"  {one}" for one in changed), "import it again: --replace"])
    else:
        size = sum(one.size for one in facts.files)
        show([f"tape {name} is what was imported", f"  {len(facts.files)} files, {size:,} bytes, {tape_hash(facts)}"])
    if changed:
        raise SystemExit(1)


def _settings(env: str) -> Settings:
    return settings_from_process(Path(env) if env else None)


def _import_files(order: Order, given: Sources, findings: Findings) -> Imported:
    for what, word, words in (
        ("--stamp", given.stamp, ("start", "end")), ("--keep", given.keep, ("", "first", "last")),
        ("--step", given.step, tuple(STEPS)), ("--kind", given.kind, FILE_KINDS),
    ):  # fmt: skip
        if word not in words:
            raise UsageError(f"{what}: expected {', '.join(one for one in words if one)}, got {word[:20]!r}")
    options = BarOptions(
        symbol=given.symbol, columns=_mapping(given.columns), zone=given.zone, stamp=given.stamp,
        step_seconds=STEPS[given.step], always_open=given.always_open, keep=given.keep, drop_bad=given.drop_bad,
        accept=given.accept,
    )  # fmt: skip
    if given.spot and given.kind != "chains":
        raise UsageError("--spot: only chains take the bars of their underlyings from another tape")
    if given.kind != "bars" and (given.splits or given.dividends or given.factors):
        raise UsageError("dividends and splits belong to bars: import those; chains name their tape with --spot")
    if given.kind == "signals":
        return import_signals(order, options, findings)
    if given.kind == "chains":
        spot = open_tape(order.folder, given.spot) if given.spot else None
        return import_chains(order, options, findings, spot)
    events: list[EventEntry] = []
    also: list[Path] = []
    for kind, text in (("split", given.splits), ("dividend", given.dividends)):
        if text:
            also.append(Path(text).expanduser())
            events += read_events(also[-1], "split" if kind == "split" else "dividend", given.symbol, findings)
    if given.factors:
        if not given.symbol:
            raise UsageError("--factors: a factor file names no symbol: add --symbol SYMBOL")
        also.append(Path(given.factors).expanduser())
        events += read_factors(also[-1], given.symbol)
    return import_bars(order, options, events, findings, events_given=bool(also), also_read=also)


def _import_home(home: Path, order: Order, findings: Findings) -> Imported:
    if not ledger_exists(home):
        raise UsageError(f"--home: there is no ledger in {home}")
    with open_for_questions(home) as ledger:
        rows = ledger.connection.execute(
            "SELECT id, snapshot_hash FROM ticks WHERE snapshot_hash IS NOT NULL ORDER BY ts, id"
        ).fetchall()

        def snapshots() -> Iterator[Snapshot]:
            for tick, digest in rows:
                try:
                    yield load_snapshot(ledger.connection, home, digest)
                except StoreError as error:
                    thinned = "thinned" in str(error)
                    findings.add(
                        "thinned tick" if thinned else "tick that cannot be read", f"tick {tick}", str(error),
                        refuses=not thinned,
                    )  # fmt: skip

        return import_ticks(order, snapshots(), findings, origin=str(home.absolute()))


def _mapping(text: str) -> dict[str, str]:
    """Read `open=o,time=Date`."""
    found: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        ours, sign, theirs = part.partition("=")
        if not sign or not ours.strip():
            raise UsageError(f"--columns: expected pairs such as open=o,time=Date, got {part[:40]!r}")
        found[ours.strip()] = theirs.strip()
    return found


def _import_lines(order: Order, made: Imported) -> list[str]:
    refusing = [one for one in made.problems if one.refuses]
    others = [one for one in made.problems if not one.refuses]
    if made.facts is None:
        lines = [f"tape {order.name} was REFUSED: {made.rows} rows read, nothing kept"]
    else:
        lines = [f"tape {order.name} kept in {order.folder / order.name}", *_facts_lines(made.facts)]
    if refusing:
        lines.append("what refuses it:")
        lines += _problem_lines(refusing)
        lines += filled_text(
            "mend the source, or say what to do: --keep first|last (duplicates, order), --drop-bad (rows that cannot "
            f"be read), --accept {' or '.join(map(repr, ACCEPTABLE))} (where it is right as it stands)"
        )
    if others:
        lines.append("also found:" if refusing else "what was found and kept as it is:")
        lines += _problem_lines(others)
    return lines


def _problem_lines(problems: Sequence[Problem]) -> list[str]:
    """Say findings in lines; one that many symbols share in the same words is said once."""
    alike: dict[tuple[str, str], list[Problem]] = {}
    for one in problems:
        alike.setdefault((one.what, one.words), []).append(one)
    lines = []
    for (what, words), some in alike.items():
        if len(some) == 1:
            lines += filled_text(some[0].text, "  ", "    ")
            continue
        symbols = ", ".join(one.symbol for one in some[:6]) + (", ..." if len(some) > 6 else "")
        first = f" (first {some[0].symbol}: row {some[0].rows[0]})" if some[0].rows else ""
        total = sum(one.count for one in some)
        lines += filled_text(f"{what}, {total} times in {len(some)} series ({symbols}){first}: {words}", "  ", "    ")
    return lines


def _facts_lines(facts: TapeFacts) -> list[str]:
    first, last = min(one.first_at for one in facts.series), max(one.last_at for one in facts.series)
    rows = sum(one.rows for one in facts.series)
    dividends = sum(one.kind == "dividend" for one in facts.events)
    counted = f"dividends {dividends}, splits {len(facts.events) - dividends}"
    events = counted if facts.events_given else "dividends and splits not given"
    lines = [
        f"  kind      {' '.join(facts.kinds)}, {_step_text(facts)}, {len(facts.series)} series, {rows:,} rows",
        f"  known     {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC",
        f"  hours     {'around the clock' if facts.always_open else 'New York sessions'}; {events}",
        f"  hash      {tape_hash(facts)}",
    ]
    if facts.modelled:
        lines.append(f"  MODELLED  {facts.modelled}")
    if facts.note:
        lines += filled_text(f"note      {facts.note}", "  ", "            ")
    return lines


def _tape_lines(tape: Tape) -> list[str]:
    facts = tape.facts
    lines = [f"tape {tape.name} in {tape.folder}", *_facts_lines(facts)]
    lines.append(f"  imported  {facts.imported_at:%Y-%m-%d %H:%M} UTC, read with zone {facts.zone}")
    lines += [f"  {name:9} {text}" for name, text in facts.options.items() if name != "zone"]
    lines += [f"  source    {one.name}, {one.size:,} bytes, {one.sha256[:12]}" for one in facts.sources]
    rows = [
        [
            f"{one.symbol} {one.name}".strip(),
            one.kind,
            f"{one.rows:,}",
            f"{one.first_at:%Y-%m-%d %H:%M}",
            f"{one.last_at:%Y-%m-%d %H:%M}",
        ]
        for one in facts.series[:SERIES_SHOWN]
    ]
    lines += table(("symbol", "kind", "rows", "first known", "last known"), rows, right=frozenset({2}))
    if len(facts.series) > SERIES_SHOWN:
        lines.append(f"  and {len(facts.series) - SERIES_SHOWN} more: --json shows all")
    if facts.problems:
        lines += ["found when it was imported:", *_problem_lines(facts.problems)]
    return lines


def _step_text(facts: TapeFacts) -> str:
    name = next((name for name, seconds in STEPS.items() if name and seconds == facts.step_seconds), "")
    return name or (f"{facts.step_seconds} s" if facts.step_seconds else "as it came")


def _problem_object(one: Problem) -> dict[str, Any]:
    return {
        "what": one.what, "symbol": one.symbol, "count": one.count, "rows": list(one.rows), "words": one.words,
        "refuses": one.refuses,
    }  # fmt: skip


def _import_object(order: Order, made: Imported) -> dict[str, Any]:
    return {
        "name": order.name, "kept": made.facts is not None, "rows": made.rows,
        "problems": [_problem_object(one) for one in made.problems],
        "tape": None if made.facts is None else _tape_object(made.facts),
    }  # fmt: skip


def _tape_object(facts: TapeFacts) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(facts)
    return found | {"hash": tape_hash(facts)}
