"""One number for a metrics reader outside, as a plain fact."""

from __future__ import annotations

from typing import NamedTuple

LABEL_LETTERS = 120
"""Letters of a label's value at most: a person's words are cut there."""


class Sample(NamedTuple):
    """One series and its value: a name of the catalogue without its prefix, labels in order, a number as text."""

    name: str
    value: str
    labels: tuple[tuple[str, str], ...] = ()
