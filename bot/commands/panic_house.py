"""The house a panic opens: its own `desk.toml`, or where that cannot be read, the one of the newest tick.

A slip of the pen in a configuration must not keep its owner from getting out.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bot.config.desktext import upgrade_desk
from bot.config.effective import config_hash, read_desk, settings_from_process
from bot.domain.desk import Desk
from bot.domain.errors import ConfigError, ForeignStore, StoreError
from bot.store.panicking import newest_desk_text
from bot.store.queries import open_for_questions
from bot.wiring import House, load_house


def load_house_to_get_out(env: str = "") -> House:
    """Open the house, with the `desk.toml` of the newest tick where the one in the home is at fault.

    Raises ConfigError as `load_house` does where the settings are at fault, or nothing to go by is kept.
    """
    try:
        return load_house(env)
    except ConfigError as fault:
        settings = settings_from_process(Path(env) if env else None)
        text, desk = _readable(_kept(settings.home))
        if desk is None:
            raise
        print(f"{fault}\nthe panic goes by the desk.toml of the newest tick; no other tick runs until this is mended, "
              "so say `bot panic` again until it is done", file=sys.stderr)  # fmt: skip
        fingerprint, settings_json = config_hash(text, settings)
        return House(settings, desk, text, fingerprint, settings_json)


def _readable(text: str) -> tuple[str, Desk | None]:
    """Read a desk file that was good once; keys that a later program asks for are its profile's."""
    name = "desk.toml of the newest tick"
    try:
        return text, read_desk(text, name=name) if text else None
    except ConfigError:
        pass
    try:
        text = upgrade_desk(text, name=name)
        return text, read_desk(text, name=name)
    except ConfigError:
        return text, None


def _kept(home: Path) -> str:
    try:
        with open_for_questions(home) as ledger:
            return newest_desk_text(ledger.connection)
    except (StoreError, ForeignStore):
        return ""
