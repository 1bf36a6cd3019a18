-- What a backtest needs to be shown, compared and run again: its data, its desk, its rules, its days and trades.

ALTER TABLE backtests RENAME TO backtests_before;

-- Backtests that were run.
CREATE TABLE backtests (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it ran
    strategy TEXT NOT NULL, -- what was tested
    market TEXT NOT NULL, -- on which prices
    first_day TEXT NOT NULL, -- its first session day
    last_day TEXT NOT NULL, -- its last session day
    params_json TEXT NOT NULL, -- the numbers used
    result_json TEXT NOT NULL, -- what came out, money as text
    code_version TEXT NOT NULL, -- the program's version
    seed INTEGER, -- of the market, where it has one
    name TEXT NOT NULL DEFAULT '', -- the data, and what differed from the desk in use
    data_hash TEXT NOT NULL DEFAULT '', -- SHA-256 of the data; runs with one hash tried the same past
    config_hash TEXT NOT NULL DEFAULT '', -- SHA-256 of desk.toml as it ran
    desk_text TEXT NOT NULL DEFAULT '', -- desk.toml as it ran
    rules_json TEXT NOT NULL DEFAULT '{}', -- how orders filled on bars; {} where the market has quotes
    modelled TEXT NOT NULL DEFAULT '', -- which prices were made, in words; empty where all were real
    step_seconds INTEGER NOT NULL DEFAULT 0, -- from one tick to the next
    digest TEXT NOT NULL DEFAULT '', -- SHA-256 over everything it decided, sent and settled
    statistics_json TEXT NOT NULL DEFAULT '{}', -- returns and risk, fractions
    curve BLOB -- the whole run with its days and trades, MessagePack compressed by zlib
) STRICT;
INSERT INTO backtests
    (id, at, strategy, market, first_day, last_day, params_json, result_json, code_version, seed)
SELECT id, at, strategy, market, first_day, last_day, params_json, result_json, code_version, seed
FROM backtests_before;
DROP TABLE backtests_before;
CREATE INDEX backtests_by_strategy ON backtests (strategy, id);
CREATE INDEX backtests_by_data ON backtests (data_hash, id);
