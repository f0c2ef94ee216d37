-- What an event or a command came from, and in which shape an event's payload is. Rows from before
-- have the first shape and tell of no cause.

ALTER TABLE outbox_events ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE outbox_events ADD COLUMN causation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox_events ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';

-- A durable command goes on with the correlation of the message that left it.
ALTER TABLE outbox_commands ADD COLUMN correlation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox_commands ADD COLUMN traceparent TEXT NOT NULL DEFAULT '';

-- Events that were set aside are replayed from the envelope in which they leave the process.
WITH old AS (
    SELECT id AS letter, body AS given, json_extract(body, '$.event_type') AS name
    FROM dead_letters WHERE kind = 'event' AND json_extract(body, '$.specversion') IS NULL
)
UPDATE dead_letters SET body = json_object(
    'specversion', '1.0',
    'id', json_extract(given, '$.event_id'),
    'source', '/yabot',
    'type', 'yabot.' || CASE
        WHEN name IN ('decision_made', 'reaction_detected', 'narrative_hint_unlocked')
            THEN 'narrative'
        WHEN name IN ('besitos_added', 'besitos_spent') THEN 'besitos'
        WHEN name IN ('subscription_updated', 'vip_access_granted') THEN 'subscription'
        WHEN name IN ('update_received', 'handler_completed', 'update_set_aside',
            'user_registered', 'user_interaction', 'preferences_updated', 'user_deactivated',
            'user_deleted') THEN 'user'
        ELSE 'system' END || '.' || name || '.v1',
    'time', json_extract(given, '$.timestamp'),
    'datacontenttype', 'application/json',
    'sequence', CAST(json_extract(given, '$.sequence') AS TEXT),
    'epoch', CAST(json_extract(given, '$.epoch') AS TEXT),
    'subject', nullif(json_extract(given, '$.user_id'), 'system'),
    'correlationid', json_extract(given, '$.correlation_id'),
    'data', json(json_extract(given, '$.payload')))
FROM old WHERE id = letter;
