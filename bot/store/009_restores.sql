-- Homes have pasts: that this one was restored from a backup, and whether a tick has settled cleanly since.

-- Each restore of this home; while one has not ended, no new risk is taken.
CREATE TABLE restores (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when this home was restored
    backup TEXT NOT NULL, -- name of the backup
    head TEXT NOT NULL, -- newest hash of the chain in the backup
    foreign_json TEXT NOT NULL, -- what was foreign at the backup: pairs of symbol and signed quantity
    waits_for TEXT NOT NULL, -- what the newest tick did not find clean, empty before one
    ended_at TEXT, -- when a tick settled cleanly or a person resumed, NULL while it stands
    ended_by TEXT NOT NULL -- the tick or the person, empty while it stands
) STRICT;

CREATE INDEX restores_standing ON restores (id) WHERE ended_at IS NULL;
