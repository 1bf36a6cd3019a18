-- The ledger of one desk. Every table and column carries its meaning here: describe_tables() reads these comments.
-- Moments are UTC text of fixed width (2026-11-18T17:00:00.000000Z) unless said otherwise; days are New York days.
-- Money and quantities are decimal text; a REAL column exists only to sort by and its name ends in _sort.

-- Whose ledger this is; one row, written at the first tick and never changed.
CREATE TABLE stamp (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- always 1: there is one stamp
    broker TEXT NOT NULL, -- simulator, alpaca, ccxt
    environment TEXT NOT NULL, -- simulated, paper or live
    account TEXT NOT NULL, -- the broker's account id
    desk TEXT NOT NULL, -- the desk's name, the prefix of its order ids
    stamped_at TEXT NOT NULL -- moment of the first tick
) STRICT;

-- Every desk.toml ever used, with the settings without secrets.
CREATE TABLE configs (
    hash TEXT PRIMARY KEY, -- SHA-256 of text and settings
    text TEXT NOT NULL, -- desk.toml as it was read
    settings_json TEXT NOT NULL, -- effective settings as JSON, secrets left out
    at TEXT NOT NULL, -- first used
    approved_at TEXT, -- when a person approved it for real money
    approved_by TEXT -- who
) STRICT;

-- One row per tick: when it ran, what it saw, how it ended.
CREATE TABLE ticks (
    id INTEGER PRIMARY KEY, -- counts up by one
    ts TEXT NOT NULL, -- the tick's moment
    slot TEXT NOT NULL, -- the scheduled moment it stands for
    mode TEXT NOT NULL CHECK (mode IN ('dry', 'live')), -- whether orders were sent
    status TEXT NOT NULL CHECK (status IN ('started', 'done', 'failed', 'died')), -- died: ended without a seal
    broker TEXT NOT NULL, -- the broker it asked
    market TEXT NOT NULL, -- where prices came from
    environment TEXT NOT NULL, -- simulated, paper or live
    config_hash TEXT NOT NULL, -- the configuration in force (configs.hash)
    code_version TEXT NOT NULL, -- the program's version
    session_day TEXT, -- the New York session day it counted for
    session_open INTEGER, -- 1 when that session traded at ts
    halt TEXT, -- halt level in force: run, no_new_risk, reduce_only, stop
    equity TEXT, -- cash plus our own marks, dollars
    cash TEXT, -- the broker's cash, dollars
    buying_power TEXT, -- the broker's buying power, dollars
    benchmark_price TEXT, -- price of the benchmark, dollars
    flow TEXT, -- money moved in (positive) or out since the last tick, dollars
    snapshot_hash TEXT, -- SHA-256 of the stored Snapshot (snapshots.hash)
    intents INTEGER, -- intents judged
    approved INTEGER, -- intents every gate allowed
    planned INTEGER, -- orders written down to be sent
    note TEXT NOT NULL DEFAULT '', -- one line for the owner
    finished_at TEXT, -- moment of the seal
    duration_ms REAL, -- sum of the stages, milliseconds
    stages_json TEXT, -- [stage, milliseconds] pairs
    errors_json TEXT -- what went wrong, as a list of sentences
) STRICT;
CREATE INDEX ticks_by_day ON ticks (session_day, id);
CREATE INDEX ticks_unsealed ON ticks (id) WHERE status = 'started';

-- Where the bytes of each Snapshot lie: monthly files beside the ledger.
CREATE TABLE snapshots (
    hash TEXT NOT NULL, -- SHA-256 of the stored bytes
    tick_id INTEGER PRIMARY KEY REFERENCES ticks (id), -- the tick that took it
    at TEXT NOT NULL, -- the tick's moment
    month TEXT NOT NULL, -- name of the file without .bin, as 2026-11
    "offset" INTEGER NOT NULL, -- first byte in the file
    length INTEGER NOT NULL -- bytes
) STRICT;
CREATE INDEX snapshots_by_hash ON snapshots (hash);

