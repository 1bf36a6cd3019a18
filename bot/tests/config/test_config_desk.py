"""desk.toml: every fault at once, each with file and key; nothing missing passes, nothing unknown either."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.config.deskfile import CONFIG_VERSION, examine_desk, load_desk, read_desk
from bot.config.deskkeys import specs_of
from bot.config.desktext import DeskChoice, desk_text, desk_text_of, upgrade_desk
from bot.config.profiles import PROFILES, Profile, check_profile, profile_values, shipped_universe
from bot.domain.desk import Limits, SimulatorNumbers, TickNumbers, TrailingNumbers, WheelNumbers
from bot.domain.errors import ConfigError, UsageError
from bot.tests.builders import simulator_numbers, some_limits, wheel_numbers

D = Decimal
BALANCED = desk_text("balanced")


def with_value(key: str, value: str, text: str = BALANCED) -> str:
    """Give the text with the first line of a key replaced."""
    changed, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)
    assert count == 1, key
    return changed


def without(key: str, text: str = BALANCED) -> str:
    changed, count = re.subn(rf"(?m)^{key} = .*\n", "", text, count=1)
    assert count == 1, key
    return changed


def faults_of(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read_desk(text)
    assert caught.value.exit_code == 78
    return caught.value.faults


def only_fault(text: str) -> str:
    faults = faults_of(text)
    assert len(faults) == 1, faults
    return faults[0]


def test_the_shipped_example_is_the_balanced_desk(root: Path) -> None:
    assert (root / "desk.example.toml").read_text() == BALANCED


@pytest.mark.parametrize("profile", PROFILES)
def test_each_profile_writes_a_file_that_reads_back_to_its_numbers(profile: Profile) -> None:
    desk = read_desk(desk_text(profile, D(100_000)))
    assert desk.profile == profile
    assert desk.limits == profile_values(Limits, profile)
    assert desk.simulator.equity == D(100_000)
    ((priority, enabled, wheel),) = desk.wheels
    assert (priority, enabled, wheel.protect_wheel_lots) == (10, True, False)
    assert set(wheel.numbers) == set(shipped_universe())
    assert all(numbers == profile_values(WheelNumbers, profile) for numbers in wheel.numbers.values())
    ((_, _, stops),) = desk.trailing_stops
    assert stops.numbers == profile_values(TrailingNumbers, profile)
    assert stops.wheel_symbols == frozenset(shipped_universe())


def test_the_balanced_profile_is_the_tables_of_the_rules() -> None:
    """Checked against the numbers the other tests build from (wheel.md section 3)."""
    assert profile_values(Limits, "balanced") == some_limits()
    assert profile_values(WheelNumbers, "balanced") == wheel_numbers()
    assert profile_values(SimulatorNumbers, "balanced") == simulator_numbers()


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("symbol_share", ("0.20", "0.25", "0.35")),
        ("stress_loss_share", ("0.12", "0.16", "0.22")),
        ("orders_per_day", ("6", "10", "20")),
        ("exit_orders_per_day", ("18", "30", "60")),
        ("open_interest_min", ("250", "100", "50")),
        ("underlying_spread_fraction_iex", ("0.01", "0.01", "0.015")),
    ],
)
def test_the_profiles_limits_stand_in_the_table(key: str, values: tuple[str, ...]) -> None:
    assert [getattr(profile_values(Limits, profile), key) for profile in PROFILES] == [D(value) for value in values]


def test_exits_may_be_three_times_the_orders_in_every_profile() -> None:
    for profile in PROFILES:
        limits = profile_values(Limits, profile)
        for period in ("tick", "day"):
            orders, exits = getattr(limits, f"orders_per_{period}"), getattr(limits, f"exit_orders_per_{period}")
            assert exits == 3 * orders


def test_an_unknown_profile_is_named_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="conservative, balanced, aggressive"):
        check_profile("yolo")


@pytest.mark.parametrize("table", [Limits, WheelNumbers, SimulatorNumbers, TrailingNumbers])
def test_every_key_carries_its_unit_range_and_meaning_into_the_file(table: type[Limits]) -> None:
    for name, spec in specs_of(table).items():
        bounds = f"{spec.key.unit} {spec.key.low}..{spec.key.high}" if spec.key.low else spec.key.unit
        line = next(line for line in re.findall(rf"(?m)^(?:#.*:\n)?{name} = .*$", BALANCED) if bounds in line)
        assert spec.key.meaning in line
        assert (", or off:" in line) == spec.key.off


@pytest.mark.parametrize(
    "key",
    [*specs_of(Limits), *specs_of(SimulatorNumbers), *specs_of(WheelNumbers), "trail_percent", "name", "profile",
     "kind", "priority", "enabled", "symbols"],
)  # fmt: skip
def test_no_key_may_be_missing(key: str) -> None:
    """Design 9: missing is an error, and the message names the key and what its profile says."""
    fault = only_fault(without(key))
    assert fault.startswith("desk.toml: ")
    assert f"{key}:" in fault


def test_a_missing_limit_says_its_profiles_value() -> None:
    assert only_fault(without("symbol_share", desk_text("aggressive"))) == (
        "desk.toml: limits.symbol_share: missing; the aggressive profile says 0.35, "
        'and "off" must be said where it is allowed'
    )


def test_off_is_said_and_zero_is_zero() -> None:
    off = read_desk(with_value("stress_loss_share", '"off"'))
    assert off.limits.stress_loss_share is None
    zero = read_desk(with_value("stress_loss_share", "0"))
    assert zero.limits.stress_loss_share == D(0)


@pytest.mark.parametrize("key", [name for name, spec in specs_of(Limits).items() if not spec.key.off])
def test_what_cannot_be_off_refuses_off(key: str) -> None:
    assert 'this key cannot be "off"' in only_fault(with_value(key, '"off"'))


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("symbol_share", "25", 'expected a fraction from 0 to 5 or "off", got 25 (did you mean 0.25?)'),
        ("symbol_share", "-0.1", "got -0.1"),
        ("symbol_share", "nan", "got NaN"),
        ("symbol_share", "inf", "got Infinity"),
        ("symbol_share", "true", "got true"),
        ("symbol_share", '"0.25"', "write numbers without quotes"),
        ("symbol_share", '"25 %"', "0.25 for 25 %"),
        ("symbol_share", '"of"', 'got "of"'),
        ("symbol_share", "[0.25]", "got a list"),
        ("symbol_share", "{ a = 1 }", "got a table"),
        ("symbol_share", "1e99999", "got 1E+99999"),
        ("orders_per_day", "10.5", 'expected a whole number of orders from 0 to 10000 or "off", got 10.5'),
        ("put_dte_min", "25.5", "expected a whole number of days from 1 to 730, got 25.5"),
        ("put_dte_min", "0", "got 0"),
        ("put_delta_target", "-0.25", "(deltas are sizes: did you mean 0.25?)"),
        ("put_delta_target", "25", "(did you mean 0.25?)"),
        ("call_floor", '"taxes"', 'expected "strike" or "tax" or "wheel", got "taxes", did you mean tax?'),
        ("accept_delayed_feed", '"yes"', 'expected true or false, got "yes"'),
        ("accept_delayed_feed", "1", "expected true or false, got 1"),
        ("multiplier", "3", "expected 1, 2 or 4, got 3"),
        ("name", '"My Desk"', "expected 1 to 12 lower-case letters, digits or hyphens"),
        ("name", '"a-desk-too-long"', "expected 1 to 12"),
        ("profile", '"balancd"', "did you mean balanced?"),
        ("benchmark", '"spy"', "expected a share or fund like SPY"),
        ("priority", "true", "expected a whole number from 0 to 1000, got true"),
        ("enabled", '"no"', 'expected true or false, got "no"'),
        ("kind", '"weel"', 'expected one of wheel, trailing_stop, ma_cross, breakout, mean_reversion, momentum, got "'),
        ("symbols", "[]", "expected at least one symbol"),
        ("symbols", '"SPY"', 'expected a list like ["SPY", "QQQ"]'),
        ("config_version", "99", "update the program"),
        ("config_version", '"1"', "expected a whole number from 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_says_what_was_expected_and_what_came(key: str, value: str, words: str) -> None:
    assert words in only_fault(with_value(key, value)), faults_of(with_value(key, value))


def test_an_unknown_key_names_the_nearest_known_one() -> None:
    text = BALANCED.replace("[limits]\n", "[limits]\nsimbol_share = 0.25\n")
    assert only_fault(text) == "desk.toml: unknown key limits.simbol_share, did you mean symbol_share?"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\n[simulator]", "\n[simulater]", "unknown key simulater, did you mean simulator?"),
        ("name =", 'nmae = "x"\nname =', "unknown key nmae, did you mean name?"),
        (
            'SPY = { group = "broad"',
            'SPY = { grupo = 1, group = "broad"',
            "unknown key symbols.SPY.grupo, did you mean",
        ),
        ("[strategies.wheel]", "[strategies.wheel]\npriorty = 3", "strategies.wheel.priorty, did you mean priority?"),
        ("[strategies.stops]", "[strategies.stops]\noverrides = {}", "unknown key strategies.stops.overrides"),
    ],
)
def test_unknown_keys_are_found_in_every_table(old: str, new: str, words: str) -> None:
    faults = faults_of(BALANCED.replace(old, new, 1))
    assert any(words in fault for fault in faults), faults


def test_all_faults_of_a_file_appear_at_once() -> None:
    text = with_value("symbol_share", "25", without("equity_min", with_value("call_floor", '"x"')))
    text = text.replace("\n[simulator]", "\n[simulator]\nsede = 1").replace('"SPY", "QQQ"', '"SPX", "QQQ"')
    faults = faults_of(text)
    assert len(faults) == 5
    for key in ("limits.symbol_share", "limits.equity_min", "wheel.call_floor", "simulator.sede", "wheel.symbols"):
        assert sum(key in fault for fault in faults) == 1, key


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("time_exit_dte", "25", "time_exit_dte: 25 must be below put_dte_min 25"),
        ("put_dte_target", "24", "expected put_dte_min <= put_dte_target <= put_dte_max, got 25, 24, 45"),
        ("call_dte_max", "20", "call_dte_target: expected"),
        ("put_delta_min", "0.26", "put_delta_target: expected"),
        ("call_delta_max", "0.2", "call_delta_target: expected"),
        ("roll_dte_max", "7", "roll_dte_max: 7 must be above put_roll_dte 7"),
        ("symbol_share", "0.41", "symbol_share: 0.41 must not be above symbol_share_first 0.4"),
        ("contracts_per_tick", "3", "contracts_per_tick: 3 must not be above contracts_per_day 2"),
        ("orders_per_tick", "11", "orders_per_tick: 11 must not be above orders_per_day 10"),
        ("exit_orders_per_tick", "31", "exit_orders_per_tick: 31 must not be above exit_orders_per_day 30"),
        ("put_series_per_symbol", "6", "put_series_per_symbol: 6 must not be above put_series_total 5"),
        ("contracts_per_order", "2", "contracts_per_order: 2 is above limits.contracts_per_tick 1"),
        ("entry_before_close_minutes", "370", "entry_before_close_minutes: 370 with entry_after_open_minutes 20"),
    ],
)  # fmt: skip
def test_keys_that_contradict_each_other_are_refused(key: str, value: str, where: str) -> None:
    assert where in only_fault(with_value(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [("time_exit_dte", "24"), ("symbol_share", "0.4"), ("put_delta_min", "0.25"), ("roll_dte_max", "8")],
)
def test_keys_may_touch_their_bounds(key: str, value: str) -> None:
    assert read_desk(with_value(key, value)).name == "main"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("config_version = \n", "line 1"),
        ("a = 1\na = 2\n", "not valid TOML"),
        ("x = [" * 5000, "not valid TOML"),
        ("x = 1e99999999999999999999", "not valid TOML"),
        ("x = " + "9" * 5000, "not valid TOML"),
        ("", "config_version: expected a whole number"),
    ],
)
def test_a_file_that_is_no_toml_says_so(text: str, words: str) -> None:
    assert words in only_fault(text)


def test_a_group_is_needed_while_its_cap_is_on() -> None:
    ungrouped = BALANCED.replace('XLF = { group = "financials", kind', "XLF = { kind")
    assert "limits.group_share is on and needs a group" in only_fault(ungrouped)
    assert read_desk(with_value("group_share", '"off"', ungrouped)).universe["XLF"].group == ""


def test_a_symbol_is_named_in_capitals_and_says_what_it_is() -> None:
    faults = faults_of(BALANCED.replace('XLF = { group = "financials", kind = "etf"', 'xlf = { group = "financials"'))
    assert any(fault.startswith("desk.toml: symbols.xlf: expected a share or fund in capitals") for fault in faults)
    assert any(fault.startswith("desk.toml: symbols.xlf.kind: missing") for fault in faults)
    assert any("XLF has no table [symbols.XLF]" in fault for fault in faults)


OVERRIDE = '[strategies.wheel.overrides.XLF]\nput_delta_target = 0.2\ncall_floor = "strike"\n\n# Trailing'


def test_an_override_changes_one_symbol_and_leaves_the_others() -> None:
    desk = read_desk(BALANCED.replace("# Trailing", OVERRIDE, 1))
    numbers = desk.wheels[0][2].numbers
    assert (numbers["XLF"].put_delta_target, numbers["XLF"].call_floor) == (D("0.2"), "strike")
    assert numbers["SPY"] == profile_values(WheelNumbers, "balanced")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (
            "[strategies.wheel.overrides.XLG]\nput_dte_min = 26\n",
            "overrides.XLG: XLG is not in strategies.wheel.symbols",
        ),
        (
            "[strategies.wheel.overrides.XLF]\nput_dte_mini = 26\n",
            "overrides.XLF.put_dte_mini, did you mean put_dte_min?",
        ),
        ("[strategies.wheel.overrides.XLF]\nput_dte_min = 14\n", "overrides.XLF.time_exit_dte: 14 must be below"),
        (
            "[strategies.wheel.overrides.XLF]\ncontracts_per_order = 5\n",
            "overrides.XLF.contracts_per_order: 5 is above",
        ),
        ("[strategies.wheel.overrides]\nXLF = 3\n", "overrides.XLF: expected a table"),
    ],
)
def test_an_override_is_checked_like_the_numbers_it_replaces(override: str, words: str) -> None:
    fault = only_fault(BALANCED.replace("# Trailing", f"{override}\n# Trailing", 1))
    assert words in fault


def test_one_symbol_belongs_to_one_wheel() -> None:
    wheel = BALANCED[BALANCED.index("[strategies.wheel]") : BALANCED.index("# Other numbers")]
    faults = faults_of(f"{BALANCED}\n{wheel.replace('[strategies.wheel]', '[strategies.second]')}")
    assert len(faults) == len(shipped_universe())
    assert faults[0] == "desk.toml: strategies.second.symbols: SPY already belongs to strategies.wheel"


@pytest.mark.parametrize("name", ["foreign", "unassigned"])
def test_no_strategy_bears_the_name_of_a_book_that_is_nobodys(name: str) -> None:
    faults = faults_of(BALANCED.replace("[strategies.wheel]", f"[strategies.{name}]"))
    assert any(f"strategies.{name}: the books keep the name '{name}'" in fault for fault in faults)


def test_a_listed_symbol_stands_once() -> None:
    assert "SPY stands there twice" in only_fault(BALANCED.replace('["SPY", ', '["SPY", "SPY", '))


def test_a_desk_needs_no_strategy_and_a_strategy_may_rest() -> None:
    resting = with_value("enabled", "false")
    assert read_desk(resting).wheels[0][1] is False
    bare = read_desk(BALANCED[: BALANCED.index("# The wheel: sell")])
    assert (bare.wheels, bare.trailing_stops) == ((), ())


def test_a_name_with_a_dot_is_written_and_read() -> None:
    desk = read_desk(desk_text("aggressive", symbols=("SPY", "BRK.B")))
    assert desk.universe["BRK.B"].kind == "stock"
    assert desk.universe["BRK.B"].group == "unsorted"
    assert desk.universe["BRK.B"].penny is False


def test_a_file_that_is_not_there_says_who_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`bot init` writes one"):
        load_desk(tmp_path / "desk.toml")
    (tmp_path / "desk.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read as UTF-8"):
        load_desk(tmp_path / "desk.toml")


def test_faults_bear_the_name_the_caller_gives(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(without("equity_min"))
    with pytest.raises(ConfigError, match=r"^mine\.toml: limits\.equity_min"):
        load_desk(tmp_path / "mine.toml")
    with pytest.raises(ConfigError, match=r"^elsewhere: "):
        load_desk(tmp_path / "mine.toml", name="elsewhere")


def older(text: str) -> str:
    """Give a file of the version before the next: two keys the next one brings are absent."""
    return without("stress_loss_share", without("roll_ticks_max", text))


def test_an_older_file_names_each_new_key_with_its_profiles_value() -> None:
    _, reading = examine_desk(older(BALANCED), name="desk.toml", version=CONFIG_VERSION + 1)
    told = f"new since config_version {CONFIG_VERSION}; `bot config upgrade` writes"
    assert reading.faults == [
        f"desk.toml: config_version: {CONFIG_VERSION} is older than {CONFIG_VERSION + 1}: run `bot config upgrade`",
        f"desk.toml: limits.stress_loss_share: {told} 0.16 (balanced)",
        f"desk.toml: strategies.wheel.roll_ticks_max: {told} 8 (balanced)",
    ]


def of_version_1(text: str) -> str:
    """Give a file as the first release wrote it: no follow-ups, nothing recorded beside what strategies need."""
    start, end = text.index("# The tick."), text.index("\n[limits]\n")
    return with_value("config_version", "1", without("record_chains", text[:start] + text[end:]))


def test_a_file_of_the_first_version_is_told_what_to_do_and_upgraded() -> None:
    first = of_version_1(BALANCED)
    faults = faults_of(first)
    assert "1 is older than 2: run `bot config upgrade`" in faults[0]
    assert {"tick.follow_ups_max", "tick.follow_up_seconds"} <= {fault.split(": ")[1] for fault in faults}
    desk = read_desk(upgrade_desk(first))
    assert desk.tick == profile_values(TickNumbers, "balanced")
    assert desk.record_chains == ()


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("follow_ups_max", "7", "a whole number of ticks from 0 to 6, got 7"),
        ("follow_up_seconds", "29", "a whole number of seconds from 30 to 60, got 29"),
        ("follow_up_seconds", '"off"', 'this key cannot be "off"'),
        ("record_chains", '"SPY"', 'expected a list like ["SPY", "QQQ"], got "SPY"'),
        ("record_chains", '["spy"]', 'expected shares or funds like SPY, got "spy"'),
        ("record_chains", '["SPY261218P00600000"]', "expected shares or funds like SPY"),
        ("record_chains", '["SPY", "SPY"]', "SPY stands there twice"),
        ("record_chains", str([f"A{chr(65 + n)}" for n in range(21)]), "at most 20 names, got 21"),
    ],
)
def test_follow_ups_and_recorded_chains_are_checked(key: str, value: str, told: str) -> None:
    assert any(told in fault and key in fault for fault in faults_of(with_value(key, value)))


def test_chains_may_be_recorded_of_names_that_no_strategy_trades() -> None:
    desk = read_desk(with_value("record_chains", '["NVDA", "SPY"]'))
    assert desk.record_chains == ("NVDA", "SPY")
    assert "NVDA" not in desk.universe


def test_a_desk_without_any_strategy_is_a_desk_that_only_records() -> None:
    """A003, A039."""
    desk = read_desk(BALANCED[: BALANCED.index("# The wheel: sell")])
    assert (desk.wheels, desk.trailing_stops) == ((), ())


def test_an_upgrade_writes_the_new_keys_and_keeps_every_other_line() -> None:
    before = older(BALANCED)
    after = upgrade_desk(before, version=CONFIG_VERSION + 1)
    desk = read_desk(after, version=CONFIG_VERSION + 1)
    assert desk.limits.stress_loss_share == D("0.16")
    assert desk.wheels[0][2].numbers["SPY"].roll_ticks_max == 8
    added = [line for line in after.splitlines() if line not in before.splitlines()]
    assert [line.split(" = ")[0] for line in added] == ["config_version", "stress_loss_share", "roll_ticks_max"]
    kept = [line for line in before.splitlines() if not line.startswith("config_version")]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert upgrade_desk(after, version=CONFIG_VERSION + 1) == after


def test_an_upgrade_opens_a_table_that_is_absent() -> None:
    start, end = BALANCED.index("\n[simulator]"), BALANCED.index("# The wheel: sell")
    after = upgrade_desk(BALANCED[:start] + BALANCED[end:], version=CONFIG_VERSION + 1)
    assert read_desk(after, version=CONFIG_VERSION + 1).simulator == simulator_numbers()


def test_an_upgrade_refuses_a_file_with_other_faults() -> None:
    with pytest.raises(ConfigError, match="nothing was written"):
        upgrade_desk(with_value("symbol_share", "25", older(BALANCED)), version=CONFIG_VERSION + 1)


def test_an_empty_universe_is_refused_before_anything_is_written() -> None:
    with pytest.raises(UsageError, match="at least one symbol"):
        desk_text_of(DeskChoice(symbols=()))


@given(key=st.sampled_from([*specs_of(Limits)]), value=st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_a_limit_is_kept_exactly_or_refused(key: str, value: Decimal) -> None:
    """No float on the way: what the file says is what the gate compares with, to the last digit."""
    spec = specs_of(Limits)[key]
    desk, reading = examine_desk(with_value(key, f"{value:f}"), name="desk.toml")
    if desk is None:
        assert all(f"limits.{key}" in fault or "must not be above" in fault for fault in reading.faults)
    else:
        assert getattr(desk.limits, key) == value
        assert D(spec.key.low) <= value <= D(spec.key.high)
