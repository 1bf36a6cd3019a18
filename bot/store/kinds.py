"""Every kind of event in the hash chain, in one place (`events.kind`)."""

from __future__ import annotations

from typing import Final

STAMP: Final = "stamp"
"""The ledger was stamped with broker, environment and account at its first tick."""
TICK: Final = "tick"
"""A tick was sealed: digests of its Snapshot, verdicts, transitions, fills and books."""
DIED: Final = "died"
"""A tick that ended without a seal was sealed by the next one, from what it had written."""
HALT: Final = "halt"
"""The halt level was set."""
CONFIG: Final = "config"
"""A configuration was used for the first time."""
APPROVAL: Final = "approval"
"""A person approved a configuration for real money."""
INSTRUCTION: Final = "instruction"
"""The owner's word on a contract."""
CONSENT: Final = "consent"
"""The owner approved or declined a proposal."""
RESOLUTION: Final = "resolution"
"""A person said what became of an order that left without a proven answer."""
PAUSE: Final = "pause"
"""A symbol was paused, or its pause was lifted."""
PANIC: Final = "panic"
"""The owner's panic began, or a person ended it."""
ADOPTION: Final = "adoption"
"""A person made a foreign lot or option leg ours."""
IMPORT: Final = "import"
"""The account's past was rebuilt from the broker's lines and kept."""
RESTORE: Final = "restore"
"""The home was restored from a backup, or what a restore held back was let go."""
ALARM: Final = "alarm"
"""The watch saw that ticks do not come; the desk only reduces until they do."""
TRIP: Final = "trip"
"""A trip wire tripped or cleared, by itself or by a person."""
DRILL: Final = "drill"
"""A whole drill was played: what it played, and whether it passed."""
THINNED: Final = "thinned"
"""Snapshots of an old month were thinned out: which, and by what rule."""
ACCEPTED: Final = "accepted"
"""A person took a ledger that ends before its anchor as it stands."""

KINDS: Final = (
    STAMP, TICK, DIED, HALT, TRIP, CONFIG, APPROVAL, INSTRUCTION, CONSENT, RESOLUTION, PAUSE, PANIC, ADOPTION, IMPORT,
    RESTORE, ALARM, DRILL, THINNED, ACCEPTED,
)  # fmt: skip
