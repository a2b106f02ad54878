"""Two hundred thousand conversations, or a hundred thousand messages, made by one statement."""

import sqlite3
from contextlib import closing
from pathlib import Path

CONVERSATIONS = 200_000

# Copies one conversation, with other titles and times in another order than the ids.
MULTIPLY = """
    INSERT INTO conversations (id, owner, character_id, title, title_folded, title_source, generation, version,
        history_version, message_count, active_at, created_at, updated_at)
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?)
    SELECT printf('%032x', n), owner, character_id, 't' || (n * 7919 % 100000), 't' || (n * 7919 % 100000),
        title_source, generation, 1, 1, 0, datetime('2025-01-01', (n * 31 % 100000) || ' minutes') || '.000000',
        datetime('2025-01-01', (n * 17 % 100000) || ' minutes') || '.000000',
        datetime('2025-01-01', (n * 13 % 100000) || ' minutes') || '.000000'
    FROM conversations, n WHERE id = ?
"""


def multiply(path: Path, conversation_id: str) -> None:
    """Gives the character of an empty conversation so many more; the database's services see them at once."""
    with closing(sqlite3.connect(path)) as file:
        file.execute(MULTIPLY, (CONVERSATIONS, conversation_id.partition("_")[2]))
        file.execute("UPDATE characters SET conversation_count = (SELECT count(*) FROM conversations)")
        file.commit()


MESSAGES = 100_000

# Each message below the one before, as they are sent.
LENGTHEN = """
    INSERT INTO messages (id, owner, conversation_id, parent_id, position, active, selected, hidden, role, content,
        status, edited_version, created_at, updated_at)
    WITH RECURSIVE n(n) AS (SELECT message_count FROM conversations WHERE id = :id AND message_count < :count
        UNION ALL SELECT n + 1 FROM n WHERE n < :count - 1)
    SELECT printf('%08x%024x', conversations.rowid, n), owner, id,
        CASE WHEN n > message_count THEN printf('%08x%024x', conversations.rowid, n - 1) ELSE
            (SELECT messages.id FROM messages WHERE conversation_id = conversations.id AND active
            ORDER BY position DESC LIMIT 1) END,
        n, 1, 1, 0, 'USER', 'x', 'COMPLETED', 0, '2025-01-01 00:00:00.000000', '2025-01-01 00:00:00.000000'
    FROM n, conversations WHERE conversations.id = :id
"""


def lengthen(path: Path, conversation_id: str, count: int = MESSAGES) -> None:
    """Adds messages to a conversation until it has so many."""
    named = {"id": conversation_id.partition("_")[2], "count": count}
    with closing(sqlite3.connect(path)) as file:
        file.execute(LENGTHEN, named)
        file.execute("UPDATE conversations SET message_count = :count WHERE id = :id", named)
        file.commit()
