-- What people tell the desk by chat: every command with what came of it, how far messages were read, one-time codes.
-- None of it is sealed: what a command changed stands in the chain with its author, like a word that was typed.
DROP TABLE commands;

-- What people told the desk to do by chat, and what came of it.
CREATE TABLE commands (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was taken up, before anything was done
    author TEXT NOT NULL, -- who: telegram, their name there, their number; or who typed it
    words TEXT NOT NULL, -- the command as given, cut; a code is left out
    state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('begun', 'done', 'refused', 'failed', 'cut_short', 'dropped', 'limited', 'stranger')), -- how far it came
    outcome TEXT NOT NULL DEFAULT '', -- what came of it, and why
    times INTEGER NOT NULL DEFAULT 1, -- messages this row stands for, where many are told as one
    chat TEXT NOT NULL DEFAULT '', -- where it was written; empty for what was typed on the machine
    "user" INTEGER NOT NULL DEFAULT 0, -- who wrote it, Telegram's number
    update_id INTEGER NOT NULL DEFAULT 0, -- Telegram's number of the message
    sent_at TEXT NOT NULL DEFAULT '', -- when it was written, by Telegram's clock
    answered_at TEXT -- when the chat took the answer; NULL while nobody was told
) STRICT;
CREATE INDEX commands_by_user ON commands ("user", at);
CREATE INDEX commands_by_time ON commands (at);
CREATE INDEX commands_unanswered ON commands (id) WHERE answered_at IS NULL AND chat != '' AND state != 'stranger';

-- How far the messages to a bot were read: kept before a command is carried out, so that none is carried out twice.
CREATE TABLE listened (
    bot TEXT PRIMARY KEY, -- SHA-256 of the bot's number, shortened
    update_id INTEGER NOT NULL, -- the newest message taken up
    at TEXT NOT NULL -- when it was
) STRICT;

-- One-time codes that wait for a person, one a user and chat.
CREATE TABLE codes (
    "user" INTEGER NOT NULL, -- who alone may use it
    chat TEXT NOT NULL, -- where alone
    words TEXT NOT NULL, -- the command it confirms
    code_hash TEXT NOT NULL, -- HMAC-SHA-256 of it under the bot's token, which no store holds
    made_at TEXT NOT NULL, -- when it was given
    tries INTEGER NOT NULL DEFAULT 0, -- wrong codes so far
    PRIMARY KEY ("user", chat)
) STRICT, WITHOUT ROWID;
