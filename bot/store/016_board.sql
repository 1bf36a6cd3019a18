-- What the board shows and no other table holds: worked out after a tick from what it recorded, never read by a tick.
-- All of it can be made again; none of it is sealed. The views over it stand in views.py.

-- How the desk stands; one row, written after each tick that decided and after each word of the owner's.
CREATE TABLE board_desk (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- always 1: there is one desk
    tick_id INTEGER NOT NULL, -- the tick it was written after
    desk TEXT NOT NULL, -- its name
    account TEXT NOT NULL, -- the account, masked
    money TEXT NOT NULL, -- whose money: SIMULATED MONEY, PAPER MONEY, LIVE MONEY
    benchmark TEXT NOT NULL, -- symbol of the benchmark
    equity TEXT NOT NULL, -- cash plus our own marks, dollars
    cash TEXT NOT NULL, -- the broker's cash, dollars
    buying_power TEXT NOT NULL, -- the broker's buying power, dollars
    cash_idle TEXT, -- free cash after the buffer, dollars
    cash_idle_fraction TEXT, -- the same as a share of equity
    collateral TEXT NOT NULL, -- strikes of short puts, dollars
    collateral_fraction TEXT, -- the same as a share of equity
    day_pnl TEXT, -- equity less that of the previous close, less what was moved in, dollars
    day_fraction TEXT, -- the same as a share of the equity before
    nav TEXT NOT NULL, -- net asset value of one unit that began at 1
    nav_peak TEXT NOT NULL, -- its highest value
    drawdown_fraction TEXT NOT NULL, -- fall from the peak
    drawdown_limit TEXT, -- fall that trips the first drawdown wire; NULL is off
    drawdown_level TEXT NOT NULL, -- what it sets
    daily_loss_limit TEXT, -- loss of a day that trips its wire; NULL is off
    session_day TEXT NOT NULL, -- session day of that tick
    session_opens_at TEXT NOT NULL, -- when that session opens
    session_closes_at TEXT NOT NULL, -- when it closes
    session_open INTEGER NOT NULL, -- 1 when it traded at that tick
    next_slot TEXT NOT NULL -- moment of the next tick
) STRICT;

-- How far the sums below have read the tables they are made of; one row.
CREATE TABLE board_reached (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- always 1
    tick_id INTEGER NOT NULL, -- newest tick
    leg_end_id INTEGER NOT NULL, -- newest row of leg_ends
    lot_end_id INTEGER NOT NULL, -- newest row of lot_ends
    import_id INTEGER NOT NULL -- newest row of imports; after another one everything is summed anew
) STRICT;

-- The halt in force, and what else stands over the desk; one row.
CREATE TABLE board_halt (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- always 1
    level TEXT NOT NULL, -- run, no_new_risk, reduce_only, stop
    author TEXT NOT NULL, -- who
    at TEXT, -- since when
    reason TEXT NOT NULL, -- why
    clears TEXT NOT NULL, -- how it ends
    command TEXT NOT NULL, -- what the owner types to change it; empty where it clears by itself
    panic TEXT NOT NULL, -- the panic that stands, in words, or empty
    restore TEXT NOT NULL -- the restore that is not settled, in words, or empty
) STRICT;

-- What the newest decided tick held, as people read it.
CREATE TABLE board_positions (
    symbol TEXT PRIMARY KEY, -- share or option series
    kind TEXT NOT NULL, -- share, option or other
    strategy TEXT NOT NULL, -- whose, or empty
    cycle TEXT NOT NULL, -- cycle it belongs to, or empty
    "right" TEXT, -- put or call
    strike TEXT, -- dollars per share
    expiry TEXT, -- last day
    dte INTEGER, -- days to it
    moneyness_fraction REAL, -- way of the price to the strike, negative in the money
    delta REAL, -- of the series
    credit TEXT, -- opening price, dollars per share
    profit_fraction REAL, -- part of the credit that closing at the ask would keep
    unrealized TEXT, -- against what was paid, at our own marks, dollars
    collateral TEXT, -- what it ties up, dollars
    protection TEXT NOT NULL, -- what protects it, in words
    protection_ok INTEGER NOT NULL, -- 0 where protection was configured and is absent
    quote_age_seconds REAL, -- age of its quote at that tick
    underlying_price TEXT, -- dollars
    basis_strike TEXT, -- paid per share, mean of its lots
    basis_tax TEXT, -- tax basis per share
    basis_wheel TEXT -- wheel basis per share
) STRICT, WITHOUT ROWID;

