-- The relay of documents to a server that keeps copies of them.

-- A document of this version was refused for good, and is not tried again before a newer one.
ALTER TABLE user_documents ADD COLUMN parked_version INTEGER NOT NULL DEFAULT 0;

-- Who feeds a server: the mark left there names this database.
ALTER TABLE meta ADD COLUMN database_id TEXT NOT NULL DEFAULT '';
UPDATE meta SET database_id = lower(hex(randomblob(16)));

-- The last delivery that the server has acknowledged. `inherits` says whether it holds users that
-- this database does not know: NULL until the server was asked for the first time. `content` is the
-- fingerprint of the story and the items that it has.
CREATE TABLE document_relay (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    delivery INTEGER NOT NULL,
    inherits INTEGER,
    content TEXT NOT NULL
) STRICT;

INSERT INTO document_relay (id, delivery, inherits, content) VALUES (1, 0, NULL, '');
