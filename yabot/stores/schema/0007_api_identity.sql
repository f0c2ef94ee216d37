-- Who may call the API. Secrets and refresh tokens are kept as SHA-256 in hex and nothing else.

CREATE TABLE api_clients (
    client_id TEXT PRIMARY KEY,
    secret_digest TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- One login and its line of refresh tokens, of which only the current one is good.
CREATE TABLE api_sessions (
    family_id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES api_clients (client_id),
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    current TEXT NOT NULL,
    previous TEXT NOT NULL,
    seed TEXT NOT NULL,
    rotated_at INTEGER,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX api_sessions_by_end ON api_sessions (expires_at);
CREATE INDEX api_sessions_of_client ON api_sessions (client_id, expires_at);

-- Access tokens, and sessions with all their access tokens, that are refused before their time.
CREATE TABLE api_revocations (
    id TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX api_revocations_by_end ON api_revocations (expires_at);
