-- What a person said of an order that left without a proven answer: the step that ended its uncertainty.
CREATE TABLE order_words (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was said
    author TEXT NOT NULL, -- who said so
    client_order_id TEXT NOT NULL REFERENCES orders (client_order_id), -- the order
    word TEXT NOT NULL CHECK (word IN ('never_arrived', 'at_broker')), -- what was said
    reason TEXT NOT NULL, -- why
    state_before TEXT NOT NULL, -- our state before: sending or unknown
    state TEXT NOT NULL, -- our state after: not_sent, or working where the broker has it
    status TEXT NOT NULL, -- the broker's word for it then, empty where it never arrived
    broker_order_id TEXT NOT NULL, -- the broker's id, empty where it never arrived
    after_step INTEGER NOT NULL -- the newest row of order_transitions about it then
) STRICT;
CREATE INDEX order_words_by_order ON order_words (client_order_id, id);