-- What planners wanted, each with the verdict; checks in full are in tick_checks.
CREATE TABLE order_intents (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that judged it
    ts TEXT NOT NULL, -- the tick's moment
    position INTEGER NOT NULL, -- place in the order of judgement, from 0
    strategy TEXT NOT NULL, -- who wanted it
    purpose TEXT NOT NULL, -- why, in one word: cash_secured_put, take_profit, ...
    symbol TEXT NOT NULL, -- traded symbol, or the underlying where there are several legs
    underlying TEXT NOT NULL, -- the share it is about
    side TEXT NOT NULL, -- sell_to_open and its kin, mleg, or cancel
    qty TEXT NOT NULL, -- shares, contracts or units
    order_type TEXT NOT NULL, -- market, limit, stop, stop_limit, trailing_stop
    limit_price TEXT, -- dollars per share; negative is a credit of several legs
    stop_price TEXT, -- dollars per share
    trail_percent TEXT, -- distance of a trailing stop, 10 means 10 %
    legs TEXT NOT NULL, -- legs as JSON: symbol, side, ratio, position_intent
    reason TEXT NOT NULL, -- the planner's reason
    approved INTEGER NOT NULL, -- 1 when every gate allowed it
    refused_by TEXT NOT NULL, -- gates that refused, comma separated
    details_json TEXT NOT NULL, -- key, action, time in force, step, lot, roll, replaces and what the planner looked at
    cycle TEXT NOT NULL, -- cycle it belongs to (cycles.id) or empty
    client_order_id TEXT, -- the order made of it (orders.client_order_id)
    submitted INTEGER NOT NULL, -- 1 when a request left for the broker
    alpaca_order_id TEXT, -- the broker's order id, whichever broker it is
    status TEXT -- dry_run, blocked, error, or the broker's word; NULL before any answer
) STRICT;
CREATE INDEX order_intents_by_tick ON order_intents (tick_id);
CREATE INDEX order_intents_by_underlying ON order_intents (underlying, id);
CREATE INDEX order_intents_by_order ON order_intents (client_order_id) WHERE client_order_id IS NOT NULL;

-- All check results of a tick's verdicts, passes too, and its notes, in one blob, durable before anything is sent.
CREATE TABLE tick_checks (
    tick_id INTEGER PRIMARY KEY REFERENCES ticks (id), -- the tick
    blob BLOB NOT NULL -- verdicts and notes as MessagePack, zlib; these very bytes are hashed in the seal
) STRICT;

-- Every refusal by a gate, one row each.
CREATE TABLE refusals (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick
    intent_id INTEGER NOT NULL REFERENCES order_intents (id), -- the intent refused
    ts TEXT NOT NULL, -- the tick's moment
    day TEXT NOT NULL, -- session day
    strategy TEXT NOT NULL, -- who wanted it
    symbol TEXT NOT NULL, -- the underlying
    gate TEXT NOT NULL, -- the gate that refused
    reason TEXT NOT NULL, -- in words
    value TEXT, -- the gate's number
    "limit" TEXT, -- what it may be; NULL is off or none
    unit TEXT NOT NULL, -- of value, limit and distance
    distance TEXT, -- room left, negative by how much it missed
    nearest INTEGER NOT NULL, -- 1 for the smallest miss of this gate and unit in this tick
    sole INTEGER NOT NULL -- 1 when no other gate refused this intent
) STRICT;
CREATE INDEX refusals_by_day ON refusals (day, gate);

-- Chances a planner passed over and exits it overruled.
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick
    ts TEXT NOT NULL, -- the tick's moment
    day TEXT NOT NULL, -- session day
    strategy TEXT NOT NULL, -- whose note
    symbol TEXT NOT NULL, -- the underlying
    subject TEXT NOT NULL, -- the contract or the idea
    reason TEXT NOT NULL, -- why it was passed over
    value TEXT, -- the planner's number
    "limit" TEXT, -- against which limit; NULL is off or none
    unit TEXT NOT NULL -- of value and limit
) STRICT;
CREATE INDEX notes_by_day ON notes (day, symbol);

