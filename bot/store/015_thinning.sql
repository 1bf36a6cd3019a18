-- Snapshots may be thinned out: a row whose bytes went says when, and which event of the chain names it.

ALTER TABLE snapshots RENAME TO snapshots_before;

-- Where the bytes of each Snapshot lie: monthly files beside the ledger.
CREATE TABLE snapshots (
    hash TEXT NOT NULL, -- SHA-256 of the stored bytes
    tick_id INTEGER PRIMARY KEY REFERENCES ticks (id), -- the tick that took it
    at TEXT NOT NULL, -- the tick's moment
    month TEXT NOT NULL, -- name of the file without .bin, as 2026-11; 2026-11.1 once that month was thinned out
    "offset" INTEGER NOT NULL, -- first byte in the file
    length INTEGER NOT NULL, -- bytes
    thinned_at TEXT, -- when the bytes were thinned out, NULL while they are there
    thinned_by INTEGER REFERENCES events (id) -- the event that says so
) STRICT;
INSERT INTO snapshots (hash, tick_id, at, month, "offset", length)
SELECT hash, tick_id, at, month, "offset", length FROM snapshots_before;
DROP TABLE snapshots_before;
CREATE INDEX snapshots_by_hash ON snapshots (hash);
CREATE INDEX snapshots_by_month ON snapshots (month) WHERE thinned_by IS NULL;
