"""`.env` and the process environment -> Settings: where and whether, and the secrets.

The process environment wins over the file, each value keeps its origin, and a conflict between the two is a
warning that names both (a stale environment must not override a file unseen).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

import bot
from bot.config.channels import read_channels, token_fault, webhook_fault
from bot.config.deskkeys import nearest
from bot.config.envfile import (
    BROKER_SECRETS,
    KNOWN_NAMES,
    SECRET_NAMES,
    SECRETS_FILE,
    VARIABLES,
    read_env_file,
    unknown_names,
)
from bot.config.secret import Secrets
from bot.domain.channels import Channels
from bot.domain.errors import ConfigError
from bot.domain.facts import Fact
from bot.venues.hosts import TRADING_HOSTS, data_url, trading_url

ENVIRONMENT = "the process environment"
DEFAULT = "default"
_ELSEWHERE = ("BOT_ENV", "BOT_TEST_")
"""Variables that the command line and the tests read."""


class Settings(Fact, frozen=True, kw_only=True):
    """Where and whether: the home, the three switches, the market, the secrets, each with its origin."""

    home: Path
    env_file: Path | None
    mode: Literal["dry", "live"] = "dry"
    broker: Literal["simulator", "alpaca", "ccxt"] = "simulator"
    market: Literal["synthetic", "recorded", "alpaca"] = "synthetic"
    market_folder: Path | None = None
    alpaca_env: Literal["paper", "live"] = "paper"
    alpaca_account: str = ""
    stock_feed: Literal["iex", "sip"] = "iex"
    option_feed: Literal["indicative", "opra"] = "indicative"
    trading_url: str = ""
    data_url: str = ""
    channels: Channels = Channels()
    metrics_folder: Path | None = None
    tapes_folder: Path = Path("tapes")
    secrets: Secrets = Secrets({})
    origins: dict[str, str] = msgspec.field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def desk_file(self) -> Path:
        """Give the path of this home's desk.toml."""
        return self.home / "desk.toml"

    @property
    def market_text(self) -> str:
        """Give BOT_MARKET as one would write it."""
        return self.market if self.market_folder is None else f"{self.market}:{self.market_folder}"

    @property
    def secrets_missing(self) -> tuple[str, ...]:
        """Name the secrets the chosen broker needs and nobody set, each with what to do."""
        if self.broker != "alpaca":
            return ()
        return tuple(
            f"{name} is not set and BOT_BROKER=alpaca needs it: copy it from the {self.alpaca_env} account's page at "
            f"Alpaca into .env, or name a file in {name}_FILE"
            for name in BROKER_SECRETS
            if name not in self.secrets.names()
        )


class _Given(NamedTuple):
    value: str
    origin: str
    folder: Path
    """What a relative path in the value is relative to."""


class _Sources:
    """The process environment over the file: one place that decides who wins."""

    def __init__(self, environ: Mapping[str, str], cwd: Path, env_file: Path | None) -> None:
        self.faults: list[str] = []
        self.warnings: list[str] = []
        self.cwd = cwd
        self.process = {name: environ[name] for name in KNOWN_NAMES if environ.get(name, "").strip()}
        self.file: dict[str, str] = {}
        self.file_name = ".env" if env_file is None else env_file.name
        self.folder = cwd if env_file is None else env_file.parent
        if env_file is not None:
            values, self.faults = read_env_file(env_file)
            self.faults += unknown_names(values, self.file_name)
            self.file = {name: value.strip() for name, value in values.items() if value.strip()}
        for name in sorted(environ):
            ours = name.startswith(("BOT_", "ALPACA_")) and not name.startswith(_ELSEWHERE)
            if ours and name not in KNOWN_NAMES and nearest(name, KNOWN_NAMES):
                self.warnings.append(f"{name} in {ENVIRONMENT} is read by nobody{nearest(name, KNOWN_NAMES)}")

    def all_of(self, name: str) -> list[_Given]:
        """Give every value of a variable, the winner first."""
        found = []
        if name in self.process:
            found.append(_Given(self.process[name].strip(), ENVIRONMENT, self.cwd))
        if name in self.file:
            found.append(_Given(self.file[name], self.file_name, self.folder))
        return found

    def one_of(self, name: str) -> _Given | None:
        """Give the value that wins, warning where the loser differs."""
        found = self.all_of(name)
        if len(found) == 2 and found[0].value != found[1].value:
            self.warnings.append(
                f"{name}: {found[0].origin} says {_safe(found[0].value)} and wins over {found[1].origin}, "
                f"which says {_safe(found[1].value)}"
            )
        return found[0] if found else None