-- What the days ahead bring to what is held.
CREATE TABLE board_ahead (
    position INTEGER PRIMARY KEY, -- place in the order of days
    day TEXT NOT NULL, -- New York day
    kind TEXT NOT NULL, -- expiry, assignment, ex_date, earnings, early_close, holiday, cash
    symbol TEXT NOT NULL, -- what it is about, or empty
    what TEXT NOT NULL, -- in words
    amount TEXT, -- cash it brings or takes, dollars
    severity TEXT NOT NULL -- plain, warn, bad
) STRICT;

-- Every effective value at the newest tick; a secret shows as its length.
CREATE TABLE board_settings (
    position INTEGER PRIMARY KEY, -- place in the list
    section TEXT NOT NULL, -- part of the configuration
    name TEXT NOT NULL, -- its key
    value TEXT NOT NULL, -- its value
    origin TEXT NOT NULL, -- where the value comes from
    secret INTEGER NOT NULL, -- 1 where the value is not shown
    meaning TEXT NOT NULL -- what the key means
) STRICT;

-- Strategies of desk.toml, and those that left it, with what each came to.
CREATE TABLE board_strategies (
    name TEXT PRIMARY KEY, -- the strategy
    kind TEXT NOT NULL, -- its planner
    stage TEXT NOT NULL, -- live, off, or retired where desk.toml names it no more
    enabled INTEGER NOT NULL, -- 1 when it plans
    priority INTEGER NOT NULL, -- smaller goes first
    symbols TEXT NOT NULL, -- what it trades
    intents INTEGER NOT NULL, -- wishes judged so far
    approved INTEGER NOT NULL, -- of these allowed by every gate
    orders INTEGER NOT NULL, -- orders written down
    fills INTEGER NOT NULL, -- fills booked
    counted_tick INTEGER NOT NULL -- newest tick in these counts
) STRICT, WITHOUT ROWID;

-- Prices of shares at the last tick of each session day that asked for them.
CREATE TABLE board_prices (
    symbol TEXT NOT NULL, -- the share
    day TEXT NOT NULL, -- session day
    price TEXT NOT NULL, -- dollars
    price_sort REAL NOT NULL, -- the same to draw by
    first_sort REAL NOT NULL, -- the day's first one, to draw by
    PRIMARY KEY (symbol, day)
) STRICT, WITHOUT ROWID;

-- Indexes of each session day: 1 at the first. Numbers to draw by, no money.
CREATE TABLE board_days (
    day TEXT PRIMARY KEY, -- session day
    nav_index REAL NOT NULL, -- net asset value of one unit
    holding_index REAL, -- the desk's shares held in equal parts, price only
    benchmark_index REAL, -- the benchmark's price
    pnl_fraction REAL, -- the day's return
    pnl_sort REAL -- the day's profit to draw by
) STRICT, WITHOUT ROWID;

-- The same at each of the newest ticks.
CREATE TABLE board_moments (
    tick_id INTEGER PRIMARY KEY, -- the tick
    day TEXT NOT NULL, -- session day
    nav_index REAL NOT NULL, -- net asset value of one unit
    holding_index REAL, -- the desk's shares held in equal parts, price only
    benchmark_index REAL -- the benchmark's price
) STRICT;
CREATE INDEX board_moments_by_day ON board_moments (day, tick_id);

-- Slots of a session in which no tick ran.
CREATE TABLE board_gaps (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL, -- the tick that saw it
    day TEXT NOT NULL, -- session day
    first_slot TEXT NOT NULL, -- first slot missed
    last_slot TEXT NOT NULL, -- last slot missed
    slots INTEGER NOT NULL, -- how many
    UNIQUE (tick_id, day)
) STRICT;

-- What each of the newest ticks saw, in short.
CREATE TABLE board_seen (
    tick_id INTEGER PRIMARY KEY, -- the tick
    follow_up INTEGER NOT NULL, -- which follow-up of its slot it was, 0 for the tick itself
    seen_json TEXT NOT NULL -- quotes, chains, inputs with their ages, counts
) STRICT;

