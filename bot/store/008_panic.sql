-- The owner's panics: the newest that has not ended is worked by every tick.
CREATE TABLE panics (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was said
    author TEXT NOT NULL, -- who said so
    reason TEXT NOT NULL, -- why
    flatten INTEGER NOT NULL CHECK (flatten IN (0, 1)), -- 1 if everything of ours is closed, 0 if openings are cancelled only
    ended_at TEXT, -- when a person ended it
    ended_by TEXT NOT NULL DEFAULT '' -- who ended it
) STRICT;
CREATE INDEX panics_standing ON panics (id) WHERE ended_at IS NULL;
