"""Every statement that the writer knows, in the order in which a batch runs them.

A batch holds many items; all their rows for one statement go to SQLite together. The rule: the
order here is right for every single item (what it removes goes first, a profile comes before the
plan that refers to it), and items of different users never depend on each other.

Where a statement reads `VALUES (?, ?)` as rows, SQLite calls its columns column1 and column2.
"""

from collections.abc import Mapping
from enum import Enum


class Statement(Enum):
    """One statement; its parameters are the question marks, in order."""

    __hash__ = object.__hash__  # by identity: it is looked up once per row

    INBOX_FORGET = "DELETE FROM inbox WHERE bot_id = ? AND update_id = ?"
    INBOX_ADD = """
        INSERT INTO inbox (seq, bot_id, update_id, user_id, body, received_at)
        VALUES (?, ?, ?, ?, ?, ?)"""
    INBOX_MARK = """
        UPDATE inbox SET processed_at = column1, body = NULL, user_id = ''
        FROM (VALUES (?, ?)) WHERE seq = column2"""
    INBOX_STAMP = """
        UPDATE inbox SET attempts = attempts + 1 WHERE seq = ? AND processed_at IS NULL"""

    ERASE_SUBSCRIPTIONS = "DELETE FROM subscriptions WHERE user_id = ?"
    ERASE_PROFILE = "DELETE FROM user_profiles WHERE user_id = ?"
    ERASE_LEDGER_OWNER = "UPDATE ledger SET user_id = ? WHERE user_id = ?"
    ERASE_WALLET_OWNER = "UPDATE wallets SET user_id = ? WHERE user_id = ?"
    ERASE_KEYS = "DELETE FROM processed_keys WHERE user_id = ?"
    ERASE_COMMANDS = "DELETE FROM outbox_commands WHERE user_id = ?"
    ERASE_DEAD_LETTERS = "DELETE FROM dead_letters WHERE user_id = ?"
    ERASE_EVENTS = """
        DELETE FROM outbox_events
        WHERE user_id = ? AND seq <= coalesce((SELECT min(position) FROM relays), seq)"""
    ERASE_DOCUMENT = """
        INSERT INTO user_documents (user_id, epoch, version, document, deleted_at)
        VALUES (?, ?, ?, NULL, ?)
        ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch, version = excluded.version,
            document = NULL, deleted_at = excluded.deleted_at"""

    COMMAND_REMOVE = "DELETE FROM outbox_commands WHERE id IN (VALUES (?))"
    KEY_ADD = """
        INSERT INTO processed_keys (key, user_id, fingerprint, answer, at)
        VALUES (?, ?, ?, ?, ?)"""
    DOCUMENT_PUT = """
        INSERT INTO user_documents (user_id, epoch, version, document) VALUES (?, ?, ?, ?)
        ON CONFLICT (user_id) DO UPDATE SET epoch = excluded.epoch, version = excluded.version,
            document = excluded.document, deleted_at = NULL"""
    DOCUMENT_APPLIED = """
        UPDATE user_documents SET applied_version = column1
        FROM (VALUES (?, ?))
        WHERE user_id = column2 AND version >= column1 AND applied_version < column1"""
    DOCUMENT_PARK = """
        UPDATE user_documents SET parked_version = ?1 WHERE user_id = ?2 AND version >= ?1"""
    DOCUMENT_UNPARK = "UPDATE user_documents SET parked_version = 0 WHERE user_id = ?"
    DOCUMENTS_DELIVERED = "UPDATE document_relay SET delivery = max(delivery, ?)"
    DOCUMENTS_INHERIT = """
        UPDATE document_relay SET inherits = max(coalesce(inherits, 0), ?)"""
    CONTENT_DELIVERED = "UPDATE document_relay SET content = ?"
    PROFILE_PUT = """
        INSERT INTO user_profiles (user_id, telegram_user_id, username, first_name, last_name,
            language_code, registration_date, last_login, is_active)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (user_id) DO UPDATE SET telegram_user_id = excluded.telegram_user_id,
            username = excluded.username, first_name = excluded.first_name,
            last_name = excluded.last_name, language_code = excluded.language_code,
            registration_date = excluded.registration_date, last_login = excluded.last_login,
            is_active = excluded.is_active"""
    SUBSCRIPTION_UPDATE = """
        UPDATE subscriptions SET status = ?, end_date = ?, updated_at = ?
        WHERE id = (SELECT max(id) FROM subscriptions WHERE user_id = ?)"""
    SUBSCRIPTION_RETIRE = """
        UPDATE subscriptions SET status = 'inactive', updated_at = ?
        WHERE user_id = ? AND status = 'active'"""
    SUBSCRIPTION_ADD = """
        INSERT INTO subscriptions
            (user_id, plan_type, status, start_date, end_date, created_at, updated_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)"""
    LEDGER_ADD = """
        INSERT INTO ledger (user_id, amount, balance, reason, key, at) VALUES (?, ?, ?, ?, ?, ?)"""

    EVENT_ADD = """
        INSERT INTO outbox_events
            (event_id, user_id, epoch, name, version, correlation_id, causation_id, traceparent,
                payload, at, sequence)
        SELECT *, 1 + coalesce((SELECT last FROM event_sequences WHERE user_id = column2), 0)
        FROM (VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?))"""
    EVENTS_EPOCH = "UPDATE outbox_events SET epoch = ?1 WHERE epoch < ?1"
    RELAY_JOIN = """
        INSERT INTO relays (name, position, seen_at)
        SELECT ?, coalesce((SELECT min(seq) FROM outbox_events),
            1 + (SELECT seq FROM sqlite_sequence WHERE name = 'outbox_events'), 1) - 1, ?
        WHERE true ON CONFLICT (name) DO NOTHING"""
    RELAY_MOVE = """
        INSERT INTO relays (name, position, seen_at) VALUES (?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET
            attempts = CASE WHEN excluded.position > position THEN 0 ELSE attempts END,
            position = max(position, excluded.position), seen_at = excluded.seen_at"""
    RELAY_STAMP = "UPDATE relays SET attempts = attempts + 1 WHERE name = ?"
    # Back, too: a server can lose what it had.
    RELAY_PUT = """
        INSERT INTO relays (name, position, seen_at) VALUES (?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET position = excluded.position,
            seen_at = excluded.seen_at"""
    STREAM_PUT = """
        INSERT INTO redis_streams (partition, last_id, seq) VALUES (?, ?, ?)
        ON CONFLICT (partition) DO UPDATE SET last_id = excluded.last_id, seq = excluded.seq"""
    REPLY_REMOVE = "DELETE FROM outbox_replies WHERE seq IN (VALUES (?))"
    REPLY_ADD = """
        INSERT INTO outbox_replies (id, user_id, lane, method, params, created_at)
        VALUES (?, ?, ?, ?, ?, ?)"""
    MESSAGE_SENT = """
        INSERT INTO sent_messages (provisional, message_id, at) VALUES (?, ?, ?)
        ON CONFLICT (provisional) DO UPDATE SET message_id = excluded.message_id"""
    COMMAND_ADD = """
        INSERT INTO outbox_commands
            (user_id, due_at, command, unique_key, correlation_id, traceparent, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (unique_key) DO NOTHING"""
    DOCUMENT_LETTER_REMOVE = """
        DELETE FROM dead_letters WHERE user_id = ? AND kind = 'document'"""
    # A newer version is tried by itself, and after a deletion there is nobody to tell of.
    DOCUMENT_LETTER_ADD = """
        INSERT INTO dead_letters (kind, key, user_id, error, body, at)
        SELECT 'document', ?1, ?2, ?3, ?4, ?5 WHERE EXISTS
            (SELECT 1 FROM user_documents WHERE user_id = ?2 AND version = ?6)"""
    DEAD_LETTER_ADD = """
        INSERT INTO dead_letters (kind, key, user_id, error, body, at)
        VALUES (?, ?, ?, ?, ?, ?)"""
    # What could not be sent to somebody who is forgotten by now is forgotten too.
    REPLY_LETTER_ADD = """
        INSERT INTO dead_letters (kind, key, user_id, error, body, at)
        SELECT 'reply', ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS
            (SELECT 1 FROM user_documents WHERE user_id = ?2 AND document IS NULL)"""
    UNREACHABLE_ADD = """
        INSERT INTO outbox_commands (user_id, due_at, command, unique_key, created_at)
        SELECT ?1, ?2, ?3, ?4, ?2 WHERE NOT EXISTS
            (SELECT 1 FROM user_documents WHERE user_id = ?1 AND document IS NULL)
        ON CONFLICT (unique_key) DO NOTHING"""
    DEAD_LETTER_RETURN = "UPDATE dead_letters SET returned_at = ? WHERE id = ?"
    DEAD_LETTER_KEEP = """
        UPDATE dead_letters SET returned_at = NULL, error = ?, at = ? WHERE id = ?"""
    DEAD_LETTER_REMOVE = "DELETE FROM dead_letters WHERE id = ?"
    EVENT_GAP_ADD = "INSERT INTO event_gaps (relay, first, last, at) VALUES (?, ?, ?, ?)"

    FRAGMENTS_CLEAR = "DELETE FROM narrative_fragments"
    FRAGMENT_ADD = """
        INSERT INTO narrative_fragments (language, fragment_id, body) VALUES (?, ?, ?)"""
    ITEMS_CLEAR = "DELETE FROM items"
    ITEM_ADD = "INSERT INTO items (item_id, body) VALUES (?, ?)"

    API_CLIENT_ADD = """
        INSERT INTO api_clients (client_id, secret_digest, scopes, created_at)
        VALUES (?, ?, ?, ?)"""
    API_CLIENT_REVOKE = """
        UPDATE api_clients SET revoked_at = ? WHERE client_id = ? AND revoked_at IS NULL"""
    API_SESSIONS_EXPIRE = "DELETE FROM api_sessions WHERE expires_at < ?"
    API_SESSIONS_TRIM = """
        DELETE FROM api_sessions WHERE family_id IN
            (SELECT family_id FROM api_sessions WHERE client_id = ?
             ORDER BY expires_at DESC LIMIT -1 OFFSET ?)"""
    API_SESSION_ADD = """
        INSERT INTO api_sessions
            (family_id, client_id, scopes, expires_at, current, previous, seed)
        VALUES (?, ?, ?, ?, ?, ?, ?)"""
    API_SESSION_ROTATE = """
        UPDATE api_sessions SET current = ?, previous = ?, seed = ?, rotated_at = ?
        WHERE family_id = ? AND current = ? AND revoked_at IS NULL"""
    API_SESSION_REVOKE = """
        UPDATE api_sessions SET revoked_at = ? WHERE family_id = ? AND revoked_at IS NULL"""
    API_REVOCATIONS_EXPIRE = "DELETE FROM api_revocations WHERE expires_at < ?"
    API_REVOCATION_ADD = """
        INSERT INTO api_revocations (id, expires_at) VALUES (?, ?) ON CONFLICT (id) DO NOTHING"""

    PRUNE_INBOX = "DELETE FROM inbox WHERE seq BETWEEN ? AND ? AND processed_at < ?"
    PRUNE_KEYS = "DELETE FROM processed_keys WHERE id BETWEEN ? AND ? AND at < ?"
    PRUNE_MESSAGES = "DELETE FROM sent_messages WHERE provisional BETWEEN ? AND ? AND at < ?"
    PRUNE_EVENTS = """
        DELETE FROM outbox_events WHERE seq BETWEEN ?1 AND ?2 AND at < ?3
            AND seq <= coalesce((SELECT min(position) FROM relays WHERE seen_at >= ?3), seq)"""
    PRUNE_FORGOTTEN = """
        DELETE FROM outbox_events WHERE user_id = ?1 AND sequence < ?2
            AND seq <= coalesce((SELECT min(position) FROM relays WHERE seen_at >= ?3), seq)"""
    TRIM_EVENTS = """
        DELETE FROM outbox_events WHERE seq BETWEEN ?1 AND ?2
            AND seq <= coalesce((SELECT min(position) FROM relays WHERE seen_at >= ?3), seq)"""
    TRIM_DEAD_LETTERS = """
        DELETE FROM dead_letters WHERE id BETWEEN ? AND ? AND kind <> 'document'"""

    PROBE = "UPDATE meta SET owner = owner WHERE id = ?"
    META_EPOCH = "UPDATE meta SET epoch = max(epoch, ?)"
    META_BATCH = "UPDATE meta SET batch = ?"


TURN = frozenset(
    {Statement.INBOX_MARK, Statement.DOCUMENT_PUT, Statement.ERASE_DOCUMENT, Statement.KEY_ADD}
)
"""One of these is in every turn's commit."""

NUMBERED = frozenset({Statement.REPLY_ADD})
"""Rows that get consecutive numbers in a batch, which whoever hears of their commit must know."""

TOGETHER: Mapping[Statement, int | None] = {
    Statement.INBOX_ADD: None,
    Statement.INBOX_MARK: 1,
    Statement.COMMAND_REMOVE: None,
    Statement.KEY_ADD: None,
    Statement.DOCUMENT_PUT: None,
    Statement.DOCUMENT_APPLIED: 1,
    Statement.LEDGER_ADD: None,
    Statement.EVENT_ADD: 1,
    Statement.REPLY_REMOVE: None,
    Statement.REPLY_ADD: None,
    Statement.MESSAGE_SENT: None,
}
"""What a busy system writes most: statements that can be run once for many rows of values.

The number is the place of a parameter that those rows must not share: who it names is read before
the first of them is written.
"""
