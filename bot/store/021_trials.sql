-- What was tried against which data, and every look at the part of it that was kept aside.

-- Configurations tried against data: one row each, however often and over whichever span it ran.
CREATE TABLE trials (
    data_hash TEXT NOT NULL, -- SHA-256 of the data
    config_hash TEXT NOT NULL, -- SHA-256 of the desk.toml and fill rules as they ran
    first_at TEXT NOT NULL, -- when it was first tried
    last_at TEXT NOT NULL, -- when it was last tried
    times INTEGER NOT NULL, -- how often it ran
    source TEXT NOT NULL, -- the command that first tried it
    words TEXT NOT NULL, -- what differed from the desk in use
    periods INTEGER NOT NULL, -- returns of its longest run
    sharpe REAL, -- Sharpe ratio of one period in that run, not annualised; NULL where undefined
    PRIMARY KEY (data_hash, config_hash)
) STRICT;

-- The last part of data that no search may see, as it was first set aside; it does not move.
CREATE TABLE holdouts (
    data_hash TEXT PRIMARY KEY, -- SHA-256 of the data
    first_day TEXT NOT NULL, -- the first session day kept aside
    last_day TEXT NOT NULL, -- the last one
    budget INTEGER NOT NULL, -- how many looks it may bear
    at TEXT NOT NULL -- when it was set aside
) STRICT;

-- Looks at a holdout: each makes the next one worth less.
CREATE TABLE holdout_looks (
    id INTEGER PRIMARY KEY, -- counts up
    data_hash TEXT NOT NULL REFERENCES holdouts (data_hash), -- SHA-256 of the data
    at TEXT NOT NULL, -- when somebody looked
    config_hash TEXT NOT NULL, -- SHA-256 of the desk.toml and fill rules that ran over it
    words TEXT NOT NULL, -- what differed from the desk in use
    spent INTEGER NOT NULL -- 1 where it was beyond the budget and the owner said so
) STRICT;
CREATE INDEX holdout_looks_by_data ON holdout_looks (data_hash, id);
