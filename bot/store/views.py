"""The views the dashboard reads, and nothing else: every column with the kind of thing it holds.

Views choose and join; they neither add nor compare money. They are made anew with the newest migration, so a
change here needs a new migration number. `dashboard/schema.json` is this file for readers that are not Python.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Final, NamedTuple

KINDS: Final = frozenset(
    {
        "int", "real", "flag", "text", "symbol", "id", "money", "price", "qty", "number", "fraction", "moment", "day",
        "json", "blob",
    }
)  # fmt: skip
"""`money`, `price`, `qty`, `number` and `fraction` are decimal text; `real` is a float; `flag` is 0 or 1."""


class View(NamedTuple):
    """One view: `columns` are "name:kind" words in order, `body` is the SQL after SELECT and its columns."""

    name: str
    purpose: str
    columns: str
    body: str

    @property
    def kinds(self) -> dict[str, str]:
        """Give each column's kind, in order."""
        pairs = (word.split(":")[:2] for word in self.columns.split())
        return dict(pairs)

    @property
    def sql(self) -> str:
        """Give the statement that makes it: a column says after a second colon where it comes from, `~` for a blank."""
        chosen = []
        for word in self.columns.split():
            name, _, *source = word.split(":", 2)
            chosen.append(f'{source[0].replace("~", " ")} AS "{name}"' if source else f'"{name}"')
        return f"CREATE VIEW {self.name} AS SELECT {', '.join(chosen)} {self.body}"


def drop_views(connection: sqlite3.Connection) -> None:
    """Take every view away, inside the caller's transaction: a migration may build a table anew under none."""
    old = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'view' AND name LIKE 'dashboard_%'"
    ).fetchall()
    for (name,) in old:
        connection.execute(f'DROP VIEW "{name}"')


def create_views(connection: sqlite3.Connection) -> None:
    """Make every view, inside the caller's transaction."""
    for view in VIEWS:
        connection.execute(view.sql)


def schema_text(version: int) -> str:
    """Give the contract as the board reads it: the store's version, and each view's columns with their kinds."""
    views = {view.name: view.kinds for view in VIEWS}
    return json.dumps({"version": version, "views": views}, indent=1) + "\n"


