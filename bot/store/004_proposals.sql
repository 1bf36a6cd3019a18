-- Wishes that only the owner's word kept from being sent, and what became of each.
CREATE TABLE proposals (
    number INTEGER PRIMARY KEY, -- what the owner types (bot approve 3); one wish keeps it while its terms get no worse
    tick_id INTEGER NOT NULL REFERENCES ticks (id), -- the tick that proposed it last
    day TEXT NOT NULL, -- session day of that tick
    strategy TEXT NOT NULL, -- who wants it
    purpose TEXT NOT NULL, -- why, in one word
    key TEXT NOT NULL, -- the lot or cycle it serves; with strategy and purpose it names the wish
    symbol TEXT NOT NULL, -- traded symbol, or the underlying where there are several legs
    underlying TEXT NOT NULL, -- the share it is about
    intent_json TEXT NOT NULL, -- the whole intent as JSON, as it would be sent
    proposed_at TEXT NOT NULL, -- moment it was proposed first
    lapses_at TEXT NOT NULL, -- moment from which no word is taken any more and an unsent one is void
    status TEXT NOT NULL CHECK (status IN ('proposed', 'approved', 'declined', 'sent', 'lapsed', 'superseded')), -- what became of it; a lapse is written when it is seen
    answered_at TEXT, -- moment of the owner's word
    author TEXT NOT NULL DEFAULT '', -- whose word
    client_order_id TEXT -- the order made of it (orders.client_order_id)
) STRICT;
CREATE INDEX proposals_by_wish ON proposals (strategy, purpose, key, day);
CREATE INDEX proposals_by_lapse ON proposals (lapses_at);
CREATE INDEX proposals_standing ON proposals (lapses_at) WHERE status IN ('proposed', 'approved');
CREATE INDEX proposals_by_order ON proposals (client_order_id) WHERE client_order_id IS NOT NULL;

-- Entries a broker took, by strategy, reprices and rejected ones apart: what approve = "first N" counts.
CREATE TABLE entries_sent (
    strategy TEXT PRIMARY KEY, -- whose entries
    count INTEGER NOT NULL -- how many arrived at the broker and were not rejected
) STRICT;
INSERT INTO entries_sent (strategy, count)
SELECT strategy, count(*) FROM orders
WHERE purpose IN ('cash_secured_put', 'covered_call', 'open') AND replaces = ''
    AND state IN ('working', 'done') AND NOT (state = 'done' AND status = 'rejected')
GROUP BY strategy;
