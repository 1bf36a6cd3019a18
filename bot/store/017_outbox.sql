-- What the owner is told, and the messages that carry it. Ticks and commands write alerts; another process delivers.
-- None of it is sealed: what happened stands in the chain, and these tables can be made again from it.
DROP TABLE outbox;

-- Things worth telling: one row while a thing lasts, however often it is seen.
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was first seen
    topic TEXT NOT NULL, -- what kind of thing, a word of bot.domain.topics
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'high', 'critical')), -- how grave
    "key" TEXT NOT NULL, -- the same key is the same thing
    title TEXT NOT NULL, -- one line
    words TEXT NOT NULL, -- what happened, why, and what helps
    tick_id INTEGER REFERENCES ticks (id), -- the tick it came from, where there is one
    times INTEGER NOT NULL DEFAULT 1, -- how often it was seen
    last_at TEXT NOT NULL, -- when it was last seen
    acknowledged_at TEXT, -- when a person said they know
    acknowledged_by TEXT NOT NULL DEFAULT '', -- who said so
    ended_at TEXT -- when its cause was gone
) STRICT;
CREATE INDEX alerts_by_key ON alerts ("key", id);
CREATE INDEX alerts_by_tick ON alerts (tick_id);
CREATE INDEX alerts_open ON alerts ("key") WHERE ended_at IS NULL;
CREATE INDEX alerts_unanswered ON alerts (id) WHERE severity = 'critical' AND acknowledged_at IS NULL AND ended_at IS NULL;

-- How far each reader of the record has come; a reader that was killed goes on from here.
CREATE TABLE reached (
    reader TEXT PRIMARY KEY, -- who reads: alerts.events, alerts.ticks, channel.discord, ...
    number INTEGER NOT NULL -- the newest row it has dealt with
) STRICT;

-- One row a channel: whether it can be spoken to.
CREATE TABLE channels (
    channel TEXT PRIMARY KEY, -- discord, telegram, email
    address_hash TEXT NOT NULL, -- SHA-256 of its address and secret: with another one it is alive again
    dead_since TEXT, -- since when it answers that it is gone; NULL while it may be asked
    dead_why TEXT NOT NULL DEFAULT '', -- what it said
    wait_until TEXT, -- not before, as the channel itself asked
    sent_at TEXT, -- when it last took a message
    failures INTEGER NOT NULL DEFAULT 0 -- refusals since then
) STRICT;

-- One row a message to a channel.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was written
    channel TEXT NOT NULL, -- discord, telegram, email
    kind TEXT NOT NULL CHECK (kind IN ('report', 'alerts', 'repeat', 'answer', 'test')), -- what it carries
    "key" TEXT NOT NULL, -- said once a channel: report:2026-11-20, alerts:12-40, repeat:7:3, ...
    payload_json TEXT NOT NULL, -- the message before it takes the channel's shape
    alert_ids TEXT NOT NULL DEFAULT '', -- the alerts it carries, with commas
    state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sending', 'sent', 'unknown', 'dead')), -- how far it came
    attempts INTEGER NOT NULL DEFAULT 0, -- times it was asked to be taken
    next_at TEXT, -- not before
    delivered_at TEXT, -- when the channel took it
    remote_id TEXT NOT NULL DEFAULT '', -- the channel's own id of it
    error TEXT NOT NULL DEFAULT '' -- last failure, without the address
) STRICT;
CREATE UNIQUE INDEX outbox_once ON outbox (channel, "key");
CREATE INDEX outbox_open ON outbox (channel, id) WHERE state IN ('pending', 'sending');
CREATE INDEX outbox_reports ON outbox (id) WHERE kind = 'report';
