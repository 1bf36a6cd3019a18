-- Drills: the failures others paid for, played against this home's desk.toml before real money is.

-- Every whole drill, passed or not; the newest that passed counts.
CREATE TABLE drills (
    id INTEGER PRIMARY KEY, -- counts up
    at TEXT NOT NULL, -- when it ended
    code_version TEXT NOT NULL, -- of the program that was played
    desk_hash TEXT NOT NULL, -- SHA-256 of the desk.toml that was played
    seed INTEGER NOT NULL, -- of the drill's market: the same seed plays the same drill
    worlds TEXT NOT NULL, -- worlds it was played on, with commas
    passed INTEGER NOT NULL, -- 1 when nothing failed
    scenes_passed INTEGER NOT NULL, -- scenes that passed, counted on each world
    scenes_failed INTEGER NOT NULL, -- scenes that failed
    scenes_off INTEGER NOT NULL, -- scenes whose guard this desk.toml switched off
    removals INTEGER NOT NULL, -- scenes played again without a guard, 0 where that was not asked for
    removals_missed INTEGER NOT NULL, -- those of them that passed all the same, which fails the drill
    result_json TEXT NOT NULL -- every scene with what was seen
) STRICT;

CREATE INDEX drills_passed ON drills (id) WHERE passed = 1;