-- The hash chain: everything that matters, in order, each row sealed onto the one before.
CREATE TABLE events (
    id INTEGER PRIMARY KEY, -- counts up
    ts TEXT NOT NULL, -- when it happened
    kind TEXT NOT NULL, -- tick, halt, config, owner, ... (store/kinds.py)
    tick_id INTEGER, -- the tick it seals, where it seals one
    payload_json TEXT NOT NULL, -- facts as JSON; these very bytes are hashed
    hash_before TEXT NOT NULL, -- hash of the event before, empty for the first
    hash TEXT NOT NULL -- SHA-256 over hash_before, ts, kind and payload_json, parted by line feeds
) STRICT;
CREATE INDEX events_by_kind ON events (kind, id);

-- Every order of ours, written down before it is sent.
CREATE TABLE orders (
    client_order_id TEXT PRIMARY KEY, -- our id, the same wish in the same slot has the same one
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that planned it
    session_day TEXT NOT NULL, -- the session day it counts for in pacing
    broker_order_id TEXT NOT NULL, -- the broker's id, empty before any answer
    strategy TEXT NOT NULL, -- who wanted it
    purpose TEXT NOT NULL, -- why, in one word
    key TEXT NOT NULL, -- the lot or cycle it serves
    underlying TEXT NOT NULL, -- the share it is about
    legs TEXT NOT NULL, -- legs as JSON: symbol, side, ratio, position_intent
    qty TEXT NOT NULL, -- shares, contracts or units
    filled_qty TEXT NOT NULL, -- filled so far
    filled_avg_price TEXT, -- mean price of what filled, dollars per share
    order_type TEXT NOT NULL, -- market, limit, stop, stop_limit, trailing_stop
    limit_price TEXT, -- dollars per share; negative is a credit of several legs
    stop_price TEXT, -- dollars per share
    trail_percent TEXT, -- distance of a trailing stop, 10 means 10 %
    high_water_mark TEXT, -- highest price a trailing stop has seen
    time_in_force TEXT NOT NULL, -- day or gtc
    state TEXT NOT NULL, -- ours: planned, sending, working, unknown, refused, not_sent, done
    status TEXT NOT NULL, -- the broker's word, empty before any answer
    step INTEGER NOT NULL, -- step of the price ladder, 0 to 3
    cycle TEXT NOT NULL, -- cycle it belongs to
    lot TEXT NOT NULL, -- lot it serves
    roll TEXT NOT NULL, -- roll it serves
    roll_ticks_max INTEGER NOT NULL, -- ticks its roll's opening leg may be tried
    replaces TEXT NOT NULL, -- order of ours it replaced
    slot TEXT NOT NULL, -- slot it was planned in
    planned_at TEXT NOT NULL, -- moment it was planned
    attempt INTEGER NOT NULL, -- 0, and one more for each proven end of the same wish
    ended_at TEXT -- moment it could no longer fill; NULL while it may
) STRICT;
CREATE INDEX orders_by_end ON orders (ended_at);
CREATE INDEX orders_by_day ON orders (session_day);
CREATE INDEX orders_by_underlying ON orders (underlying, planned_at);

-- Every step in the life of every order of ours, appended only.
CREATE TABLE order_transitions (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick it happened in
    client_order_id TEXT NOT NULL REFERENCES orders (client_order_id), -- the order
    at TEXT NOT NULL, -- when
    state_before TEXT NOT NULL, -- our state before, empty for the first
    state TEXT NOT NULL, -- our state after
    status TEXT NOT NULL, -- the broker's word
    broker_order_id TEXT NOT NULL, -- the broker's id
    filled_qty TEXT, -- filled so far, where it was said
    filled_avg_price TEXT, -- mean price, where it was said
    reason TEXT NOT NULL -- why, in words
) STRICT;
CREATE INDEX order_transitions_by_order ON order_transitions (client_order_id, id);
CREATE INDEX order_transitions_by_tick ON order_transitions (tick_id);