-- Where the market stood when an order was planned, and how its fill compares.
CREATE TABLE board_orders (
    client_order_id TEXT PRIMARY KEY, -- the order
    mid_price TEXT, -- mid then, dollars per share
    natural_price TEXT, -- price that would have traded at once, dollars per share
    slippage TEXT -- fill against that mid, dollars for the whole order; positive is better
) STRICT, WITHOUT ROWID;

-- What each cycle came to so far.
CREATE TABLE board_cycles (
    id TEXT PRIMARY KEY, -- the cycle
    phase TEXT NOT NULL, -- short_put, shares, covered_call, closed
    days INTEGER NOT NULL, -- from opening to its end or the newest tick
    return_fraction REAL, -- on the collateral it tied up
    annualized_fraction REAL -- the same a year
) STRICT, WITHOUT ROWID;

-- How each option leg ended.
CREATE TABLE board_legs (
    id TEXT PRIMARY KEY, -- the leg
    how TEXT NOT NULL, -- how its last contract ended
    end_price TEXT, -- price per share it ended at
    income TEXT NOT NULL -- income book of all its contracts, dollars
) STRICT, WITHOUT ROWID;

-- Income by week (Monday to Sunday, New York).
CREATE TABLE board_weeks (
    first_day TEXT NOT NULL, -- its Monday
    week TEXT NOT NULL, -- ISO week, as 2026-W47
    symbol TEXT NOT NULL, -- the underlying, or empty
    kind TEXT NOT NULL, -- premium, shares, dividends, interest
    income TEXT NOT NULL, -- income book, dollars
    income_sort REAL NOT NULL, -- the same to draw by
    tax_income TEXT NOT NULL, -- tax book, dollars
    count INTEGER NOT NULL, -- entries summed
    PRIMARY KEY (first_day, symbol, kind)
) STRICT, WITHOUT ROWID;

-- Income by calendar month (New York).
CREATE TABLE board_months (
    month TEXT NOT NULL, -- as 2026-11
    symbol TEXT NOT NULL, -- the underlying, or empty
    kind TEXT NOT NULL, -- premium, shares, dividends, interest
    income TEXT NOT NULL, -- income book, dollars
    income_sort REAL NOT NULL, -- the same to draw by
    tax_income TEXT NOT NULL, -- tax book, dollars
    count INTEGER NOT NULL, -- entries summed
    PRIMARY KEY (month, symbol, kind)
) STRICT, WITHOUT ROWID;

CREATE INDEX board_months_by_symbol ON board_months (symbol, month);
CREATE INDEX board_weeks_by_symbol ON board_weeks (symbol, first_day);

-- Income of each symbol since the start, and what is open.
CREATE TABLE board_symbols (
    symbol TEXT PRIMARY KEY, -- the underlying, or empty
    realized TEXT NOT NULL, -- income book, dollars
    realized_sort REAL NOT NULL, -- the same to sort by
    open TEXT NOT NULL, -- open P&L at our own marks, dollars
    open_sort REAL NOT NULL, -- the same to sort by
    dividends TEXT NOT NULL, -- of realized, dollars
    cycles_closed INTEGER NOT NULL -- turns of the wheel ended
) STRICT, WITHOUT ROWID;

-- A page asks for the newest of something; every index ends with the row's number, so these answer in that order.
CREATE INDEX refusals_by_gate ON refusals (gate);
CREATE INDEX refusals_by_symbol ON refusals (symbol);
CREATE INDEX notes_by_symbol ON notes (symbol);
CREATE INDEX notes_by_tick ON notes (tick_id);
CREATE INDEX fills_by_at ON fills (at);
CREATE INDEX orders_by_tick ON orders (tick_id);
CREATE INDEX orders_by_symbol ON orders (underlying);
CREATE INDEX option_legs_by_cycle ON option_legs (cycle);
CREATE INDEX option_legs_by_open ON option_legs (opened_at);
CREATE INDEX lots_by_cycle ON lots (cycle);
CREATE INDEX lots_by_open ON lots (opened_at);
CREATE INDEX cycles_by_open ON cycles (opened_at);
CREATE INDEX events_apart ON events (id) WHERE kind <> 'tick';
CREATE INDEX outbox_reports ON outbox (id) WHERE kind = 'report';
CREATE INDEX ticks_in_trouble ON ticks (id) WHERE status IN ('failed', 'died');
