"""`.env` and the process environment: who wins, where each value came from, and no secret anywhere."""

from __future__ import annotations

import json
import os
import pickle
import stat
from base64 import b64encode
from pathlib import Path

import msgspec
import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from bot.config.deskfile import read_desk
from bot.config.desktext import desk_text
from bot.config.effective import config_hash, effective, settings_from_process
from bot.config.envfile import KNOWN_NAMES, VARIABLES, env_text, parse_env, quoted
from bot.config.secret import Secrets
from bot.config.settings import Settings, load_settings
from bot.domain.errors import ConfigError

KEY, SECRET = "k" * 20, "s3cr3t-" * 5
DESK = desk_text("balanced")


def an_env(folder: Path, *lines: str, name: str = ".env", mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    path.chmod(mode)
    return path


def faults_of(folder: Path, **environ: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ, folder)
    assert caught.value.exit_code == 78
    assert SECRET not in str(caught.value)
    return caught.value.faults


def test_without_file_or_variable_everything_is_dry_simulated_and_on_paper(tmp_path: Path) -> None:
    """C011: the defaults send nothing."""
    settings = load_settings({}, tmp_path)
    assert (settings.mode, settings.broker, settings.market, settings.alpaca_env) == (
        "dry", "simulator", "synthetic", "paper",
    )  # fmt: skip
    assert set(settings.origins.values()) == {"default"}
    assert settings.secrets.names() == ()


def test_the_shipped_example_is_what_init_writes_and_reads_back_to_the_defaults(root: Path, tmp_path: Path) -> None:
    text = (root / ".env.example").read_text()
    assert text == env_text()
    an_env(tmp_path, text)
    assert load_settings({}, tmp_path).mode == "dry"
    for one in VARIABLES:
        assert one.name in text
        assert one.meaning in text


def test_the_home_is_data_beside_the_file_in_use(tmp_path: Path) -> None:
    elsewhere = tmp_path / "desk"
    elsewhere.mkdir()
    an_env(elsewhere, "BOT_MODE=dry")
    settings = load_settings({}, tmp_path, elsewhere / ".env")
    assert settings.home == elsewhere / "data"
    assert settings.desk_file == elsewhere / "data" / "desk.toml"
    assert settings.env_file == elsewhere / ".env"
    assert load_settings({}, elsewhere).home == elsewhere / "data"


def test_a_relative_home_belongs_to_whoever_named_it(tmp_path: Path) -> None:
    elsewhere = tmp_path / "desk"
    elsewhere.mkdir()
    an_env(elsewhere, "BOT_HOME=mine")
    assert load_settings({}, tmp_path, elsewhere / ".env").home == elsewhere / "mine"
    assert load_settings({"BOT_HOME": "here"}, tmp_path, elsewhere / ".env").home == tmp_path / "here"
    assert load_settings({"BOT_HOME": "/srv/desk"}, tmp_path).home == Path("/srv/desk")


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load_settings({}, tmp_path, tmp_path / "other.env")


def test_the_process_environment_wins_and_the_conflict_is_said(tmp_path: Path) -> None:
    """D030: a stale process environment must not override a file unseen."""
    an_env(tmp_path, "BOT_MODE=dry", "ALPACA_ENV=paper")
    settings = load_settings({"BOT_MODE": "live", "ALPACA_ENV": "paper"}, tmp_path)
    assert settings.mode == "live"
    assert settings.origins["BOT_MODE"] == "the process environment"
    assert settings.warnings == ("BOT_MODE: the process environment says 'live' and wins over .env, which says 'dry'",)


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    an_env(tmp_path, "BOT_MODE=live", "ALPACA_API_KEY=")
    settings = load_settings({"BOT_MODE": " "}, tmp_path)
    assert settings.mode == "live"
    assert settings.secrets.names() == ()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("BOT_MODE", "Live", "BOT_MODE: expected dry or live, got 'Live', did you mean live?"),
        ("BOT_BROKER", "simulatr", "did you mean simulator?"),
        ("BOT_BROKER", "ccxt", "ccxt comes with a later release"),
        ("BOT_MARKET", "alpaca", "BOT_MARKET: alpaca is for BOT_BROKER=alpaca"),
        ("ALPACA_STOCK_FEED", "opra", "ALPACA_STOCK_FEED: expected iex or sip, got 'opra'"),
        ("ALPACA_OPTION_FEED", "opera", "did you mean opra?"),
        ("ALPACA_TRADING_URL", "https://paper-api.alpaca.markets.example.org", "ALPACA_TRADING_URL"),
        ("ALPACA_TRADING_URL", "https://api.alpaca.markets", "ALPACA_TRADING_URL"),
        ("ALPACA_DATA_URL", "http://data.alpaca.markets", "ALPACA_DATA_URL"),
        ("BOT_MARKET", "recorded", "expected recorded:<folder> with a folder that exists"),
        ("BOT_MARKET", "recorded:", "expected recorded:<folder>"),
        ("BOT_MARKET", "recorded:nowhere", "expected recorded:<folder> with a folder that exists"),
        ("BOT_MARKET", "syntetic", "did you mean synthetic?"),
        ("ALPACA_ENV", "live", "ALPACA_ENV=live needs ALPACA_ACCOUNT"),
        ("ALPACA_ENV", SECRET, "got a text of 35 characters"),
    ],
)
def test_a_wrong_variable_is_refused_with_78_and_its_origin(tmp_path: Path, name: str, value: str, words: str) -> None:
    (fault,) = faults_of(tmp_path, **{name: value})
    assert words in fault
    assert fault.startswith("the process environment: ")
    an_env(tmp_path, f"{name}={value}")
    (fault,) = faults_of(tmp_path)
    assert words in fault
    assert fault.startswith(".env: ")