-- What the broker says happened, keyed by its execution id.
CREATE TABLE fills (
    execution_id TEXT PRIMARY KEY, -- the broker's execution id
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that learned of it
    broker_order_id TEXT NOT NULL, -- the broker's order id
    client_order_id TEXT NOT NULL, -- our order id, empty for foreign orders
    symbol TEXT NOT NULL, -- what traded
    side TEXT NOT NULL, -- buy or sell
    qty TEXT NOT NULL, -- shares or contracts
    price TEXT NOT NULL, -- dollars per share
    at TEXT NOT NULL, -- when
    strategy TEXT NOT NULL, -- whose
    purpose TEXT NOT NULL, -- of the order
    cycle TEXT NOT NULL -- cycle it belongs to
) STRICT;
CREATE INDEX fills_by_tick ON fills (tick_id);
CREATE INDEX fills_by_order ON fills (client_order_id);
CREATE INDEX fills_by_symbol ON fills (symbol, at);

-- Shares bought or assigned together, first in first out.
CREATE TABLE lots (
    id TEXT PRIMARY KEY, -- the lot's id
    symbol TEXT NOT NULL, -- the share
    qty TEXT NOT NULL, -- shares left; the last quantity once closed
    opened_at TEXT NOT NULL, -- when
    strategy TEXT NOT NULL, -- whose
    owner TEXT NOT NULL, -- ours, adopted or foreign
    cycle TEXT NOT NULL, -- cycle it belongs to
    basis_strike TEXT, -- paid per share (the strike of an assigned put); NULL is unknown
    basis_tax TEXT, -- the same less the assigned put's premium, dollars per share
    basis_wheel TEXT, -- tax basis less all other ended premium and dividends, dollars per share
    high_water_mark TEXT, -- highest price seen by the last trailing stop on it
    tick_id INTEGER, -- the tick that first saw it; NULL when adopted by a person between ticks
    closed_at TEXT -- when the last share left; NULL while open
) STRICT;
CREATE INDEX lots_by_close ON lots (closed_at);
CREATE INDEX lots_by_symbol ON lots (symbol, opened_at);

-- Shares that left a lot: sold or called away.
CREATE TABLE lot_ends (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that learned of it
    lot_id TEXT NOT NULL REFERENCES lots (id), -- the lot
    symbol TEXT NOT NULL, -- the share
    qty TEXT NOT NULL, -- shares that left
    how TEXT NOT NULL, -- sold, called_away, ...
    at TEXT NOT NULL, -- when
    day TEXT NOT NULL, -- New York day of that
    price TEXT NOT NULL, -- proceeds per share
    income TEXT NOT NULL, -- income book, dollars
    tax_income TEXT NOT NULL -- tax book, dollars
) STRICT;
CREATE INDEX lot_ends_by_lot ON lot_ends (lot_id);
CREATE INDEX lot_ends_by_day ON lot_ends (day);
CREATE INDEX lot_ends_by_tick ON lot_ends (tick_id);

-- Option positions of ours, one row each from opening to end.
CREATE TABLE option_legs (
    id TEXT PRIMARY KEY, -- the leg's id
    symbol TEXT NOT NULL, -- the option series
    underlying TEXT NOT NULL, -- the share
    "right" TEXT NOT NULL, -- put or call
    strike TEXT NOT NULL, -- dollars per share
    expiry TEXT NOT NULL, -- last day
    qty TEXT NOT NULL, -- contracts, negative when short; the last quantity once closed
    opened_at TEXT NOT NULL, -- when
    strategy TEXT NOT NULL, -- whose
    owner TEXT NOT NULL, -- ours, adopted or foreign
    cycle TEXT NOT NULL, -- cycle it belongs to
    chain TEXT NOT NULL, -- first leg of its series of rolls
    rolls INTEGER NOT NULL, -- rolls so far
    credit TEXT, -- fill-weighted opening price per share; NULL is unknown
    fees TEXT NOT NULL, -- fees so far, dollars, all contracts
    premium_stop_readings INTEGER NOT NULL, -- ticks in a row the premium stop was touched
    tick_id INTEGER, -- the tick that first saw it; NULL when adopted by a person between ticks
    closed_at TEXT -- when the last contract ended; NULL while open
) STRICT;
CREATE INDEX option_legs_by_close ON option_legs (closed_at);
CREATE INDEX option_legs_by_underlying ON option_legs (underlying, opened_at);

