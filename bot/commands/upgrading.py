"""`bot upgrade --check`: what this program would do to the home in use."""

from __future__ import annotations

import json
from pathlib import Path

from bot.config.effective import settings_from_process
from bot.domain.errors import UsageError
from bot.ops.upgrading import Upgrade, examine_upgrade
from bot.wiring import wall_clock

WHAT = 10
"""Columns of what would change."""


def run_upgrade(env: str, *, check: bool, as_json: bool) -> None:
    """Print what an upgrade means and the steps there; ends with 1 where there is something to do."""
    if not check:
        raise UsageError(
            "this program does not install itself: `bot upgrade --check` says what it would do to the home and each "
            "step; nothing was changed"
        )
    found = examine_upgrade(settings_from_process(Path(env) if env else None), wall_clock())
    if as_json:
        print(json.dumps(upgrade_object(found)))
    else:
        print("\n".join(upgrade_lines(found)))
    if found.changes:
        raise SystemExit(1)


def upgrade_object(found: Upgrade) -> dict[str, object]:
    """Give what an upgrade means as one plain object."""
    return {
        "home": str(found.home), "needed": bool(found.changes),
        "changes": [one._asdict() for one in found.changes], "facts": [one._asdict() for one in found.facts],
        "cautions": [one._asdict() for one in found.cautions], "steps": list(found.steps),
    }  # fmt: skip


def upgrade_lines(found: Upgrade) -> list[str]:
    """Write what changes, what to see to before, and the steps."""
    lines = [f"  is    {one.what:<{WHAT}} {one.words}" for one in found.facts]
    lines += [f"  will  {one.what:<{WHAT}} {one.words}" for one in found.changes]
    lines += [f"  look  {one.what:<{WHAT}} {one.words}" for one in found.cautions]
    if not found.changes:
        return [*lines, "", f"nothing to upgrade   home {found.home}"]
    steps = [f"  {step}" for step in found.steps]
    return [
        *lines, "", "step by step; nothing was changed yet:", *steps, "",
        "A store that went up does not come down: the way back is the old program and its backup",
        f"(`bot restore BACKUP --home NEW`).   home {found.home}",
    ]  # fmt: skip