def test_all_faults_of_file_and_environment_appear_at_once(tmp_path: Path) -> None:
    an_env(tmp_path, "BOT_MODE=on", "BOT_BROKRE=simulator", "just words", "BOT_MODE=dry")
    faults = faults_of(tmp_path, ALPACA_ENV="real")
    assert len(faults) == 5
    assert any("unknown variable BOT_BROKRE, did you mean BOT_BROKER?" in fault for fault in faults)
    assert any(fault.startswith(".env:3: expected NAME=value") for fault in faults)
    assert any(fault == ".env:4: BOT_MODE stands there twice" for fault in faults)


def test_a_secret_pasted_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    an_env(tmp_path, SECRET, f"{'PK' + 'A1' * 9}=x", f"{SECRET}=")
    for fault in faults_of(tmp_path):
        assert "not shown" in fault
        assert "A1A1" not in fault


def test_a_real_account_needs_its_number_pinned(tmp_path: Path) -> None:
    settings = load_settings({"ALPACA_ENV": "live", "ALPACA_ACCOUNT": "123456789"}, tmp_path)
    assert (settings.alpaca_env, settings.alpaca_account) == ("live", "123456789")


def test_an_account_at_alpaca_trades_on_alpacas_prices(tmp_path: Path) -> None:
    settings = load_settings({"BOT_BROKER": "alpaca"}, tmp_path)
    assert (settings.market, settings.stock_feed, settings.option_feed) == ("alpaca", "iex", "indicative")
    assert (settings.trading_url, settings.data_url) == (
        "https://paper-api.alpaca.markets", "https://data.alpaca.markets"
    )  # fmt: skip
    (fault,) = faults_of(tmp_path, BOT_BROKER="alpaca", BOT_MARKET="synthetic")
    assert "take the line out" in fault


def test_an_address_is_put_right_and_only_alpacas_own_or_this_machine_is_taken(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "BOT_BROKER": "alpaca", "ALPACA_TRADING_URL": "http://127.0.0.1:4010/v2/",
            "ALPACA_DATA_URL": "https://data.alpaca.markets/v2",
        },
        tmp_path,
    )  # fmt: skip
    assert (settings.trading_url, settings.data_url) == ("http://127.0.0.1:4010", "https://data.alpaca.markets")


def test_missing_keys_are_named_with_what_to_do(tmp_path: Path) -> None:
    settings = load_settings({"BOT_BROKER": "alpaca", "ALPACA_API_KEY": KEY}, tmp_path)
    (missing,) = settings.secrets_missing
    assert missing.startswith("ALPACA_SECRET_KEY is not set and BOT_BROKER=alpaca needs it")
    assert load_settings({}, tmp_path).secrets_missing == ()


def test_a_misspelt_process_variable_is_a_warning_and_others_are_left_alone(tmp_path: Path) -> None:
    settings = load_settings({"BOT_MOED": "live", "PATH": "/bin", "BOT_ENV": "x", "BOT_TEST_MATERIAL": "y"}, tmp_path)
    assert settings.warnings == ("BOT_MOED in the process environment is read by nobody, did you mean BOT_MODE?",)


def test_a_recorded_market_is_a_folder_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "tape").mkdir()
    an_env(tmp_path, "BOT_MARKET=recorded:tape")
    settings = load_settings({}, tmp_path)
    assert (settings.market, settings.market_folder) == ("recorded", tmp_path / "tape")
    assert settings.market_text == f"recorded:{tmp_path / 'tape'}"


