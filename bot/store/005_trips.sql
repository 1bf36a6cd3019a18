-- Trip wires: the newest reading of each, and the last time it tripped and cleared.
CREATE TABLE trips (
    name TEXT PRIMARY KEY, -- its limit in desk.toml
    level TEXT NOT NULL CHECK (level IN ('no_new_risk', 'reduce_only', 'pause')), -- what it sets
    readings INTEGER NOT NULL, -- slots in a row over the limit, up to those it takes
    readings_needed INTEGER NOT NULL, -- slots in a row over the limit that trip it
    good INTEGER NOT NULL, -- slots in a row under the limit since it tripped
    good_needed INTEGER NOT NULL, -- those that clear it; 0 where something else does
    value TEXT, -- what it measured, in its unit; NULL is unknown
    "limit" TEXT NOT NULL, -- where it trips, in its unit
    unit TEXT NOT NULL, -- fraction, chains, ticks, seconds, MB
    clears TEXT NOT NULL, -- how it ends
    slot TEXT, -- slot of the last reading that counted
    day TEXT, -- session day it tripped on
    tripped_at TEXT, -- the last time it tripped; NULL is never
    cleared_at TEXT, -- when that ended; NULL while it is in force
    "until" TEXT, -- when the pause it set ends
    tick_id INTEGER NOT NULL -- the tick of that reading
) STRICT, WITHOUT ROWID;

-- A chain is a leg and its rolls: what a losing streak counts.
CREATE INDEX option_legs_by_chain ON option_legs (chain);