VIEWS: Final = (
    View(
        "dashboard_desk",
        "How the desk stands: the newest ended tick, and what was worked out after the last decided one.",
        "one:int:b.one desk:text:b.desk account:text:b.account money:text:b.money mode:text:t.mode "
        "broker:text:t.broker environment:text:t.environment market:text:t.market benchmark:text:b.benchmark "
        "code_version:text:t.code_version config_hash:text:t.config_hash tick_id:int:t.id ts:moment:t.ts "
        "slot:moment:t.slot status:text:t.status note:text:t.note errors_json:json:t.errors_json "
        "next_slot:moment:b.next_slot session_day:day:b.session_day session_open:flag:b.session_open "
        "session_opens_at:moment:b.session_opens_at session_closes_at:moment:b.session_closes_at "
        "halt_level:text:h.level halt_author:text:h.author halt_at:moment:h.at halt_reason:text:h.reason "
        "halt_clears:text:h.clears halt_command:text:h.command equity:money:b.equity cash:money:b.cash "
        "buying_power:money:b.buying_power cash_idle:money:b.cash_idle "
        "cash_idle_fraction:fraction:b.cash_idle_fraction collateral:money:b.collateral "
        "collateral_fraction:fraction:b.collateral_fraction day_pnl:money:b.day_pnl "
        "day_fraction:fraction:b.day_fraction nav:number:b.nav nav_peak:number:b.nav_peak "
        "drawdown_fraction:fraction:b.drawdown_fraction drawdown_limit:fraction:b.drawdown_limit "
        "drawdown_level:text:b.drawdown_level daily_loss_limit:fraction:b.daily_loss_limit panic:text:h.panic "
        "restore:text:h.restore",
        "FROM board_desk b JOIN ticks t ON t.id = (SELECT id FROM ticks WHERE status <> 'started' ORDER BY id DESC "
        "LIMIT 1) LEFT JOIN board_halt h ON h.one = 1",
    ),
    View(
        "dashboard_equity",
        "Equity day by day, with indexes that begin at 1.",
        "day:day:e.day equity:money:e.equity equity_sort:real:e.equity_sort cash:money:e.cash flow:money:e.flow "
        "pnl:money:e.pnl pnl_sort:real:b.pnl_sort pnl_fraction:real:b.pnl_fraction "
        "drawdown_fraction:fraction:e.drawdown_fraction nav:number:e.nav nav_index:real:b.nav_index "
        "holding_index:real:b.holding_index benchmark_index:real:b.benchmark_index "
        "benchmark_price:price:e.benchmark_price",
        "FROM equity_daily e LEFT JOIN board_days b ON b.day = e.day",
    ),
    View(
        "dashboard_moments",
        "Indexes at each tick, for spans of days.",
        "tick_id:int:m.tick_id ts:moment:t.ts day:day:m.day mode:text:t.mode equity:money:t.equity flow:money:t.flow "
        "nav_index:real:m.nav_index holding_index:real:m.holding_index benchmark_index:real:m.benchmark_index",
        "FROM board_moments m JOIN ticks t ON t.id = m.tick_id",
    ),
    View(
        "dashboard_ticks",
        "Ticks, with what each saw and came to.",
        "id:int:t.id ts:moment:t.ts slot:moment:t.slot mode:text:t.mode status:text:t.status "
        "session_day:day:t.session_day session_open:flag:t.session_open halt:text:t.halt equity:money:t.equity "
        "cash:money:t.cash buying_power:money:t.buying_power benchmark_price:price:t.benchmark_price "
        "flow:money:t.flow intents:int:t.intents approved:int:t.approved planned:int:t.planned note:text:t.note "
        "finished_at:moment:t.finished_at duration_ms:real:t.duration_ms stages_json:json:t.stages_json "
        "errors_json:json:t.errors_json seen_json:json:s.seen_json follow_up:int:s.follow_up "
        "config_hash:text:t.config_hash code_version:text:t.code_version snapshot_hash:text:t.snapshot_hash",
        "FROM ticks t LEFT JOIN board_seen s ON s.tick_id = t.id",
    ),
    View(
        "dashboard_troubles",
        "Ticks that failed or died.",
        "id:int ts:moment mode:text status:text session_day:day note:text errors_json:json",
        "FROM ticks WHERE status IN ('failed', 'died')",
    ),
    View(
        "dashboard_gaps",
        "Slots of a session in which no tick ran.",
        "id:int tick_id:int day:day first_slot:moment last_slot:moment slots:int",
        "FROM board_gaps",
    ),
    View(
        "dashboard_checks",
        "All verdicts of a tick as the seal covers them.",
        "tick_id:int blob:blob",
        "FROM tick_checks",
    ),
    View(
        "dashboard_intents",
        "What planners wanted and what became of it.",
        "id:int:i.id tick_id:int:i.tick_id ts:moment:i.ts position:int:i.position strategy:text:i.strategy "
        "purpose:text:i.purpose symbol:symbol:i.symbol underlying:symbol:i.underlying side:text:i.side qty:qty:i.qty "
        "order_type:text:i.order_type limit_price:price:i.limit_price stop_price:price:i.stop_price "
        "trail_percent:number:i.trail_percent reason:text:i.reason approved:flag:i.approved "
        "refused_by:text:i.refused_by status:text:i.status cycle:text:i.cycle client_order_id:id:i.client_order_id "
        "submitted:flag:i.submitted",
        "FROM order_intents i",
    ),
    View(
        "dashboard_refusals",
        "Refusals with the gate's number against its limit.",
        "id:int tick_id:int intent_id:int ts:moment day:day strategy:text symbol:symbol gate:text reason:text "
        "value:number limit:number unit:text distance:number nearest:flag sole:flag",
        "FROM refusals",
    ),
    View(
        "dashboard_refusals_daily",
        "Refusals counted by day, gate and underlying.",
        "day:day gate:text symbol:symbol count:int sole:int",
        "FROM refusals_daily",
    ),
    View(
        "dashboard_notes",
        "Chances a planner passed over and exits it overruled.",
        "id:int tick_id:int ts:moment day:day strategy:text symbol:symbol subject:text reason:text value:number "
        "limit:number unit:text",
        "FROM notes",
    ),
    View(
        "dashboard_orders",
        "Orders with the wish they came from and the market they met.",
        "id:int:o.rowid client_order_id:id:o.client_order_id tick_id:int:o.tick_id intent_id:int:i.id "
        "planned_at:moment:o.planned_at session_day:day:o.session_day strategy:text:o.strategy purpose:text:o.purpose "
        "underlying:symbol:o.underlying symbol:symbol:COALESCE(i.symbol,o.underlying) side:text:i.side qty:qty:o.qty "
        "filled_qty:qty:o.filled_qty filled_avg_price:price:o.filled_avg_price order_type:text:o.order_type "
        "limit_price:price:o.limit_price stop_price:price:o.stop_price trail_percent:number:o.trail_percent "
        "time_in_force:text:o.time_in_force mid_price:price:b.mid_price natural_price:price:b.natural_price "
        "slippage:money:b.slippage state:text:o.state status:text:o.status step:int:o.step attempt:int:o.attempt "
        "replaces:id:o.replaces cycle:text:o.cycle broker_order_id:text:o.broker_order_id reason:text:i.reason "
        "ended_at:moment:o.ended_at",
        "FROM orders o LEFT JOIN order_intents i INDEXED BY order_intents_by_order "
        "ON i.client_order_id = o.client_order_id AND i.tick_id = o.tick_id "
        "LEFT JOIN board_orders b ON b.client_order_id = o.client_order_id",
    ),
    View(
        "dashboard_transitions",
        "Every step in the life of every order.",
        "id:int tick_id:int client_order_id:id at:moment state_before:text state:text status:text filled_qty:qty "
        "filled_avg_price:price reason:text",
        "FROM order_transitions",
    ),
    View(
        "dashboard_fills",
        "What the broker says happened.",
        "id:int:rowid execution_id:text tick_id:int client_order_id:id symbol:symbol side:text qty:qty price:price "
        "at:moment strategy:text purpose:text cycle:text",
        "FROM fills",
    ),
    View(
        "dashboard_positions",
        "Positions as the newest decided tick saw them.",
        "symbol:symbol:p.symbol underlying:symbol:p.underlying "
        "kind:text:COALESCE(b.kind,CASE~p.underlying~WHEN~p.symbol~THEN~'share'~ELSE~'option'~END) owner:text:p.owner "
        "strategy:text:b.strategy qty:qty:p.qty avg_entry_price:price:p.avg_entry_price price:price:p.price "
        "mark:price:p.mark mark_source:text:p.mark_source value:money:p.value value_sort:real:p.value_sort "
        "right:text:b.right strike:price:b.strike expiry:day:b.expiry dte:int:b.dte "
        "moneyness_fraction:real:b.moneyness_fraction delta:real:b.delta credit:price:b.credit "
        "profit_fraction:real:b.profit_fraction unrealized:money:b.unrealized collateral:money:b.collateral "
        "protection:text:b.protection protection_ok:flag:b.protection_ok quote_age_seconds:real:b.quote_age_seconds "
        "underlying_price:price:b.underlying_price basis_strike:price:b.basis_strike basis_tax:price:b.basis_tax "
        "basis_wheel:price:b.basis_wheel cycle:text:b.cycle tick_id:int:p.tick_id at:moment:p.at",
        "FROM positions p LEFT JOIN board_positions b ON b.symbol = p.symbol",
    ),
    View(
        "dashboard_lots",
        "Lots of shares, open and gone, with their three bases.",
        "id:text symbol:symbol qty:qty opened_at:moment strategy:text owner:text cycle:text basis_strike:price "
        "basis_tax:price basis_wheel:price high_water_mark:price closed_at:moment",
        "FROM lots",
    ),
    View(
        "dashboard_cycles",
        "Turns of the wheel, open and closed.",
        "id:text:c.id symbol:symbol:c.symbol strategy:text:c.strategy phase:text:b.phase opened_at:moment:c.opened_at "
        "closed_at:moment:c.closed_at option_cash:money:c.option_cash share_cash:money:c.share_cash "
        "dividends:money:c.dividends fees:money:c.fees premium:money:c.option_cash legs:int:c.legs "
        "assignments:int:c.assignments pnl:money:c.pnl pnl_sort:real:c.pnl_sort days:int:b.days "
        "return_fraction:real:b.return_fraction annualized_fraction:real:b.annualized_fraction",
        "FROM cycles c LEFT JOIN board_cycles b ON b.id = c.id",
    ),
    View(
        "dashboard_legs",
        "Option legs, open and ended.",
        "id:text:l.id cycle:text:l.cycle symbol:symbol:l.symbol underlying:symbol:l.underlying right:text:l.right "
        "strike:price:l.strike expiry:day:l.expiry qty:qty:l.qty opened_at:moment:l.opened_at "
        "closed_at:moment:l.closed_at strategy:text:l.strategy owner:text:l.owner credit:price:l.credit "
        "rolls:int:l.rolls how:text:b.how end_price:price:b.end_price income:money:b.income fees:money:l.fees",
        "FROM option_legs l LEFT JOIN board_legs b ON b.id = l.id",
    ),
    View(
        "dashboard_prices",
        "Prices of shares at the last tick of each session day.",
        "symbol:symbol day:day price:price price_sort:real",
        "FROM board_prices",
    ),
    View(
        "dashboard_income",
        "Income day by day.",
        "day:day symbol:symbol strategy:text kind:text income:money tax_income:money count:int",
        "FROM income_daily",
    ),
    View(
        "dashboard_income_weeks",
        "Income by week.",
        "week:text first_day:day symbol:symbol kind:text income:money income_sort:real tax_income:money count:int",
        "FROM board_weeks",
    ),
    View(
        "dashboard_income_months",
        "Income by month.",
        "month:text symbol:symbol kind:text income:money income_sort:real tax_income:money count:int",
        "FROM board_months",
    ),
    View(
        "dashboard_income_symbols",
        "Income of each symbol since the start, and what is open.",
        "symbol:symbol realized:money realized_sort:real open:money open_sort:real dividends:money cycles_closed:int",
        "FROM board_symbols",
    ),
    View(
        "dashboard_ahead",
        "What the days ahead bring to what is held.",
        "position:int day:day kind:text symbol:symbol what:text amount:money severity:text",
        "FROM board_ahead",
    ),
    View(
        "dashboard_proposals",
        "What waits or waited for the owner's word.",
        "number:int tick_id:int strategy:text purpose:text symbol:symbol underlying:symbol proposed_at:moment "
        "lapses_at:moment status:text answered_at:moment author:text client_order_id:id",
        "FROM proposals",
    ),
    View(
        "dashboard_invariants",
        "The house's numbers about itself at the newest tick that decided.",
        "position:int:id name:text ok:flag value:number unit:text detail:text since:moment symbols:text tick_id:int "
        "at:moment",
        "FROM invariants WHERE tick_id = (SELECT tick_id FROM invariants ORDER BY tick_id DESC LIMIT 1)",
    ),
    View(
        "dashboard_trips",
        "Trip wires: the newest reading of each.",
        "name:text level:text readings:int readings_needed:int good:int good_needed:int value:number limit:number "
        "unit:text clears:text slot:moment tripped_at:moment cleared_at:moment until:moment",
        "FROM trips",
    ),
    View(
        "dashboard_halts",
        "Every halt and every release that a person set.",
        "id:int at:moment level:text author:text reason:text clears:text",
        "FROM halts",
    ),
    View(
        "dashboard_pauses",
        "Pauses of symbols.",
        "id:int at:moment symbol:symbol until:moment reason:text author:text",
        "FROM pauses",
    ),
    View(
        "dashboard_drift",
        "Differences between the broker and our books.",
        "id:int symbol:symbol kind:text what:text broker:text ours:text expected_until:moment since:moment "
        "ended_at:moment",
        "FROM drift",
    ),
    View(
        "dashboard_activities",
        "The broker's account history.",
        "id:text type:text symbol:symbol tick_id:int at:moment day:day qty:qty price:price net_amount:money "
        "description:text",
        "FROM activities",
    ),
    View(
        "dashboard_events",
        "The hash chain.",
        "id:int ts:moment kind:text tick_id:int payload_json:json hash_before:text hash:text",
        "FROM events",
    ),
    View(
        "dashboard_happenings",
        "Records of the chain that are no ticks.",
        "id:int ts:moment kind:text tick_id:int payload_json:json",
        "FROM events WHERE kind <> 'tick'",
    ),
    View(
        "dashboard_configs",
        "Configurations used.",
        "hash:text:c.hash text:text:c.text at:moment:c.at approved_at:moment:c.approved_at "
        "approved_by:text:c.approved_by current:flag:c.hash=(SELECT~config_hash~FROM~ticks~ORDER~BY~id~DESC~LIMIT~1)",
        "FROM configs c",
    ),
    View(
        "dashboard_settings",
        "Every effective value at the newest tick.",
        "position:int section:text name:text value:text origin:text secret:flag meaning:text",
        "FROM board_settings",
    ),
    View(
        "dashboard_strategies",
        "Strategies with what each came to.",
        "name:text kind:text stage:text enabled:flag priority:int symbols:text intents:int approved:int orders:int "
        "fills:int",
        "FROM board_strategies",
    ),
    View(
        "dashboard_books",
        "Each strategy's cash, earnings and open value now.",
        "strategy:text opening:money premium:money shares:money dividends:money interest:money fees:money "
        "transfers:money moved:money other:money income:money tax_income:money carried:money cash:money value:money "
        "collateral:money unknown:text",
        "FROM strategy_books",
    ),
    View(
        "dashboard_backtests",
        "Backtests that were run.",
        "id:int at:moment strategy:text market:text first_day:day last_day:day params_json:json result_json:json "
        "code_version:text seed:int name:text data_hash:text config_hash:text modelled:text step_seconds:int "
        "digest:text statistics_json:json",
        "FROM backtests",
    ),
    View(
        "dashboard_reports",
        "Reports that were written for a channel, and whether they arrived.",
        "id:int at:moment channel:text key:text payload_json:json state:text attempts:int delivered_at:moment "
        "error:text",
        "FROM outbox WHERE kind = 'report'",
    ),
    View(
        "dashboard_alerts",
        "What the owner was told, newest last, and who has seen to it.",
        "id:int at:moment topic:text severity:text title:text words:text tick_id:int times:int last_at:moment "
        "acknowledged_at:moment acknowledged_by:text ended_at:moment",
        "FROM alerts",
    ),
    View(
        "dashboard_drills",
        "Drills that were played.",
        "id:int at:moment passed:flag seed:int worlds:text code_version:text desk_hash:text scenes_passed:int "
        "scenes_failed:int scenes_off:int removals:int removals_missed:int",
        "FROM drills",
    ),
)
