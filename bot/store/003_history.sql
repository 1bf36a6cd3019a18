-- A past that was there before this desk: activities, fills and ends may come from an import instead of a tick, what an
-- import brought is kept as it was sealed, and what of the past is still open waits to be adopted.

ALTER TABLE activities RENAME TO activities_before;
ALTER TABLE fills RENAME TO fills_before;
ALTER TABLE leg_ends RENAME TO leg_ends_before;
ALTER TABLE lot_ends RENAME TO lot_ends_before;

-- The broker's account history, one row a line.
CREATE TABLE activities (
    id TEXT NOT NULL, -- the broker's id (an assignment and its share trade may share one)
    type TEXT NOT NULL, -- FILL, OPASN, OPTRD, OPEXP, DIV, FEE, ...
    symbol TEXT NOT NULL, -- symbol, or empty
    tick_id INTEGER REFERENCES ticks (id), -- the tick that first saw it; NULL when an import did
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
INSERT INTO activities (id, type, symbol, tick_id, at, day, qty, price, net_amount, order_id, group_id, raw_type,
    description)
SELECT id, type, symbol, tick_id, at, day, qty, price, net_amount, order_id, group_id, raw_type, description
FROM activities_before;
DROP TABLE activities_before;
CREATE INDEX activities_by_day ON activities (day);
CREATE INDEX activities_by_tick ON activities (tick_id);

-- What the broker says happened, keyed by its execution id.
CREATE TABLE fills (
    execution_id TEXT PRIMARY KEY, -- the broker's execution id
    tick_id INTEGER REFERENCES ticks (id), -- the tick that learned of it; NULL when an import did
    broker_order_id TEXT NOT NULL, -- the broker's order id
    client_order_id TEXT NOT NULL, -- our order id, history-<order> for one of the past, empty for foreign orders
    symbol TEXT NOT NULL, -- what traded
    side TEXT NOT NULL, -- buy or sell
    qty TEXT NOT NULL, -- shares or contracts
    price TEXT NOT NULL, -- dollars per share
    at TEXT NOT NULL, -- when
    strategy TEXT NOT NULL, -- whose
    purpose TEXT NOT NULL, -- of the order
    cycle TEXT NOT NULL -- cycle it belongs to
) STRICT;
INSERT INTO fills (execution_id, tick_id, broker_order_id, client_order_id, symbol, side, qty, price, at, strategy,
    purpose, cycle)
SELECT execution_id, tick_id, broker_order_id, client_order_id, symbol, side, qty, price, at, strategy, purpose, cycle
FROM fills_before;
DROP TABLE fills_before;
CREATE INDEX fills_by_tick ON fills (tick_id);
CREATE INDEX fills_by_order ON fills (client_order_id);
CREATE INDEX fills_by_symbol ON fills (symbol, at);

-- Option legs that ended, in whole or part: how, and what they earned.
CREATE TABLE leg_ends (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick that learned of it; NULL when an import did
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
INSERT INTO leg_ends (id, tick_id, leg_id, symbol, underlying, qty, how, at, day, price, income, tax_income)
SELECT id, tick_id, leg_id, symbol, underlying, qty, how, at, day, price, income, tax_income FROM leg_ends_before;
DROP TABLE leg_ends_before;
CREATE INDEX leg_ends_by_leg ON leg_ends (leg_id);
CREATE INDEX leg_ends_by_day ON leg_ends (day);
CREATE INDEX leg_ends_by_tick ON leg_ends (tick_id);

-- Shares that left a lot: sold or called away.
CREATE TABLE lot_ends (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick that learned of it; NULL when an import did
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
INSERT INTO lot_ends (id, tick_id, lot_id, symbol, qty, how, at, day, price, income, tax_income)
SELECT id, tick_id, lot_id, symbol, qty, how, at, day, price, income, tax_income FROM lot_ends_before;
DROP TABLE lot_ends_before;
CREATE INDEX lot_ends_by_lot ON lot_ends (lot_id);
CREATE INDEX lot_ends_by_day ON lot_ends (day);
CREATE INDEX lot_ends_by_tick ON lot_ends (tick_id);

-- Imports of an account's past, one row each that brought something new.
CREATE TABLE imports (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- the moment the account was read
    author TEXT NOT NULL, -- who
    tick_id INTEGER REFERENCES ticks (id), -- the newest tick then; NULL before the first
    first_day TEXT, -- New York day of the first line
    last_day TEXT, -- and of the last
    lines INTEGER NOT NULL, -- lines the broker gave
    gaps_json TEXT NOT NULL, -- what they do not explain, as a list of [symbol, what, what to do]
    blob BLOB NOT NULL -- everything this import wrote, as MessagePack, zlib; these very bytes are hashed in its event
) STRICT;
CREATE INDEX imports_by_tick ON imports (tick_id);

-- What of the past was open when it was imported last: lots, short options and their cycles, waiting to be adopted.
CREATE TABLE past_holdings (
    kind TEXT NOT NULL CHECK (kind IN ('lot', 'leg', 'cycle')), -- what it is
    key TEXT NOT NULL, -- its id in the rebuilt past
    symbol TEXT NOT NULL, -- the share or option series
    underlying TEXT NOT NULL, -- the share
    import_id INTEGER NOT NULL REFERENCES imports (id), -- the import it is from
    position INTEGER NOT NULL, -- first in, first out: its place among its kind
    fact_json TEXT NOT NULL, -- all of it, as it was rebuilt
    taken TEXT NOT NULL, -- shares or contracts adopted since; 1 for a cycle that came along
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX past_holdings_by_import ON past_holdings (import_id);
CREATE INDEX past_holdings_by_underlying ON past_holdings (underlying);
