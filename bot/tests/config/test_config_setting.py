"""`--set KEY=VALUE`: any key of a desk file, changed in its text and nowhere else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bot.config.deskfile import read_desk
from bot.config.desksetting import keys_of, with_settings
from bot.config.desktext import DeskChoice, desk_text_of
from bot.domain.errors import ConfigError, UsageError

TEXT = desk_text_of(DeskChoice(symbols=("XLF", "EWZ")))


def test_every_key_can_be_set_to_what_it_is_and_nothing_moves() -> None:
    known = keys_of(TEXT)
    assert len(known) > 100
    assert "symbols.XLF.group" in known
    for key in known:
        value = known[key]
        text = f"{value}".lower() if isinstance(value, bool) else f"{value}"
        given = ",".join(value) if isinstance(value, list) else text
        if given:
            assert keys_of(with_settings(TEXT, [f"{key}={given}"])) == known


def test_the_file_reads_as_it_was_but_for_what_was_set() -> None:
    changed = with_settings(TEXT, ["limits.symbol_share=0.3", "limits.equity_min=off", "strategies.wheel.symbols=XLF"])
    before, after = tomllib.loads(TEXT), tomllib.loads(changed)
    assert after["limits"]["symbol_share"] == 0.3
    assert after["limits"]["equity_min"] == "off"
    assert after["strategies"]["wheel"]["symbols"] == ["XLF"]
    after["limits"] |= {name: before["limits"][name] for name in ("symbol_share", "equity_min")}
    after["strategies"]["wheel"]["symbols"] = before["strategies"]["wheel"]["symbols"]
    assert after == before
    assert read_desk(changed).limits.equity_min is None


def test_a_name_of_the_universe_is_changed_inside_its_braces() -> None:
    changed = with_settings(TEXT, ["symbols.XLF.group=other", "symbols.XLF.penny=false"])
    before, after = read_desk(TEXT).universe, read_desk(changed).universe
    assert (after["XLF"].group, after["XLF"].penny, after["XLF"].kind) == ("other", False, before["XLF"].kind)
    assert after["EWZ"] == before["EWZ"]


def test_a_list_over_several_lines_is_replaced_whole() -> None:
    text = 'a = 1\n[t]\nnames = [\n  "x", # first\n  "y",\n]\nb = 2\n'
    assert with_settings(text, ["t.names=z"]) == 'a = 1\n[t]\nnames = ["z"]\nb = 2\n'


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("limits.symbol_shar=1", "did you mean limits.symbol_share?"),
        ("symbol_share=1", "did you mean limits.symbol_share?"),
        ("zzzzzz=1", "`bot config show` names all"),
        ("limits.symbol_share", "takes KEY=VALUE"),
        ("=1", "takes KEY=VALUE"),
    ],
)
def test_what_cannot_be_set_is_refused_with_the_nearest(setting: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        with_settings(TEXT, [setting])


def test_one_symbols_own_number_is_set_where_there_was_none() -> None:
    key = "strategies.wheel.overrides.XLF"
    once = with_settings(TEXT, [f"{key}.put_dte_target=30", f"{key}.put_dte_max=50"])
    wheel = read_desk(once).wheels[0][2]
    assert (wheel.numbers["XLF"].put_dte_target, wheel.numbers["XLF"].put_dte_max) == (30, 50)
    assert wheel.numbers["EWZ"] == read_desk(TEXT).wheels[0][2].numbers["EWZ"]
    again = with_settings(once, [f"{key}.put_dte_max=51"])
    assert read_desk(again).wheels[0][2].numbers["XLF"].put_dte_max == 51
    with pytest.raises(ConfigError, match="put_dte_targe"):
        read_desk(with_settings(TEXT, [f"{key}.put_dte_targe=30"]))


def test_a_value_is_judged_by_whoever_reads_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="symbol_share"):
        read_desk(with_settings(TEXT, ["limits.symbol_share=much"]))
    with pytest.raises(ConfigError, match="not valid TOML"):
        with_settings("a = ", ["a=1"])


def test_no_value_can_bring_another_key_along() -> None:
    changed = with_settings(TEXT, ['name=x"\nprofile = "aggressive'])
    assert keys_of(changed)["profile"] == keys_of(TEXT)["profile"]