def load_settings(environ: Mapping[str, str], cwd: Path, env_file: Path | None = None) -> Settings:
    """Read the settings from the process environment and one .env file.

    The file is `env_file` if named, else `.env` in `cwd`, else the project's own; there may be none.
    Raises ConfigError with every fault of the file and the environment. No message holds a secret.
    """
    path = _find_env_file(cwd, env_file)
    sources = _Sources(environ, cwd, path)
    origins: dict[str, str] = {}
    texts: dict[str, _Given] = {}
    for one in VARIABLES:
        if not one.secret:
            given = sources.one_of(one.name) or _Given(one.default, DEFAULT, sources.folder)
            texts[one.name], origins[one.name] = given, given.origin
    values = _checked(texts, sources.faults)
    held = _secrets(sources, origins)
    sources.faults += _misshapen(held, origins)
    channels = read_channels(lambda name: (texts[name].value, texts[name].origin), sources.faults)
    if path is not None and held and path.stat().st_mode & 0o077:
        sources.warnings.append(f"{path.name} holds secrets and others may read it: chmod 600 {path}")
    if sources.faults:
        raise ConfigError(sources.faults)
    home, metrics, tapes = texts["BOT_HOME"], texts["BOT_METRICS_FOLDER"], texts["BOT_TAPES"]
    return Settings(
        channels=channels,
        tapes_folder=_path(tapes.value, tapes.folder),
        metrics_folder=_path(metrics.value, metrics.folder) if metrics.value else None,
        home=_path(home.value, home.folder),
        env_file=path,
        secrets=Secrets(held),
        origins=origins,
        warnings=tuple(sources.warnings),
        **values,
    )


def _misshapen(held: Mapping[str, str], origins: Mapping[str, str]) -> list[str]:
    """Name the secrets that cannot be what they are for, without repeating them."""
    from bot.config.pinging import ping_fault

    checks = (
        ("WATCH_PING_URL", ping_fault), ("DISCORD_WEBHOOK_URL", webhook_fault), ("TELEGRAM_BOT_TOKEN", token_fault),
    )  # fmt: skip
    told = ((name, check(held[name])) for name, check in checks if name in held)
    return [f"{origins[name]}: {fault}" for name, fault in told if fault]


def _find_env_file(cwd: Path, env_file: Path | None) -> Path | None:
    if env_file is not None:
        named = _path(str(env_file), cwd)
        if not named.is_file():
            raise ConfigError(f"{named}: there is no such file; `bot init` writes one")
        return named
    project = Path(bot.__file__).parent.parent
    if (cwd / ".env").is_file():
        return cwd / ".env"
    if (project / "pyproject.toml").is_file() and (project / ".env").is_file():
        return project / ".env"
    return None


def _checked(texts: Mapping[str, _Given], faults: list[str]) -> dict[str, Any]:
    def choice(name: str, allowed: tuple[str, ...]) -> str:
        given = texts[name]
        if given.value not in allowed:
            faults.append(
                f"{given.origin}: {name}: expected {' or '.join(allowed)}, got {_safe(given.value)}"
                f"{nearest(given.value, allowed)}"
            )
        return given.value

    broker = choice("BOT_BROKER", ("simulator", "alpaca", "ccxt"))
    if broker == "ccxt":
        origin = texts["BOT_BROKER"].origin
        faults.append(
            f"{origin}: BOT_BROKER: ccxt comes with a later release and this one cannot trade there; "
            "set simulator or alpaca"
        )
    environment = choice("ALPACA_ENV", ("paper", "live"))
    account = texts["ALPACA_ACCOUNT"].value
    if environment == "live" and not account:
        faults.append(
            f"{texts['ALPACA_ENV'].origin}: ALPACA_ENV=live needs ALPACA_ACCOUNT, the number of the one account "
            "this desk may trade"
        )
    market, folder = _market(texts["BOT_MARKET"], broker, faults)
    trading, data = _hosts(texts, environment, faults)
    return {
        "mode": choice("BOT_MODE", ("dry", "live")),
        "broker": broker,
        "market": market,
        "market_folder": folder,
        "alpaca_env": environment,
        "alpaca_account": account,
        "stock_feed": choice("ALPACA_STOCK_FEED", ("iex", "sip")),
        "option_feed": choice("ALPACA_OPTION_FEED", ("indicative", "opra")),
        "trading_url": trading,
        "data_url": data,
    }


def _hosts(texts: Mapping[str, _Given], environment: str, faults: list[str]) -> tuple[str, str]:
    """Give the trading and data hosts: Alpaca's own, or a replacement on loopback."""
    if environment not in TRADING_HOSTS:  # told already
        return "", ""
    found = []
    for name, read in (
        ("ALPACA_TRADING_URL", lambda url: trading_url(environment, url)),
        ("ALPACA_DATA_URL", data_url),
    ):
        try:
            found.append(read(texts[name].value))
        except ConfigError as error:
            faults += [f"{texts[name].origin}: {fault}" for fault in error.faults]
            found.append("")
    return found[0], found[1]


