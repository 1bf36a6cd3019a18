-- Invariants carry their number: what it is, in which unit, and since when it is away from zero.

DROP TABLE invariants;

-- Checks of the house on itself, one row each at every tick that decided.
CREATE TABLE invariants (
    id INTEGER PRIMARY KEY, -- counts up
    tick_id INTEGER REFERENCES ticks (id), -- the tick
    at TEXT NOT NULL, -- when
    name TEXT NOT NULL, -- what must hold
    ok INTEGER NOT NULL, -- 1 when it held
    detail TEXT NOT NULL, -- what was found
    value TEXT NOT NULL, -- the number found; zero is green
    unit TEXT NOT NULL, -- usd, orders, shares, positions or seconds
    since TEXT, -- tick at which it first left zero (an age: at which it was too much)
    symbols TEXT NOT NULL -- underlyings it is about, parted by blanks
) STRICT;
CREATE INDEX invariants_by_tick ON invariants (tick_id);