@pytest.mark.parametrize("way", ["plain", "file", "b64", "secrets_file"])
def test_a_secret_comes_from_any_of_its_four_places(tmp_path: Path, way: str) -> None:
    """B055."""
    (tmp_path / "key").write_text(SECRET + "\n")
    (tmp_path / "key").chmod(0o600)
    an_env(tmp_path, f"ALPACA_SECRET_KEY={SECRET}", name="vault")
    (tmp_path / "vault").chmod(0o600)
    line = {
        "plain": f"ALPACA_SECRET_KEY={SECRET}",
        "file": "ALPACA_SECRET_KEY_FILE=key",
        "b64": f"ALPACA_SECRET_KEY_B64={b64encode(SECRET.encode()).decode()}",
        "secrets_file": "SECRETS_FILE=vault",
    }[way]
    an_env(tmp_path, line)
    settings = load_settings({}, tmp_path)
    assert settings.secrets.reveal("ALPACA_SECRET_KEY") == SECRET
    assert settings.warnings == ()
    name = line.partition("=")[0]
    origin = settings.origins["ALPACA_SECRET_KEY"]
    assert origin == (".env" if way == "plain" else name if way == "secrets_file" else f"{name} in .env")


@pytest.mark.parametrize("line", ["ALPACA_SECRET_KEY_FILE=vault", "SECRETS_FILE=vault"])
def test_a_file_of_secrets_beside_env_that_every_user_may_read_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "vault").write_text(f"ALPACA_SECRET_KEY={SECRET}\n")
    an_env(tmp_path, line)
    for mode, told in ((0o644, 1), (0o640, 0), (0o600, 0)):  # a group is chosen; systemd's own copies have one
        (tmp_path / "vault").chmod(mode)
        warnings = load_settings({}, tmp_path).warnings
        assert warnings == (f"vault holds secrets and others may read it: chmod 600 {tmp_path / 'vault'}",) * told


def test_a_direct_secret_wins_and_differing_places_are_named_without_values(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("another")
    (tmp_path / "key").chmod(0o600)
    an_env(tmp_path, f"ALPACA_API_KEY={KEY}", "ALPACA_API_KEY_FILE=key")
    settings = load_settings({}, tmp_path)
    assert settings.secrets.reveal("ALPACA_API_KEY") == KEY
    assert settings.warnings == ("ALPACA_API_KEY: .env and ALPACA_API_KEY_FILE in .env differ; the first one wins",)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ALPACA_SECRET_KEY_FILE=nowhere", "ALPACA_SECRET_KEY_FILE in .env: cannot be read: No such file"),
        ("ALPACA_SECRET_KEY_FILE=two", "expected a file with the secret on one line"),
        (f"ALPACA_SECRET_KEY_B64={SECRET}", "expected base64 of UTF-8 text, got 35 characters that are not"),
        ("SECRETS_FILE=nowhere", "nowhere: cannot be read"),
        ("SECRETS_FILE=strange", "expected only ALPACA_API_KEY, ALPACA_SECRET_KEY, WATCH_PING_URL, DISCORD_"),
    ],
)
def test_an_unusable_secret_is_an_error_that_does_not_show_it(tmp_path: Path, line: str, words: str) -> None:
    (tmp_path / "two").write_text(f"{SECRET}\n{SECRET}\n")
    (tmp_path / "strange").write_text(f"SOMETHING={SECRET}\n")
    an_env(tmp_path, line)
    (fault,) = faults_of(tmp_path)
    assert words in fault


def test_a_missing_secret_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ALPACA_API_KEY is not set"):
        load_settings({}, tmp_path).secrets.reveal("ALPACA_API_KEY")


def test_a_file_with_secrets_that_others_may_read_is_a_warning(tmp_path: Path) -> None:
    an_env(tmp_path, f"ALPACA_API_KEY={KEY}", mode=0o644)
    (warning,) = load_settings({}, tmp_path).warnings
    assert "chmod 600" in warning
    an_env(tmp_path, f"ALPACA_API_KEY={KEY}", mode=0o600)
    assert load_settings({}, tmp_path).warnings == ()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def with_secrets(folder: Path) -> Settings:
    return load_settings({"ALPACA_API_KEY": KEY, "ALPACA_SECRET_KEY": SECRET}, folder)


def test_no_secret_reaches_text_json_messagepack_pickle_or_the_rows_of_config_show(tmp_path: Path) -> None:
    settings = with_secrets(tmp_path)
    shown = [repr(settings), str(settings), f"{settings.secrets!s}", str(effective(settings, read_desk(DESK)))]
    shown += config_hash(DESK, settings)
    for text in shown:
        assert SECRET not in text
        assert KEY not in text
        assert SECRET[:4] not in text
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, pickle.dumps):
        with pytest.raises(TypeError):
            encode(settings)
    with pytest.raises(TypeError):
        json.dumps(settings.secrets)  # type: ignore[arg-type, unused-ignore]


