"""`bot init`: files nobody overwrites, what an equity allows, and the source system's variables."""

from __future__ import annotations

import stat
from decimal import Decimal
from pathlib import Path

import pytest

from bot.config.convert import convert_source
from bot.config.effective import load_desk, load_settings
from bot.config.initialise import InitResult, fit_lines, initialise, reach_of, what_fits
from bot.config.profiles import PROFILES, Profile, profile_values, shipped_universe
from bot.domain.desk import Limits, WheelNumbers
from bot.domain.errors import ConfigError, StoreError, UsageError
from bot.tests.builders import some_limits, wheel_numbers

D = Decimal
PRICES = {"SPY": D(600), "XLF": D(50), "EWZ": D(30), "FXI": D("42.56"), "SLV": D("42.55")}


def test_a_fresh_folder_gets_both_files_closed_to_others(tmp_path: Path) -> None:
    result = initialise(tmp_path / "bot", equity=D(10_000))
    assert stat.S_IMODE(result.env_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(result.desk_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(result.home.stat().st_mode) == 0o700
    settings = load_settings({}, tmp_path / "bot")
    assert settings.home == result.home
    desk = load_desk(settings.desk_file)
    assert (desk.profile, desk.simulator.equity, set(desk.universe)) == (
        "balanced", D(10_000), set(shipped_universe()),
    )  # fmt: skip


def test_a_home_named_apart_is_written_into_the_file(tmp_path: Path) -> None:
    result = initialise(tmp_path / "bot", home=tmp_path / "my home")
    assert load_settings({}, tmp_path / "bot").home == tmp_path / "my home" == result.home


@pytest.mark.parametrize("existing", [".env", "data/desk.toml"])
def test_an_existing_file_is_named_and_nothing_is_written(tmp_path: Path, existing: str) -> None:
    path = tmp_path / existing
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match="nothing was written") as caught:
        initialise(tmp_path)
    assert existing in str(caught.value)
    assert path.read_text() == "mine"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == [path]


def test_a_failure_half_way_leaves_no_file_behind(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the home should be")
    with pytest.raises(StoreError, match="cannot be written"):
        initialise(tmp_path)
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"profile": "bold"}, "conservative, balanced, aggressive"),
        ({"name": "My Desk"}, "lower-case letters"),
    ],
)
def test_words_that_are_off_are_usage_errors(tmp_path: Path, given: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        initialise(tmp_path, **given)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_an_equity_out_of_range_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"simulator\.equity"):
        initialise(tmp_path, equity=D(5))
    assert list(tmp_path.iterdir()) == []


def test_the_aggressive_profile_adds_the_owners_names_and_the_others_take_them_alone(tmp_path: Path) -> None:
    added = load_desk(initialise(tmp_path / "a", profile="aggressive", symbols=("AAPL",)).desk_file)
    assert set(added.universe) == {*shipped_universe(), "AAPL"}
    assert added.universe["AAPL"].kind == "stock"
    alone = load_desk(initialise(tmp_path / "b", symbols=("XLF", "SLV")).desk_file)
    assert tuple(alone.universe) == ("XLF", "SLV")
    assert alone.universe["SLV"].group == "metals"


@pytest.mark.parametrize(
    ("profile", "equity", "strike"),
    [
        ("conservative", 10_000, 30), ("balanced", 10_000, 40), ("aggressive", 10_000, 50),
        ("conservative", 25_000, 75), ("balanced", 25_000, 100), ("aggressive", 25_000, 125),
        ("conservative", 100_000, 300), ("balanced", 100_000, 400), ("aggressive", 100_000, 500),
    ],
)  # fmt: skip
def test_the_largest_first_strike_is_what_the_rules_say(profile: Profile, equity: int, strike: int) -> None:
    """wheel.md section 3: 30/40/50 at 10k, 75/100/125 at 25k, 300/400/500 at 100k."""
    reach = reach_of(D(equity), profile_values(Limits, profile))
    assert (reach.strike, reach.limit) == (D(strike), "symbol_share_first")