-- Option legs that ended, in whole or part: how, and what they earned.
CREATE TABLE leg_ends (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that learned of it
    leg_id TEXT NOT NULL REFERENCES option_legs (id), -- the leg
    symbol TEXT NOT NULL, -- the option series
    underlying TEXT NOT NULL, -- the share
    qty TEXT NOT NULL, -- contracts that ended
    how TEXT NOT NULL, -- closed, expired, assigned, ...
    at TEXT NOT NULL, -- when
    day TEXT NOT NULL, -- New York day of that
    price TEXT NOT NULL, -- price per share it ended at
    income TEXT NOT NULL, -- income book, dollars
    tax_income TEXT NOT NULL -- tax book, dollars
) STRICT;
CREATE INDEX leg_ends_by_leg ON leg_ends (leg_id);
CREATE INDEX leg_ends_by_day ON leg_ends (day);
CREATE INDEX leg_ends_by_tick ON leg_ends (tick_id);

-- Turns of the wheel, from the first opening fill in a flat symbol to flat again.
CREATE TABLE cycles (
    id TEXT PRIMARY KEY, -- the cycle's id
    symbol TEXT NOT NULL, -- the share
    strategy TEXT NOT NULL, -- whose
    opened_at TEXT NOT NULL, -- when
    closed_at TEXT, -- when flat again; NULL while open
    option_cash TEXT NOT NULL, -- signed cash of options, dollars
    share_cash TEXT NOT NULL, -- signed cash of shares, dollars
    dividends TEXT NOT NULL, -- dollars
    fees TEXT NOT NULL, -- dollars
    premium_ended TEXT NOT NULL, -- net premium of ended legs apart from the assigned put, dollars
    capital_days TEXT NOT NULL, -- sum of the daily capital, dollar days
    capital_day TEXT, -- last day counted in it
    legs INTEGER NOT NULL, -- option legs opened
    assignments INTEGER NOT NULL, -- puts assigned
    pnl TEXT, -- option and share cash and dividends less fees, dollars; once closed
    pnl_sort REAL, -- pnl to sort by
    tick_id INTEGER -- the tick that first saw it
) STRICT;
CREATE INDEX cycles_by_close ON cycles (closed_at);
CREATE INDEX cycles_by_symbol ON cycles (symbol, opened_at);

-- Rolls: two orders across ticks with a budget.
CREATE TABLE rolls (
    id TEXT PRIMARY KEY, -- the roll's id
    underlying TEXT NOT NULL, -- the share
    "right" TEXT NOT NULL, -- put or call
    old_symbol TEXT NOT NULL, -- series bought back
    old_strike TEXT NOT NULL, -- its strike
    qty TEXT NOT NULL, -- contracts
    strategy TEXT NOT NULL, -- whose
    cycle TEXT NOT NULL, -- cycle it belongs to
    chain TEXT NOT NULL, -- first leg of the series of rolls
    rolls INTEGER NOT NULL, -- rolls of the chain, this one included
    stage TEXT NOT NULL, -- closing, opening, done, abandoned
    budget TEXT NOT NULL, -- buy-back debit and both legs' fees, dollars
    ticks_left INTEGER NOT NULL, -- ticks the opening leg may still be tried
    started_at TEXT NOT NULL, -- when
    tick_id INTEGER, -- the tick that started it
    ended_at TEXT -- when done or abandoned; NULL while in flight
) STRICT;
CREATE INDEX rolls_by_end ON rolls (ended_at);

