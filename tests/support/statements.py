"""Statements on owned tables: those that a session binds to its owner, and those that it cannot bind."""

from typing import Any

from sqlalchemy import Executable, delete, exists, func, insert, select, text, true, union_all, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import LOCAL_OWNER, Character, Conversation, Database, Message, Run, Writer, new_key, now


def a_character(**fields: Any) -> dict[str, Any]:
    return {"id": new_key("char"), "name": "Eve", "name_folded": "eve", "extra": {}, **fields}


def a_row(**fields: Any) -> dict[str, Any]:
    """Returns a character by the names of its columns."""
    row = a_character(active_at=now(), created_at=now(), updated_at=now(), **fields)
    return {"metadata" if name == "extra" else name: value for name, value in row.items()}


async def asked(database: Database, owner: Any, statement: Executable) -> list[Any]:
    async with database.read(owner) as session:
        return [tuple(row) for row in await session.execute(statement)]


async def run(database: Database, owner: Any, statement: Executable, *parameters: Any) -> Any:
    async def work(session: AsyncSession) -> Any:
        return getattr(await session.execute(statement, *parameters), "rowcount", None)

    return await database.write(owner, work)


def line() -> Any:
    """Selects the ids of all messages, each from a root down."""
    cte, below = select(Message.id).where(Message.position == 0).cte("line", recursive=True), aliased(Message)
    return cte.union_all(select(below.id).join(cte, below.parent_id == cte.c.id))


REPLY = aliased(Message)
QUERIES = {
    "count": select(func.count(Message.id)),
    "count of a class": select(func.count()).select_from(Message),
    "join": select(Message.id).join(Conversation, Conversation.id == Message.conversation_id),
    "outer join": select(Run.started).select_from(Writer).outerjoin(Run, true()),
    "join of aliases": select(REPLY.id).join(Message, REPLY.parent_id == Message.id),
    "recursive query": select(Message.content).where(Message.id.in_(select(line().c.id))),
    "recursive query by itself": select(line().c.id),
    "subquery": select(select(Message.content).subquery().c.content),
    "class in a subquery": select(aliased(Message, select(Message).subquery()).content),
    "scalar subquery": select(select(func.count(Message.id)).scalar_subquery()),
    "exists": select(Writer.name).where(exists(select(Message.id))),
    "union": union_all(select(Message.id), select(Conversation.id)),
}


TABLE = Character.__table__
REFUSED: dict[str, tuple[Any, ...]] = {
    "core select": (select(TABLE),),
    "core count": (select(func.count()).select_from(TABLE),),
    "core insert": (insert(TABLE), [a_character()]),
    "core update": (update(TABLE).values(name="x"),),
    "core delete": (delete(TABLE),),
    "text": (text("DELETE FROM characters"),),
    "update by keys": (update(Character), [{"id": new_key("char"), "name": "x"}]),
    "insert of values": (insert(Character).values(a_character()),),
    "insert from a query": (insert(Character).from_select(["id"], select(Character.id)),),
    "insert for another owner": (insert(Character), [a_character(), a_character(owner=LOCAL_OWNER)]),
    "text for a class": (select(Character).from_statement(text("SELECT * FROM characters")),),
    "core for a class": (select(Character).from_statement(select(TABLE)),),
    "gift": (update(Character).values(owner=LOCAL_OWNER),),
}
