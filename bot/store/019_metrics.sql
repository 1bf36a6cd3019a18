-- Counts that only grow, for metrics: of every tick that ended, and each counted once (reached: metrics.ticks).
CREATE TABLE metric_counts (
    name TEXT NOT NULL, -- what is counted
    labels TEXT NOT NULL, -- values of its labels as a JSON list
    count INTEGER NOT NULL, -- how many; of durations their sum in microseconds
    PRIMARY KEY (name, labels)
) STRICT, WITHOUT ROWID;
