ALTER TABLE relays DROP COLUMN attempts;
