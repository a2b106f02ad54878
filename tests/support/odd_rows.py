"""Rows that are hard to write as JSON: odd texts, numbers, moments and records."""

from random import Random
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models import Base, Database, everyone

TEXTS = ["", 'x" \\ \n\t\x1f', "é😀\u2028\u2029", "</script>", "\x7f\x80", "a" * 3000, "%s %d {}", "'; --", "null"]
SETTINGS = [
    "{}",
    '{"temperature":0.30000000000000004,"top_p":1e-7,"seed":2147483647,"stop":["a\\n","é"]}',
    '{"model":"m\\u0000","max_tokens":5}',
    '{"temperature":1}',
    '{"seed":99999999999}',
]
METADATA = ['{"a":[1,2.5,null,{"b":12345678901234567890}],"é":"\\u0000"}', '{"z":1,"a":1.0,"n":1e-9}', "{}"]
FAILURES = [
    None,
    '{"code":"INTERNAL","message":"m","retryable":true}',
    '{"code":"NEWER","message":"m","retryable":false}',
]
USAGES = [None, '{"prompt_tokens":1,"completion_tokens":2,"estimated":false}']
MOMENTS = ["2026-11-24 20:03:07.000000", "1969-12-31 23:59:59.999999", "2026-11-24 20:03:07.000999"]


async def make_odd(database: Database, seed: int) -> None:
    """Changes values of many rows; nothing that the services rely on, such as places and counts."""
    random = Random(seed)

    async def work(session: AsyncSession) -> None:
        for table, columns in _ODD.items():
            for id in (await session.scalars(text(f"SELECT id FROM {table}"))).all():
                for column, values in columns.items():
                    if random.random() < 0.4:
                        change = text(
                            f"UPDATE {table} SET {column} = {_stored(database, table, column)} WHERE id = :id"
                        )
                        await session.execute(change, {"value": random.choice(values), "id": id})

    await database.write(everyone(), work)


def _stored(database: Database, table: str, column: str) -> str:
    """Returns the SQL that makes a text a value of the column."""
    dialect = database.engines[0].dialect
    if dialect.name == "sqlite":
        return ":value"
    kind = Base.metadata.tables[table].c[column].type.compile(dialect)
    return f"CAST(CAST(:value AS TEXT) AS {kind})"


_ODD: dict[str, dict[str, Any]] = {
    "characters": {
        **dict.fromkeys(("name", "description", "greeting", "avatar_url"), TEXTS),
        "generation": SETTINGS,
        "metadata": METADATA,
        "tags": ["[]", '["x","y\\"z","\\u0000"]'],
        "updated_at": MOMENTS,
    },
    "conversations": {
        **dict.fromkeys(("title", "topic", "context"), TEXTS),
        "generation": SETTINGS,
        "title_source": ["DEFAULT", "USER", "NEWER"],
        "created_at": MOMENTS,
    },
    "messages": {
        **dict.fromkeys(("content", "model"), TEXTS),
        "failure": FAILURES,
        "usage": USAGES,
        "metadata": [None, *METADATA],
        "finish_reason": [None, "END", "LENGTH"],
        "created_at": [None, *MOMENTS],
        "edited_at": [None, *MOMENTS],
    },
}
