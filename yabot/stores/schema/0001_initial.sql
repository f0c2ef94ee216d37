-- Profiles and plans, as other services read them.

CREATE TABLE user_profiles (
    user_id TEXT PRIMARY KEY,
    telegram_user_id INTEGER UNIQUE NOT NULL,
    username TEXT,
    first_name TEXT,
    last_name TEXT,
    language_code TEXT,
    registration_date DATETIME DEFAULT CURRENT_TIMESTAMP,
    last_login DATETIME,
    is_active BOOLEAN DEFAULT 1
);

CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    plan_type TEXT NOT NULL CHECK (plan_type IN ('free', 'premium', 'vip')),
    status TEXT NOT NULL CHECK (status IN ('active', 'inactive', 'cancelled', 'expired')),
    start_date DATETIME NOT NULL,
    end_date DATETIME,
    created_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (user_id) REFERENCES user_profiles(user_id)
);

-- A user's plan is the newest row; the older ones are history.
CREATE INDEX subscriptions_of_user ON subscriptions (user_id, id);
CREATE UNIQUE INDEX one_active_subscription ON subscriptions (user_id) WHERE status = 'active';

-- Besitos. The ledger carries the wallet: every entry says the balance after it.

CREATE TABLE wallets (
    user_id TEXT PRIMARY KEY,
    balance INTEGER NOT NULL CHECK (balance >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE ledger (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    amount INTEGER NOT NULL CHECK (amount <> 0),
    balance INTEGER NOT NULL CHECK (balance >= 0),
    reason TEXT NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX ledger_of_user ON ledger (user_id, id);

CREATE TRIGGER ledger_adds_up BEFORE INSERT ON ledger
WHEN NEW.balance <> NEW.amount
    + coalesce((SELECT balance FROM wallets WHERE user_id = NEW.user_id), 0)
BEGIN
    SELECT RAISE(ABORT, 'ledger out of balance');
END;

CREATE TRIGGER ledger_moves_the_wallet AFTER INSERT ON ledger
BEGIN
    INSERT INTO wallets (user_id, balance) VALUES (NEW.user_id, NEW.balance)
    ON CONFLICT (user_id) DO UPDATE SET balance = excluded.balance;
END;

CREATE TRIGGER wallets_follow_the_ledger BEFORE UPDATE OF balance ON wallets
WHEN NEW.balance IS NOT
    (SELECT balance FROM ledger WHERE user_id = NEW.user_id ORDER BY id DESC LIMIT 1)
BEGIN
    SELECT RAISE(ABORT, 'a wallet moves by its ledger only');
END;

-- Only its owner's name may change, when a wallet is closed under a pseudonym.
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OF id, amount, balance, reason, key, at ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

CREATE TRIGGER ledger_is_kept BEFORE DELETE ON ledger
BEGIN
    SELECT RAISE(ABORT, 'the ledger is append-only');
END;

-- Documents. Times from here on are microseconds since 1970 in UTC.

CREATE TABLE user_documents (
    user_id TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    document TEXT,
    applied_version INTEGER NOT NULL DEFAULT 0,
    deleted_at INTEGER,
    CHECK ((document IS NULL) = (deleted_at IS NOT NULL))
) STRICT;

CREATE TRIGGER documents_follow_on BEFORE INSERT ON user_documents
WHEN NEW.version <> 1
    + coalesce((SELECT version FROM user_documents WHERE user_id = NEW.user_id), 0)
BEGIN
    SELECT RAISE(ABORT, 'stale version');
END;

CREATE TRIGGER documents_move_on BEFORE UPDATE OF version, document ON user_documents
WHEN NEW.version <> OLD.version + 1
BEGIN
    SELECT RAISE(ABORT, 'stale version');
END;

-- What comes in.

CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    bot_id INTEGER NOT NULL,
    update_id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    body TEXT,
    received_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    processed_at INTEGER,
    UNIQUE (bot_id, update_id),
    CHECK ((body IS NULL) = (processed_at IS NOT NULL))
) STRICT;

CREATE INDEX inbox_waiting ON inbox (user_id, seq) WHERE processed_at IS NULL;

CREATE TRIGGER inbox_is_processed_once BEFORE UPDATE OF processed_at ON inbox
WHEN OLD.processed_at IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'already processed');
END;

CREATE TABLE processed_keys (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX processed_keys_of_user ON processed_keys (user_id);

-- What goes out. A relay's position is the last event that it has in safe hands.

CREATE TABLE outbox_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    name TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    payload TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (user_id, sequence)
) STRICT;

CREATE TABLE event_sequences (
    user_id TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_are_counted AFTER INSERT ON outbox_events
BEGIN
    INSERT INTO event_sequences (user_id, last) VALUES (NEW.user_id, NEW.sequence)
    ON CONFLICT (user_id) DO UPDATE SET last = excluded.last;
END;

CREATE TABLE relays (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox_replies (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    lane TEXT NOT NULL,
    method TEXT NOT NULL,
    params TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sent_messages (
    provisional INTEGER PRIMARY KEY,
    message_id INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE outbox_commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    command TEXT NOT NULL,
    unique_key TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX commands_by_time ON outbox_commands (due_at, id);
CREATE INDEX commands_of_user ON outbox_commands (user_id);

CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    user_id TEXT NOT NULL,
    error TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX dead_letters_of_user ON dead_letters (user_id);

-- Content.

CREATE TABLE narrative_fragments (
    language TEXT NOT NULL,
    fragment_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (language, fragment_id)
) STRICT;

CREATE TABLE items (
    item_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- The database about itself. `batch` names the last batch that was committed, so that a writer whose
-- COMMIT failed can read back what became of it. A restore from a backup raises the epoch.

CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    starts INTEGER NOT NULL,
    clean_stop INTEGER NOT NULL,
    owner TEXT NOT NULL,
    batch INTEGER NOT NULL
) STRICT;

INSERT INTO meta (id, epoch, starts, clean_stop, owner, batch) VALUES (1, 1, 0, 1, '', 0);