def test_the_tightest_limit_is_the_one_that_is_named() -> None:
    assert reach_of(D(10_000), some_limits(order_loss_share=D("0.3"))) == (D(30), "order_loss_share")
    assert reach_of(D(10_000), some_limits(symbol_share_first=None, order_loss_share=None)).limit == "group_share"
    assert reach_of(D(10_000), some_limits(cash_buffer_min=D(9_000))) == (D(10), "cash_buffer")
    assert reach_of(D(1_999), some_limits()) == (D(0), "equity_min")


def test_names_fit_by_the_strike_a_put_would_have() -> None:
    """At 10k the balanced profile reaches 40.00; 6 % below 42.55 is just inside, below 42.56 just outside."""
    rows = what_fits(D(10_000), some_limits(), wheel_numbers(), PRICES)
    assert [(row.symbol, row.fits) for row in rows] == [
        ("EWZ", True), ("SLV", True), ("FXI", False), ("XLF", False), ("SPY", False),
    ]  # fmt: skip
    assert rows[1].strike == D("40.00")
    without = what_fits(D(10_000), some_limits(), wheel_numbers(otm_fallback=None), {"X": D(42)})
    assert without[0].strike == D("39.90")


def said(result: InitResult) -> str:
    return "\n".join(fit_lines(result))


def test_the_result_says_what_fits_in_sentences(tmp_path: Path) -> None:
    text = said(initialise(tmp_path, equity=D(10_000), prices=PRICES))
    assert "10,000 USD, balanced: a first put may have a strike of 40 at most (symbol_share_first)" in text
    assert "fits: EWZ, SLV" in text
    assert "too dear: FXI (42.56), XLF (50), SPY (600)" in text


def test_an_equity_that_reaches_nothing_says_so(tmp_path: Path) -> None:
    assert "none of the universe" in said(initialise(tmp_path / "a", equity=D(2_000), prices={"SPY": D(600)}))
    assert "nothing will be opened" in said(initialise(tmp_path / "b", equity=D(1_500), prices=PRICES))


SOURCE = {
    "BOT_MODE": "live", "ALPACA_ENV": "live", "ALPACA_API_KEY": "the-key", "ALPACA_SECRET_KEY": "the secret",
    "ALPACA_BASE_URL": "https://paper-api.alpaca.markets/v2", "WHEEL_UNIVERSE": "spy, AAPL,bad-name",
    "TARGET_DELTA": "-0.35", "OTM_PCT": "5", "MIN_ANNUAL_YIELD": "0.12", "MAX_SHORT_PUTS_PER_SYMBOL": "2",
    "MAX_POSITION_PCT": "20", "CASH_BUFFER": "500", "MAX_CONCURRENT_SHORT_PUTS": "4", "DTE_MIN": "10", "DTE_MAX": "21",
    "TRAIL_PERCENT": "10", "DISCORD_WEBHOOK": "https://chat.example/hook", "POLL_SECONDS": "900", "UNSET": "",
}  # fmt: skip


def test_the_source_systems_variables_become_a_desk_that_loads(tmp_path: Path) -> None:
    source = tmp_path / "old.env"
    source.write_text("".join(f"{name}='{value}'\n" for name, value in SOURCE.items()))
    result = initialise(tmp_path / "new", from_env=source)
    settings = load_settings({}, tmp_path / "new")
    assert (settings.mode, settings.alpaca_env) == ("dry", "paper")
    assert settings.secrets.reveal("ALPACA_SECRET_KEY") == "the secret"
    desk = load_desk(settings.desk_file)
    numbers = desk.wheels[0][2].numbers["AAPL"]
    assert tuple(desk.universe) == ("SPY", "AAPL")
    assert (numbers.put_delta_target, numbers.put_delta_max, numbers.call_delta_target) == (D("0.35"),) * 3
    assert (numbers.otm_fallback, numbers.put_yield_min) == (D("0.05"), D("0.12"))
    assert (numbers.put_dte_min, numbers.put_dte_max, numbers.put_dte_target) == (10, 21, 15)
    assert numbers.time_exit_dte == 9
    assert (desk.limits.symbol_share, desk.limits.symbol_share_first) == (D("0.2"), D("0.2"))
    assert (desk.limits.put_series_per_symbol, desk.limits.put_series_total) == (D(2), D(4))
    assert desk.limits.cash_buffer_min == D(500)
    assert desk.trailing_stops[0][2].numbers.trail_percent == D(10)
    told = "\n".join(result.converted + result.not_understood)
    assert "the secret" not in told
    assert "chat.example" not in told
    for name, value in SOURCE.items():
        assert not value or name in told, name
    assert "20 was read as percent" in told
    assert "without /v2" in told
    assert "POLL_SECONDS: no variable of the source system" in told


