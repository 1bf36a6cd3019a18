-- What the dashboard reads, and nothing else. Views choose and join; they neither add nor compare money.

-- The newest tick with the ledger's scalar facts.
CREATE VIEW dashboard_overview AS
SELECT t.id, t.ts, t.slot, t.mode, t.status, t.broker, t.environment, t.session_day, t.session_open, t.halt, t.equity,
    t.cash, t.buying_power, t.note, t.finished_at, s.nav, s.nav_peak, s.equity_previous, s.settled_at
FROM ticks t LEFT JOIN ledger_state s ON s.one = 1
ORDER BY t.id DESC LIMIT 1;

-- Ticks, with what each came to.
CREATE VIEW dashboard_ticks AS
SELECT id, ts, slot, mode, status, session_day, session_open, halt, equity, cash, buying_power, benchmark_price, flow,
    intents, approved, planned, note, duration_ms, errors_json
FROM ticks;

-- What planners wanted and what became of it.
CREATE VIEW dashboard_intents AS
SELECT i.id, i.tick_id, i.ts, t.session_day, i.strategy, i.purpose, i.symbol, i.underlying, i.side, i.qty,
    i.order_type, i.limit_price, i.reason, i.approved, i.refused_by, i.status, i.client_order_id, o.state, o.filled_qty,
    o.filled_avg_price
FROM order_intents i JOIN ticks t ON t.id = i.tick_id LEFT JOIN orders o ON o.client_order_id = i.client_order_id;

-- Refusals with the gate's number against its limit.
CREATE VIEW dashboard_refusals AS
SELECT id, tick_id, ts, day, strategy, symbol, gate, reason, value, "limit", unit, distance, nearest, sole FROM refusals;

-- Refusals counted by day, gate and underlying.
CREATE VIEW dashboard_refusals_daily AS SELECT day, gate, symbol, count, sole FROM refusals_daily;

-- Positions as the last tick saw them.
CREATE VIEW dashboard_positions AS
SELECT symbol, underlying, owner, qty, avg_entry_price, price, mark, mark_source, value, value_sort, at FROM positions;

-- Turns of the wheel, open and closed.
CREATE VIEW dashboard_cycles AS
SELECT id, symbol, strategy, opened_at, closed_at, option_cash, share_cash, dividends, fees, legs, assignments, pnl,
    pnl_sort
FROM cycles;

-- Equity day by day.
CREATE VIEW dashboard_equity AS
SELECT day, equity, equity_sort, cash, flow, pnl, nav, nav_peak, drawdown_fraction, benchmark_price FROM equity_daily;

-- Income day by day.
CREATE VIEW dashboard_income AS SELECT day, symbol, strategy, kind, income, tax_income, count FROM income_daily;