-- Every change to lots, legs, cycles and rolls as it was written, appended only; sealed with its tick.
CREATE TABLE book_changes (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick; NULL when a person did it between ticks
    kind TEXT NOT NULL, -- lot, leg, cycle or roll
    key TEXT NOT NULL, -- id of the lot, leg, cycle or roll
    what TEXT NOT NULL, -- opened, changed or closed
    fact_json TEXT NOT NULL -- all of it after the change; these very bytes are hashed
) STRICT;
CREATE INDEX book_changes_by_tick ON book_changes (tick_id);
CREATE INDEX book_changes_by_key ON book_changes (key, id);

-- The broker's account history, one row a line.
CREATE TABLE activities (
    id TEXT NOT NULL, -- the broker's id (an assignment and its share trade may share one)
    type TEXT NOT NULL, -- FILL, OPASN, OPTRD, OPEXP, DIV, FEE, ...
    symbol TEXT NOT NULL, -- symbol, or empty
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that first saw it
    at TEXT NOT NULL, -- when the broker booked it
    day TEXT NOT NULL, -- New York day of that
    qty TEXT NOT NULL, -- signed effect on the position
    price TEXT, -- dollars per share, a strike, or a split's ratio
    net_amount TEXT NOT NULL, -- effect on cash, dollars
    order_id TEXT NOT NULL, -- the broker's order id
    group_id TEXT NOT NULL, -- ties an assignment to its share trade
    raw_type TEXT NOT NULL, -- the broker's own word where type is OTHER
    description TEXT NOT NULL, -- the broker's text
    PRIMARY KEY (id, type, symbol)
) STRICT, WITHOUT ROWID;
CREATE INDEX activities_by_day ON activities (day);
CREATE INDEX activities_by_tick ON activities (tick_id);

-- The broker's positions as the last tick saw them.
CREATE TABLE positions (
    symbol TEXT PRIMARY KEY, -- share or option series
    underlying TEXT NOT NULL, -- the share
    owner TEXT NOT NULL, -- ours, adopted, foreign or mixed
    qty TEXT NOT NULL, -- shares or contracts, negative when short
    avg_entry_price TEXT, -- the broker's mean entry, dollars per share
    price TEXT, -- the broker's price
    mark TEXT, -- our own price
    mark_source TEXT, -- mid, previous, model, far_side, last, entry
    value TEXT, -- quantity times mark times multiplier, dollars
    value_sort REAL, -- value to sort by
    tick_id INTEGER NOT NULL, -- the tick
    at TEXT NOT NULL -- its moment
) STRICT;

-- The broker's positions at the last tick of each finished session day.
CREATE TABLE position_days (
    day TEXT NOT NULL, -- session day
    symbol TEXT NOT NULL, -- share or option series
    underlying TEXT NOT NULL, -- the share
    owner TEXT NOT NULL, -- ours, adopted, foreign or mixed
    qty TEXT NOT NULL, -- shares or contracts, negative when short
    avg_entry_price TEXT, -- the broker's mean entry, dollars per share
    price TEXT, -- the broker's price
    mark TEXT, -- our own price
    mark_source TEXT, -- where it comes from
    value TEXT, -- dollars
    value_sort REAL, -- value to sort by
    PRIMARY KEY (day, symbol)
) STRICT, WITHOUT ROWID;

-- Differences between the broker and our books, from first sight to their end.
CREATE TABLE drift (
    id INTEGER PRIMARY KEY, -- counts up
    symbol TEXT NOT NULL, -- what differs
    kind TEXT NOT NULL, -- pending (something is expected) or unexplained
    what TEXT NOT NULL, -- in words
    broker TEXT NOT NULL, -- the broker's number
    ours TEXT NOT NULL, -- ours
    expected_until TEXT, -- until when a pending one may last
    since TEXT, -- first seen
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that first saw it so
    ended_at TEXT -- when it was gone or became another; NULL while it stands
) STRICT;
CREATE INDEX drift_by_end ON drift (ended_at);
CREATE INDEX drift_by_tick ON drift (tick_id);