def test_nothing_that_was_live_stays_live() -> None:
    found = convert_source({"BOT_MODE": "live", "ALPACA_ENV": "live"}, "balanced")
    assert found.env == {"BOT_MODE": "dry", "ALPACA_ENV": "paper"}
    assert "raise it yourself after a dry tick" in found.words[0]


@pytest.mark.parametrize(
    ("name", "text", "where", "key", "value"),
    [
        ("OTM_PCT", "0.05", "strategies.wheel", "otm_fallback", "0.05"),
        ("OTM_PCT", "7%", "strategies.wheel", "otm_fallback", "0.07"),
        ("TARGET_DELTA", "30", "strategies.wheel", "put_delta_target", "0.3"),
        ("MIN_ANNUAL_YIELD", "12", "strategies.wheel", "put_yield_min", "0.12"),
        ("CASH_BUFFER", "0.1", "limits", "cash_buffer_share", "0.1") ,
        ("CASH_BUFFER_PCT", "15", "limits", "cash_buffer_share", "0.15"),
        ("TRAIL_PERCENT", "0.08", "strategies.stops", "trail_percent", "8"),
        ("MAX_CONCURRENT_SHORT_PUTS", "9", "limits", "put_series_total", "9"),
    ],
)  # fmt: skip
def test_percentages_and_fractions_are_put_right(name: str, text: str, where: str, key: str, value: str) -> None:
    assert convert_source({name: text}, "balanced").numbers[where][key] == D(value)


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("MAX_POSITION_PCT", "1", "1 may mean 1 % or 100 %"),
        ("OTM_PCT", "five", "expected a number"),
        ("MAX_SHORT_PUTS_PER_SYMBOL", "1.5", "expected a whole number of series"),
        ("MAX_CONCURRENT_SHORT_PUTS", "-1", "the balanced profile's 5 stays"),
        ("WHEEL_UNIVERSE", "bad-name", "is no share or fund"),
        ("PKABCDEFGH", "x", "not shown: it may be a secret"),
    ],
)
def test_what_is_not_understood_is_named_and_changes_nothing(name: str, text: str, words: str) -> None:
    found = convert_source({name: text}, "balanced")
    (line,) = found.not_understood
    assert words in line
    assert not any(found.numbers.values())
    assert found.symbols is None


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "values",
    [
        {"DTE_MIN": "60"}, {"DTE_MAX": "5"}, {"DTE_MIN": "1", "DTE_MAX": "1"}, {"TARGET_DELTA": "0.05"},
        {"TARGET_DELTA": "0.9"}, {"MAX_SHORT_PUTS_PER_SYMBOL": "20"}, {"MAX_CONCURRENT_SHORT_PUTS": "0"},
        {"DTE_MIN": "40", "DTE_MAX": "20"}, {"MAX_POSITION_PCT": "0.9"},
    ],
)  # fmt: skip
def test_whatever_is_converted_the_result_loads(tmp_path: Path, profile: Profile, values: dict[str, str]) -> None:
    source = tmp_path / "old.env"
    source.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    result = initialise(tmp_path / "new", profile=profile, from_env=source)
    assert load_desk(result.desk_file).profile == profile
    assert result.converted


def test_a_source_file_that_cannot_be_read_is_an_error_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        initialise(tmp_path / "new", from_env=tmp_path / "nowhere.env")
    assert not (tmp_path / "new").exists()


def test_profiles_grow_bolder_from_left_to_right() -> None:
    limits = [profile_values(Limits, profile) for profile in PROFILES]
    targets = [profile_values(WheelNumbers, profile).put_delta_target for profile in PROFILES]
    assert targets == sorted(targets)
    for key in ("symbol_share", "symbol_share_first", "group_share", "stress_loss_share", "order_loss_share"):
        values = [getattr(one, key) for one in limits]
        assert values == sorted(values)
