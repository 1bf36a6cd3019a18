-- Alarms of `bot watch`: ticks that did not come. The newest holds the desk at reduce_only until enough good ticks came.
CREATE TABLE alarms (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it was raised
    reason TEXT NOT NULL, -- what did not come
    after_tick INTEGER NOT NULL, -- the newest tick then; those after it may clear it
    good_needed INTEGER NOT NULL -- slots with a finished tick after it that clear it
) STRICT;
