"""`bot init`, `bot config ...` and `bot doctor`."""

from __future__ import annotations

import json
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.commands.looking import script_folder
from bot.commands.opening import amount, open_ledger, say_home, warn
from bot.config.deskfile import load_desk, read_desk, read_text
from bot.config.desktext import upgrade_desk
from bot.config.effective import effective, settings_from_process
from bot.config.initialise import InitResult, fit_lines, initialise, what_fits
from bot.domain.errors import ConfigError, StoreError, UsageError
from bot.domain.instruments import is_equity
from bot.domain.money import plain
from bot.ops.doctor import examine
from bot.wiring import load_house, session_moment, wall_clock


def run_config_show(env: str, *, as_json: bool) -> None:
    """Print every effective value with its origin."""
    house = load_house(env)
    rows = effective(house.settings, house.desk)
    if as_json:
        print(json.dumps([row._asdict() for row in rows]))
        warn(house)
        say_home(house)
        return
    width = max(len(row.key) for row in rows)
    for row in rows:
        print(f"{row.key:<{width}}  {row.value}   ({row.origin})")
    warn(house)
    print(f"configuration {house.hash[:16]}   home {house.home}")


def run_config_check(env: str, *, as_json: bool) -> None:
    """Check both files; ConfigError names every fault of both at once (as JSON they are printed, and it exits 78)."""
    faults: list[str] = []
    settings = None
    try:
        settings = settings_from_process(Path(env) if env else None)
    except ConfigError as error:
        faults += error.faults
    if settings is not None:
        try:
            read_desk(read_text(settings.desk_file), name=str(settings.desk_file))
        except ConfigError as error:
            faults += error.faults
        faults += settings.secrets_missing
    if as_json:
        home = None if settings is None else str(settings.home)
        warnings = () if settings is None else settings.warnings
        print(json.dumps({"complete": not faults, "faults": faults, "warnings": warnings, "home": home}))
        if faults:
            raise SystemExit(ConfigError.exit_code)
        return
    if faults or settings is None:
        raise ConfigError(faults)
    for warning in settings.warnings:
        print(f"warning: {warning}")
    print(f"the configuration is complete   home {settings.home}")


def run_config_approve(env: str) -> None:
    """Approve the configuration as it stands, by the person who types."""
    from bot.commands.owner import author
    from bot.ops.drilled import COMMAND, OFF, lacks
    from bot.store.drills import read_pass

    house = load_house(env)
    now = wall_clock()
    with open_ledger(house, "bot config approve", now) as journal:
        journal.keep_config(house.hash, house.desk_text, house.settings_json, now)
        journal.approve_config(house.hash, now, author())
        without = lacks(house, read_pass(journal.database.connection), now)
    print(f"configuration {house.hash[:16]} is approved   home {house.home}")
    if house.desk.limits.drill_age_days is None:
        print(f"warning: {OFF}", file=sys.stderr)
    elif without:
        print(f"warning: {without}: {COMMAND}; until it passes real money only reduces", file=sys.stderr)


def run_config_upgrade(env: str) -> None:
    """Write the keys a newer version asks for into desk.toml; the old file stays beside it."""
    settings = settings_from_process(Path(env) if env else None)
    path = settings.desk_file
    before = read_text(path)
    after = upgrade_desk(before, name=str(path))
    if after == before:
        print(f"nothing to upgrade   home {settings.home}")
        return
    backup = path.with_suffix(".toml.before-upgrade")
    try:
        _put(backup, before)
        _put(path, after)
    except OSError as error:
        where = error.filename2 or error.filename or path
        raise StoreError(f"{where}: cannot be written ({error.strerror}): make it writable") from error
    print(f"{path} is upgraded, the former file is {backup.name}; read the new keys, then `bot config check`")


def _put(path: Path, text: str) -> None:
    """Write a file for this user alone, whole or not at all: a desk cut off within a number would be another desk."""
    new = path.with_name(f".new-{path.name}")
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise


def run_init(
    env: str, *, profile: str, equity: str, symbols: str, from_env: str, broker: str = "simulator", as_json: bool
) -> None:
    """Write both files and say what the equity allows, at the embedded market's prices."""
    names = tuple(name.strip().upper() for name in symbols.split(",") if name.strip())
    strange = [name for name in names if not is_equity(name)]
    if strange:
        raise UsageError(f"--symbols takes names such as XLF,SLV, got {', '.join(strange)}")
    env_file = Path(env) if env else None
    result = initialise(
        Path.cwd() if env_file is None else env_file.parent,
        profile=profile,
        equity=amount(equity, "--equity"),
        symbols=names,
        from_env=Path(from_env) if from_env else None,
        env_file=env_file,
        broker=broker,
    )
    desk = load_desk(result.desk_file)
    numbers = next(iter(desk.wheels[0][2].numbers.values()))
    prices = embedded_prices(tuple(desk.universe))
    result = result._replace(fits=what_fits(result.equity, desk.limits, numbers, prices))
    if as_json:
        print(json.dumps(init_object(result)))
        return
    print(f"wrote {result.env_file} and {result.desk_file}   home {result.home}")
    for line in result.converted:
        print(f"converted: {line}")
    for line in result.not_understood:
        print(f"not understood: {line}")
    for line in fit_lines(result):
        print(line)
    print("(prices are the embedded market's: simulated)")
    option = f" --env {env}" if env else ""
    bot = f"{script_folder()}bot"
    if broker == "alpaca":
        print(
            f"next: put the two keys of your paper account into {result.env_file} (ALPACA_API_KEY, ALPACA_SECRET_KEY),"
        )
        print(f"then: {bot} doctor{option}, {bot} import-history{option}, {bot} tick{option} --dry")
    else:
        print(f"next: {bot} tick{option} --dry --at session")


def init_object(result: InitResult) -> dict[str, Any]:
    """Give what `init` wrote and what fits as plain objects: money as strings, prices simulated."""
    return {
        "env_file": str(result.env_file),
        "desk_file": str(result.desk_file),
        "home": str(result.home),
        "profile": result.profile,
        "equity": plain(result.equity),
        "strike_max": plain(result.reach.strike),
        "strike_max_by": result.reach.limit,
        "prices_simulated": True,
        "fits": [
            {"symbol": one.symbol, "price": plain(one.price), "strike": plain(one.strike), "fits": one.fits}
            for one in result.fits
        ],
        "converted": list(result.converted),
        "not_understood": list(result.not_understood),
    }


def embedded_prices(symbols: tuple[str, ...]) -> dict[str, Decimal]:
    """Give the embedded market's price of each name in the newest session."""
    from bot.domain.market import QuotesRequest
    from bot.markets.synthetic import SyntheticMarket

    at = session_moment(wall_clock())
    quotes = SyntheticMarket(1).fetch((QuotesRequest(symbols=symbols),), at).quotes
    return {quote.symbol: quote.mid for quote in quotes if quote.mid is not None}


def run_doctor(env: str, *, as_json: bool, reach: bool = False, backup_folder: str = "") -> None:
    """Look at what a tick stands on; any finding that stops one exits with 1."""
    from bot.ops.doctor_words import doctor_lines

    findings = examine(env, reach=reach, backup_folder=backup_folder)
    if as_json:
        print(json.dumps([finding._asdict() for finding in findings]))
    else:
        print("\n".join(doctor_lines(findings)))
    if any(finding.level == "stop" for finding in findings):
        raise SystemExit(1)
