-- How many deaths of the process the event after a relay's position may have caused; see the
-- attempts of the inbox.
ALTER TABLE relays ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
