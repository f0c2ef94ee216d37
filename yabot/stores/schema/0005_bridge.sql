-- What is known of the streams in Redis. The stream of a partition had `last_id` when it was last
-- seen (empty: it had no entry), and holds every event of its partition up to `seq`, however far the
-- relay `redis` is.

CREATE TABLE redis_streams (
    partition INTEGER PRIMARY KEY,
    last_id TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
