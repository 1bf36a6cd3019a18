"""A tape held against its catalogue."""

from __future__ import annotations

from pathlib import Path

from bot.tapes.facts import TapeFacts
from bot.tapes.keeping import file_facts


def changed_files(folder: Path, facts: TapeFacts) -> list[str]:
    """Name each file of a tape that is missing or no longer what its catalogue says, with what is wrong."""
    found = []
    for one in facts.files:
        try:
            now = file_facts(folder / one.name)
        except OSError as error:
            found.append(f"{one.name}: cannot be read ({error.strerror})")
            continue
        if now.sha256 != one.sha256:
            found.append(f"{one.name}: its SHA-256 is {now.sha256[:12]}, was {one.sha256[:12]}")
    return found