-- Checks of the house on itself, one row each time one was run.
CREATE TABLE invariants (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick, where there was one
    at TEXT NOT NULL, -- when
    name TEXT NOT NULL, -- what must hold
    ok INTEGER NOT NULL, -- 1 when it held
    detail TEXT NOT NULL -- what was found
) STRICT;
CREATE INDEX invariants_by_name ON invariants (name, id);
CREATE INDEX invariants_by_tick ON invariants (tick_id);

-- Signals of strategies: scores, forecasts, regimes.
CREATE TABLE signals (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick, where there was one
    at TEXT NOT NULL, -- when it was known
    strategy TEXT NOT NULL, -- whose
    symbol TEXT NOT NULL, -- about what
    name TEXT NOT NULL, -- which signal
    score REAL, -- its number, no money
    details_json TEXT NOT NULL -- what it was made of
) STRICT;
CREATE INDEX signals_by_name ON signals (name, symbol, id);
CREATE INDEX signals_by_tick ON signals (tick_id);

-- Every halt and every release; the newest row stands.
CREATE TABLE halts (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- since when
    level TEXT NOT NULL CHECK (level IN ('run', 'no_new_risk', 'reduce_only', 'stop')), -- what may still be done
    author TEXT NOT NULL, -- a person or a trip wire
    reason TEXT NOT NULL, -- why
    clears TEXT NOT NULL -- how it ends
) STRICT;

-- The owner's words on single contracts; the newest on a contract stands.
CREATE TABLE instructions (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when
    contract TEXT NOT NULL, -- option series
    word TEXT NOT NULL CHECK (word IN ('hold', 'let_assign', 'no_roll', 'close')), -- what to do
    author TEXT NOT NULL -- who said so
) STRICT;
CREATE INDEX instructions_by_contract ON instructions (contract, id);

-- Symbols on which no new risk may be taken for a time.
CREATE TABLE pauses (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was said
    symbol TEXT NOT NULL, -- the share, or * for all
    "until" TEXT NOT NULL, -- when it is over; moved to the moment a person lifts it
    reason TEXT NOT NULL, -- why
    author TEXT NOT NULL -- who
) STRICT;
CREATE INDEX pauses_by_end ON pauses ("until");

-- What people told the desk to do, and what came of it.
CREATE TABLE commands (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when
    author TEXT NOT NULL, -- who
    words TEXT NOT NULL, -- the command as given
    outcome TEXT NOT NULL -- done, refused or failed, and why
) STRICT;

-- Messages waiting for or given to talkers.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was written
    tick_id INTEGER REFERENCES ticks (id), -- the tick it is about, where there is one
    channel TEXT NOT NULL, -- discord, telegram, email, ...
    kind TEXT NOT NULL, -- report, alert, ...
    key TEXT NOT NULL, -- the same key is said once
    payload_json TEXT NOT NULL, -- the message
    attempts INTEGER NOT NULL DEFAULT 0, -- deliveries tried
    next_at TEXT, -- not before
    delivered_at TEXT, -- when it arrived; NULL while waiting
    error TEXT NOT NULL DEFAULT '' -- last failure
) STRICT;
CREATE INDEX outbox_waiting ON outbox (id) WHERE delivered_at IS NULL;
CREATE UNIQUE INDEX outbox_once ON outbox (channel, key);
CREATE INDEX outbox_by_tick ON outbox (tick_id);

