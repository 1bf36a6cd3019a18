"""Metrics as text for Prometheus' textfile collector: every name with what it means, and how it is written. Pure.

Names and labels are what other programs match on: one that was released never changes. Every series carries its desk.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from bot.domain.metering import LABEL_LETTERS, Sample

PREFIX = "escapement_"
END = "# end\n"
"""The last line: a file without it was cut off."""
PARTS = ("_bucket", "_sum", "_count")


class Metric(NamedTuple):
    """One name of the catalogue: counter, gauge or histogram, and what it says."""

    name: str
    kind: str
    help: str


CATALOGUE: tuple[Metric, ...] = (
    Metric("build_info", "gauge", "Version and configuration of the newest tick; always 1."),
    Metric("desk_info", "gauge", "Mode, broker, environment and market of the newest tick; always 1."),
    Metric("metrics_timestamp_seconds", "gauge", "When this file was written."),
    Metric("tick_timestamp_seconds", "gauge", "Moment of the newest tick."),
    Metric("tick_success_timestamp_seconds", "gauge", "Moment of the newest tick that ended well."),
    Metric("next_tick_timestamp_seconds", "gauge", "Moment at which the next tick is due."),
    Metric("tick_last_success", "gauge", "1 when the newest finished tick ended well."),
    Metric("tick_last_errors", "gauge", "Errors of the newest finished tick."),
    Metric("tick_last_duration_seconds", "gauge", "How long each stage of the newest finished tick took."),
    Metric("tick_duration_seconds", "histogram", "How long ticks took by stage; the stage whole is their sum."),
    Metric("ticks_total", "counter", "Ticks that ended, by mode and how."),
    Metric("slots_missed_total", "counter", "Slots of sessions in which no tick ran."),
    Metric("errors_total", "counter", "Errors that ticks told, by kind."),
    Metric("requests_total", "counter", "Requests that ticks made to a venue, repeats included."),
    Metric("intents_total", "counter", "Wishes judged, by strategy, purpose and outcome."),
    Metric("risk_block_total", "counter", "Refusals by gate; one wish may be refused by several."),
    Metric("budget_exceeded_total", "counter", "Refusals because an allowance was used up, by allowance."),
    Metric("order_steps_total", "counter", "Orders that came into a state."),
    Metric("fills_total", "counter", "Fills booked, by strategy and side."),
    Metric("option_ends_total", "counter", "Ends of option legs, by how."),
    Metric("events_total", "counter", "Events of the hash chain, by kind."),
    Metric("session_open", "gauge", "1 when the session traded at the newest decided tick."),
    Metric("equity_timestamp_seconds", "gauge", "Moment of the tick that the money is of."),
    Metric("equity_dollars", "gauge", "Cash plus the bot's own marks."),
    Metric("cash_dollars", "gauge", "The broker's cash."),
    Metric("buying_power_dollars", "gauge", "The broker's buying power."),
    Metric("idle_cash_dollars", "gauge", "Free cash after the buffer."),
    Metric("collateral_dollars", "gauge", "Strikes of short puts."),
    Metric("collateral_ratio", "gauge", "Strikes of short puts as a part of equity."),
    Metric("day_pnl_dollars", "gauge", "Equity less that of the previous close, less what was moved in."),
    Metric("day_return_ratio", "gauge", "The day's profit as a part of the equity before."),
    Metric("nav_ratio", "gauge", "Value of one unit that began at 1."),
    Metric("nav_peak_ratio", "gauge", "Highest value of that unit."),
    Metric("drawdown_ratio", "gauge", "Fall of that unit from its peak."),
    Metric("drawdown_limit_ratio", "gauge", "Fall that trips the first drawdown wire."),
    Metric("daily_loss_limit_ratio", "gauge", "Loss of a day that trips its wire."),
    Metric("holding_ratio", "gauge", "The desk's shares held in equal parts, price only, 1 at the first day."),
    Metric("benchmark_ratio", "gauge", "The benchmark's price, 1 at the first day."),
    Metric("benchmark_price_dollars", "gauge", "The benchmark's price."),
    Metric("realized_pnl_dollars", "gauge", "What each symbol brought so far, income book."),
    Metric("unrealized_pnl_dollars", "gauge", "What each symbol's open positions stand at, own marks."),
    Metric("dividends_dollars", "gauge", "Dividends in what each symbol brought."),
    Metric("strategy_realized_pnl_dollars", "gauge", "What each strategy brought so far, income book."),
    Metric("strategy_unrealized_pnl_dollars", "gauge", "What each strategy's open positions stand at, own marks."),
    Metric("strategy_premium_dollars", "gauge", "Options sold and bought by each strategy, signed."),
    Metric("strategy_dividends_dollars", "gauge", "Dividends of each strategy less tax withheld."),
    Metric("strategy_fees_dollars", "gauge", "Fees of each strategy, signed."),
    Metric("strategy_cash_dollars", "gauge", "Cash in each strategy's book."),
    Metric("strategy_value_dollars", "gauge", "What each strategy holds, own marks."),
    Metric("strategy_collateral_dollars", "gauge", "Strikes of each strategy's short puts."),
    Metric("positions", "gauge", "Positions at the broker, by owner."),
    Metric("positions_unprotected", "gauge", "Positions whose configured protection is absent."),
    Metric("open_option_contracts", "gauge", "Option contracts of the bot's own, by right and side."),
    Metric("open_shares", "gauge", "Shares in the bot's own lots."),
    Metric("orders_open", "gauge", "Orders of the bot's own that may still fill, by state."),
    Metric("orders_unresolved", "gauge", "Orders that left without a proven answer."),
    Metric("drift", "gauge", "Differences between the broker and the books that stand, by kind."),
    Metric("proposals_standing", "gauge", "Wishes that wait for the owner's word or for their sending."),
    Metric("invariant_value", "gauge", "The house's numbers about itself, in their unit; zero is green."),
    Metric("invariant_broken", "gauge", "1 when an invariant does not hold."),
    Metric("invariants_broken", "gauge", "Invariants that do not hold."),
    Metric("trip_in_force", "gauge", "1 while a trip wire holds the desk."),
    Metric("trip_reading", "gauge", "The newest reading of each trip wire, in its unit."),
    Metric("trip_limit", "gauge", "Where each wire trips, in its unit."),
    Metric("halt_level", "gauge", "0 run, 1 no_new_risk, 2 reduce_only, 3 stop."),
    Metric("halt_info", "gauge", "The halt in force, in words; always 1."),
    Metric("halt_timestamp_seconds", "gauge", "Since when the halt in force stands."),
    Metric("panic_standing", "gauge", "1 while the owner's panic stands."),
    Metric("restore_standing", "gauge", "1 until a restored home has settled cleanly."),
    Metric("alerts_unacknowledged", "gauge", "Critical alerts that stand and that nobody has acknowledged."),
    Metric("messages_waiting", "gauge", "Messages not delivered yet, by channel."),
    Metric("messages_oldest_timestamp_seconds", "gauge", "When the oldest message that waits was written."),
    Metric("channel_dead", "gauge", "1 while a channel's address answers that it is gone."),
    Metric("channel_failures", "gauge", "Refusals of a channel since it last took a message."),
    Metric("channel_sent_timestamp_seconds", "gauge", "When a channel last took a message."),
    Metric("input_timestamp_seconds", "gauge", "When the oldest input of each kind was true."),
    Metric("backup_timestamp_seconds", "gauge", "Moment of the newest backup in the home's own folder."),
    Metric("drill_passed_timestamp_seconds", "gauge", "When a drill last passed."),
    Metric("calendar_timestamp_seconds", "gauge", "When each calendar file of the home was last written."),
    Metric("file_bytes", "gauge", "Size of the ledger and of its log."),
    Metric("disk_free_bytes", "gauge", "Room left on the home's disk."),
    Metric("code_info", "gauge", "Hash of the program's own files as the watch found them; always 1."),
    Metric("watch_timestamp_seconds", "gauge", "When the watch last looked."),
    Metric("watch_alarms", "gauge", "Alarms of that look."),
    Metric("watch_record_faults", "gauge", "Faults of the record that it found."),
    Metric("watch_missed_slots", "gauge", "Slots without a finished tick that it counted."),
    Metric("watch_pinged", "gauge", "1 when the ping outside was answered."),
)
"""Every metric, in the order in which they are written."""
_PLACE = {one.name: place for place, one in enumerate(CATALOGUE)}


def exposition(samples: Iterable[Sample], desk: str) -> str:
    """Write samples as text, each family under its HELP and TYPE; the same series is written once, its last value.

    Raises KeyError for a name that is not in the catalogue.
    """
    families: dict[int, dict[str, str]] = {}
    for one in samples:
        told = "".join(f',{name}="{escaped(value)}"' for name, value in one.labels)
        series = f'{PREFIX}{one.name}{{desk="{escaped(desk)}"{told}}}'
        families.setdefault(_PLACE[family_of(one.name)], {})[series] = one.value
    lines = []
    for place, written in sorted(families.items()):
        metric = CATALOGUE[place]
        lines += [f"# HELP {PREFIX}{metric.name} {metric.help}", f"# TYPE {PREFIX}{metric.name} {metric.kind}"]
        lines += [f"{series} {value}" for series, value in written.items()]
    return "\n".join(lines) + "\n"


def family_of(name: str) -> str:
    """Give the metric that a series belongs to: a histogram's has three kinds.

    >>> family_of("tick_duration_seconds_bucket"), family_of("ticks_total")
    ('tick_duration_seconds', 'ticks_total')
    """
    for part in PARTS:
        whole = name.removesuffix(part)
        if whole != name and whole in _PLACE and CATALOGUE[_PLACE[whole]].kind == "histogram":
            return whole
    return name


def escaped(value: str) -> str:
    r"""Write a label's value: cut to its length, then backslash, quote and line feed escaped; no other control letter.

    >>> print(escaped('he said "no"\n\\o/'))
    he said \"no\"\n\\o/
    """
    if len(value) <= LABEL_LETTERS and value.isprintable() and '"' not in value and "\\" not in value:
        return value
    short = value if len(value) <= LABEL_LETTERS else f"{value[: LABEL_LETTERS - 3]}..."
    clean = "".join(one if one == "\n" or one.isprintable() else " " for one in short)
    return clean.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
