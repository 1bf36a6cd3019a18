-- What is written over is sealed by its changes: a proposal's, the prices an order was told, and the end of a drift.

-- Every change of a proposal, appended only; sealed with the tick or the owner's word that made it.
CREATE TABLE proposal_changes (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick; NULL when a person answered between ticks
    number INTEGER NOT NULL REFERENCES proposals (number), -- the proposal
    hash TEXT NOT NULL -- SHA-256 of all its columns after the change
) STRICT;
CREATE INDEX proposal_changes_by_tick ON proposal_changes (tick_id);
CREATE INDEX proposal_changes_by_number ON proposal_changes (number, id);

-- Prices of an order that no step of it tells: one row each time one of them changed, appended only.
CREATE TABLE order_prices (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that learned of it
    client_order_id TEXT NOT NULL REFERENCES orders (client_order_id), -- the order
    filled_avg_price TEXT, -- mean price of what filled, dollars per share
    stop_price TEXT, -- dollars per share
    high_water_mark TEXT -- highest price a trailing stop has seen
) STRICT;
CREATE INDEX order_prices_by_order ON order_prices (client_order_id, id);
CREATE INDEX order_prices_by_tick ON order_prices (tick_id);

ALTER TABLE drift RENAME TO drift_before;

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
    ended_at TEXT, -- when it was gone or became another; NULL while it stands
    ended_tick INTEGER REFERENCES ticks (id) -- the tick that saw its end; NULL while it stands
) STRICT;
INSERT INTO drift (id, symbol, kind, what, broker, ours, expected_until, since, tick_id, ended_at)
SELECT id, symbol, kind, what, broker, ours, expected_until, since, tick_id, ended_at FROM drift_before;
DROP TABLE drift_before;
CREATE INDEX drift_by_end ON drift (ended_at);
CREATE INDEX drift_by_tick ON drift (tick_id);
CREATE INDEX drift_by_ended_tick ON drift (ended_tick);
