"""Which code decides: a hash for the record, so that an edited working tree tells itself apart from its version."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

DECIDING = ("config", "domain", "engine", "gates", "planners", "pricing")
"""Folders of the program whose code turns a Snapshot and a desk's text into verdicts."""
DIGITS = 16


@lru_cache(maxsize=1)
def deciding_code() -> str:
    """Give the start of the SHA-256 over the files that decide, name and content; about 2 ms, once a process.

    Venues, store and reports are left out: nothing there changes what a stored Snapshot is decided to.
    """
    return hash_of(Path(__file__).parents[1])


def hash_of(program: Path) -> str:
    """Hash the deciding folders of a program that lies somewhere."""
    found = sha256()
    for folder in DECIDING:
        for path in sorted((program / folder).glob("*.py")):
            found.update(f"{folder}/{path.name}\n".encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:DIGITS]