def _market(given: _Given, broker: str, faults: list[str]) -> tuple[str, Path | None]:
    where = f"{given.origin}: BOT_MARKET"
    if not given.value:
        return ("alpaca" if broker == "alpaca" else "synthetic"), None
    kind, _, rest = given.value.partition(":")
    if broker == "alpaca" and given.value != "alpaca":
        faults.append(
            f"{where}: BOT_BROKER=alpaca trades on Alpaca's own prices, got {_safe(given.value)}: take the line out"
        )
        return "alpaca", None
    if kind == "recorded":
        folder = _path(rest, given.folder)
        if not rest or not folder.is_dir():
            faults.append(f"{where}: expected recorded:<folder> with a folder that exists, got {_safe(given.value)}")
        return kind, folder
    if given.value == "alpaca":
        if broker != "alpaca":
            faults.append(
                f"{where}: alpaca is for BOT_BROKER=alpaca; a simulated account needs synthetic or recorded:<folder>"
            )
    elif given.value != "synthetic":
        hint = nearest(kind, ("synthetic", "recorded", "alpaca"))
        faults.append(f"{where}: expected synthetic or recorded:<folder>, got {_safe(given.value)}{hint}")
    return kind, None


def _secrets(sources: _Sources, origins: dict[str, str]) -> dict[str, str]:
    """Read each secret from NAME, NAME_FILE, NAME_B64 or SECRETS_FILE; a direct value wins."""
    held: dict[str, str] = {}
    from_file = _secrets_file(sources)
    for name in SECRET_NAMES:
        found: list[tuple[str, str]] = []
        for given in sources.all_of(name):
            found.append((given.value, given.origin))
        for given in sources.all_of(f"{name}_FILE"):
            origin = f"{name}_FILE in {given.origin}"
            file = _path(given.value, given.folder)
            found += [(text, origin) for text in _read_secret(file, origin, sources.faults)]
            sources.warnings += _open_to_others(file)
        for given in sources.all_of(f"{name}_B64"):
            origin = f"{name}_B64 in {given.origin}"
            found += [(text, origin) for text in _decode(given.value, origin, sources.faults)]
        if name in from_file:
            found.append((from_file[name], SECRETS_FILE))
        if found:
            held[name], origins[name] = found[0]
            if any(value != found[0][0] for value, _ in found[1:]):
                sources.warnings.append(f"{name}: {' and '.join(one[1] for one in found)} differ; the first one wins")
        else:
            origins[name] = DEFAULT
    return held


def _secrets_file(sources: _Sources) -> dict[str, str]:
    given = sources.one_of(SECRETS_FILE)
    if given is None:
        return {}
    path = _path(given.value, given.folder)
    values, faults = read_env_file(path)
    sources.warnings += _open_to_others(path)
    strange = [key for key in values if key not in SECRET_NAMES]
    if strange:
        faults.append(f"{SECRETS_FILE}: expected only {', '.join(SECRET_NAMES)}, got {len(strange)} other names")
    sources.faults += faults
    return {name: value.strip() for name, value in values.items() if value.strip()}


def _open_to_others(path: Path) -> list[str]:
    """Warn of a file of secrets that every user may read; below /run a service manager made it and guards it."""
    if path.is_relative_to("/run") or not path.is_file() or not path.stat().st_mode & 0o007:
        return []
    return [f"{path.name} holds secrets and others may read it: chmod 600 {path}"]


def _read_secret(path: Path, origin: str, faults: list[str]) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{origin}: cannot be read: {error.strerror if isinstance(error, OSError) else 'not UTF-8 text'}")
        return []
    if not text or "\n" in text:
        faults.append(f"{origin}: expected a file with the secret on one line")
        return []
    return [text]


def _decode(text: str, origin: str, faults: list[str]) -> list[str]:
    import binascii
    from base64 import b64decode

    try:
        return [b64decode(text, validate=True).decode("utf-8").strip()]
    except (binascii.Error, UnicodeDecodeError):
        faults.append(f"{origin}: expected base64 of UTF-8 text, got {len(text)} characters that are not")
        return []


def _path(text: str, folder: Path) -> Path:
    path = Path(text).expanduser()
    return path if path.is_absolute() else folder / path


def _safe(value: str) -> str:
    """Repeat a short word; a long text may be a secret in the wrong place."""
    return repr(value) if len(value) <= 16 or value.startswith("recorded:") else f"a text of {len(value)} characters"
