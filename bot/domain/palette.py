"""The colours of pictures, so that a report and a tear sheet tell the same thing in the same one."""

from __future__ import annotations

from typing import Final

GROUND: Final = "#2b2d31"
TEXT: Final = "#f2f3f5"
FAINT: Final = "#a9adb5"
GRID: Final = "#41434a"
OURS: Final = "#4fb3ff"
HOLDING: Final = "#f0a63a"
BENCHMARK: Final = "#b98cf0"
GAIN: Final = "#3fbf74"
LOSS: Final = "#f05a61"
FURTHER: Final = ("#4cd07d", "#ff8ab3", "#9ad0c2")
"""For lines beyond ours, holding and the benchmark."""