-- Strategies and how far each has come.
CREATE TABLE strategies (
    name TEXT PRIMARY KEY, -- as in desk.toml
    kind TEXT NOT NULL, -- its planner
    stage TEXT NOT NULL, -- idea, backtest, shadow, paper, live, retired
    since TEXT NOT NULL, -- in this stage since
    params_hash TEXT NOT NULL, -- SHA-256 of its numbers
    author TEXT NOT NULL, -- who moved it there
    details_json TEXT NOT NULL -- evidence for the stage
) STRICT;

-- Backtests that were run.
CREATE TABLE backtests (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it ran
    strategy TEXT NOT NULL, -- what was tested
    market TEXT NOT NULL, -- on which prices
    first_day TEXT NOT NULL, -- its first session day
    last_day TEXT NOT NULL, -- its last session day
    params_json TEXT NOT NULL, -- the numbers used
    result_json TEXT NOT NULL, -- what came out, money as text
    code_version TEXT NOT NULL, -- the program's version
    seed INTEGER -- of the market, where it has one
) STRICT;
CREATE INDEX backtests_by_strategy ON backtests (strategy, id);

-- The ledger's scalar facts after the last settlement; one row.
CREATE TABLE ledger_state (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- always 1: there is one state
    cash TEXT, -- ledger cash, dollars; NULL before the broker's was adopted
    fees_accrued TEXT NOT NULL, -- fees booked by us and not yet by the broker, dollars
    equity_previous TEXT, -- equity on own marks at the previous session's close, dollars
    equity_last TEXT, -- equity on own marks at the last tick, dollars
    flow_session TEXT NOT NULL, -- money moved in or out since the previous session's close, dollars
    session_day TEXT, -- session day of the last tick
    nav TEXT NOT NULL, -- net asset value of one unit that began at 1
    nav_peak TEXT NOT NULL, -- its highest value, two readings in a row having stood there
    settled_at TEXT, -- last complete settlement
    last_slot TEXT, -- slot of the last tick that decided
    positions_json TEXT NOT NULL, -- [symbol, quantity] at the broker then
    marks_json TEXT NOT NULL -- [symbol, price, moment] of the last good own marks
) STRICT;

-- Equity day by day: the last tick of each session day stands.
CREATE TABLE equity_daily (
    day TEXT PRIMARY KEY, -- session day
    tick_id INTEGER NOT NULL, -- its last tick
    equity TEXT NOT NULL, -- dollars
    equity_sort REAL NOT NULL, -- equity to sort by
    cash TEXT NOT NULL, -- the broker's cash, dollars
    equity_previous TEXT, -- at the previous session's close, dollars
    flow TEXT NOT NULL, -- money moved in or out that day, dollars
    pnl TEXT, -- equity less equity_previous less flow, dollars
    nav TEXT NOT NULL, -- net asset value of one unit
    nav_peak TEXT NOT NULL, -- its highest value so far
    drawdown_fraction TEXT NOT NULL, -- 1 - nav / nav_peak
    benchmark_price TEXT -- dollars
) STRICT, WITHOUT ROWID;

-- Refusals counted by session day, gate and underlying.
CREATE TABLE refusals_daily (
    day TEXT NOT NULL, -- session day
    gate TEXT NOT NULL, -- the gate
    symbol TEXT NOT NULL, -- the underlying
    count INTEGER NOT NULL, -- refusals
    sole INTEGER NOT NULL, -- those where no other gate refused
    PRIMARY KEY (day, gate, symbol)
) STRICT, WITHOUT ROWID;

-- Income by the New York day it was earned: ended legs, ended lots, dividends, interest.
CREATE TABLE income_daily (
    day TEXT NOT NULL, -- New York day
    symbol TEXT NOT NULL, -- the underlying, or empty
    strategy TEXT NOT NULL, -- whose, or empty
    kind TEXT NOT NULL, -- premium, shares, dividends, interest
    income TEXT NOT NULL, -- income book, dollars
    tax_income TEXT NOT NULL, -- tax book, dollars
    count INTEGER NOT NULL, -- entries summed
    PRIMARY KEY (day, symbol, strategy, kind)
) STRICT, WITHOUT ROWID;
