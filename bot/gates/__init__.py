"""Gates: pure functions that allow or refuse an intent, each with its number against its limit."""

from bot.gates.case import Case, Gate
from bot.gates.judge import GATES, judge, judge_one

__all__ = ["GATES", "Case", "Gate", "judge", "judge_one"]
