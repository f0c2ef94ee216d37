-- What an event or a command came from, and in which shape an event's payload is. Rows from before
-- have the first shape and tell of no cause.

ALTER TABLE outbox_events ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox_events ADD COLUMN causation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox_events ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';

-- A durable command goes on with the correlation of the message that left it.
ALTER TABLE outbox_commands ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox_commands ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';
