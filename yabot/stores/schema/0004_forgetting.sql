-- Forgetting people: who was deleted lately is found by the fact, and a mark names nobody.

CREATE INDEX farewells ON outbox_events (seq) WHERE name = 'user_deleted';

UPDATE inbox SET user_id = '' WHERE processed_at IS NOT NULL;
