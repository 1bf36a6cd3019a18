-- What cooldowns remember of entries and losing chains.

-- The last put entry and the last loss of each underlying; one row, written when something of it changes.
CREATE TABLE pacing_state (
    one INTEGER PRIMARY KEY CHECK (one = 1), -- always 1: there is one state
    put_entries_json TEXT NOT NULL, -- last put entry of each underlying that filled: first order and first fill
    chains_json TEXT NOT NULL, -- chains in flight of which a part has ended: income so far, dollars
    losses_json TEXT NOT NULL -- last losing chain of each underlying: its day and income, dollars
) STRICT;
