DROP TABLE event_gaps;
DROP INDEX dead_letters_by_kind;
DROP INDEX dead_letters_returned;
ALTER TABLE dead_letters DROP COLUMN returned_at;
