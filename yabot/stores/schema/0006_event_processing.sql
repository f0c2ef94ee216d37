-- What went wrong with events, and a second chance for what is in the dead letters.

-- Since when a letter is to be tried again; NULL while it waits for a person.
ALTER TABLE dead_letters ADD COLUMN returned_at INTEGER;
CREATE INDEX dead_letters_returned ON dead_letters (kind, key) WHERE returned_at IS NOT NULL;
CREATE INDEX dead_letters_by_kind ON dead_letters (kind);

-- Events that were pruned before a group had taken them: it had been away for longer than the
-- retention.
CREATE TABLE event_gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    relay TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