def test_a_masked_secret_tells_its_length_and_nothing_of_its_text() -> None:
    assert repr(Secrets({"ALPACA_API_KEY": KEY})) == "Secrets(ALPACA_API_KEY: set, 20 characters)"
    assert Secrets({}).masked("ALPACA_API_KEY") == "not set"
    assert Secrets({"A": "x"}) == Secrets({"A": "x"})
    assert Secrets({"A": "x"}) != Secrets({"A": "y"})


def test_every_effective_value_is_shown_with_its_origin(tmp_path: Path) -> None:
    """D030: what is in effect, and where it came from."""
    an_env(tmp_path, "BOT_MODE=live")
    text = DESK.replace("equity_min = 2000 ", "equity_min = 3000 ")
    override = "[strategies.wheel.overrides.XLF]\nput_dte_min = 30\n"
    settings = load_settings({"ALPACA_API_KEY": KEY}, tmp_path)
    rows = {row.key: (row.value, row.origin) for row in effective(settings, read_desk(text + override))}
    assert rows["BOT_MODE"] == ("live", ".env")
    assert rows["BOT_BROKER"] == ("simulator", "default")
    assert rows["ALPACA_API_KEY"] == ("set, 20 characters", "the process environment")
    assert rows["limits.equity_min"] == ("3000", "desk.toml (balanced: 2000)")
    assert rows["strategies.wheel.premium_stop_multiple"] == ("off", "desk.toml")
    assert rows["strategies.wheel.put_dte_min for XLF"] == ("30", "desk.toml (balanced: 25)")
    assert rows["strategies.wheel.put_dte_min for SPY"] == ("25", "desk.toml")
    assert rows["strategies.stops.symbols"] == ("all other own shares", "desk.toml")
    assert {name for name in KNOWN_NAMES if not name.endswith(("_FILE", "_B64"))} <= set(rows)


def test_the_hash_changes_with_what_decides_and_not_with_a_moved_folder_or_a_new_key(tmp_path: Path) -> None:
    base, stored = config_hash(DESK, with_secrets(tmp_path))
    assert json.loads(stored) == {
        "ALPACA_ACCOUNT": "", "ALPACA_ENV": "paper", "BOT_BROKER": "simulator", "BOT_MARKET": "synthetic",
        "BOT_MODE": "dry", "ALPACA_STOCK_FEED": "iex", "ALPACA_OPTION_FEED": "indicative",
        "ALPACA_TRADING_URL": "https://paper-api.alpaca.markets", "ALPACA_DATA_URL": "https://data.alpaca.markets",
    }  # fmt: skip
    assert config_hash(DESK, load_settings({"BOT_HOME": "/elsewhere"}, tmp_path))[0] == base
    assert config_hash(DESK, load_settings({"BOT_MODE": "live"}, tmp_path))[0] != base
    assert config_hash(DESK + "\n", with_secrets(tmp_path))[0] != base


def test_a_desk_file_that_holds_a_secret_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config_hash(f"{DESK}# my key is {SECRET}\n", with_secrets(tmp_path))
    assert "holds the value of ALPACA_SECRET_KEY" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_this_process_is_read_through_one_door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    an_env(tmp_path, "BOT_MODE=live")
    os.environ["BOT_HOME"] = str(tmp_path / "h")
    settings = settings_from_process()
    assert (settings.mode, settings.home) == ("live", tmp_path / "h")


@pytest.mark.parametrize(
    "text",
    [
        "A_B=plain\n# comment\n\nC_D=\n", "export A_B=x\n", "A_B='quoted value'\n", 'A_B="a\\nb"\n', "A_B=x # words\n",
        "A_B=x#y\n", "\ufeffA_B=1\n", "A_B=1\r\nC_D=2\r\n", "A_B=a=b==\n", "  A_B=1\n", "A_B = 1\n", "A_B=$HOME\n",
    ],
)  # fmt: skip
def test_a_file_is_read_as_python_dotenv_reads_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(text.encode())
    values, faults = parse_env(text, ".env")
    assert faults == []
    assert values == dotenv_values(path, interpolate=False, encoding="utf-8")


LINES = st.lists(st.from_regex(r"\A(#[a-z =']{0,5}|[A-Z]{1,4}_[A-Z]{1,2}=[a-z0-9./:=+ '#\"\\-]{0,8}|)\Z"), max_size=4)


@given(lines=LINES)
def test_the_short_way_and_python_dotenv_agree_on_any_file(lines: list[str]) -> None:
    from io import StringIO

    text = "\n".join(lines)
    values, faults = parse_env(text, ".env")
    if not faults:
        assert values == dotenv_values(stream=StringIO(text), interpolate=False)


@given(value=st.text(st.characters(codec="ascii", exclude_characters="\r\x00"), max_size=20))
def test_a_written_value_reads_back_the_same(value: str) -> None:
    values, faults = parse_env(f"A_B={quoted(value)}\nC_D=1\n", ".env")
    assert faults == []
    assert values == {"A_B": value, "C_D": "1"}
