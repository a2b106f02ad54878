"""Messages form a tree; the active path is the conversation. Every function works inside its caller's transaction.

The database keeps positions unique on the active path, so what leaves it is deactivated before
what joins it is activated.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, delete, insert, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from models import Conversation, Message


async def last_active(session: AsyncSession, conversation: Conversation) -> Message | None:
    """Return the end of the active path."""
    return await active_at(session, conversation.id, conversation.message_count - 1)


async def active_at(session: AsyncSession, conversation_id: str, position: int) -> Message | None:
    return await session.scalar(select(Message).where(_active(conversation_id), Message.position == position))


async def place(
    session: AsyncSession, conversation: Conversation, parent: Message | None, message: Message
) -> None:
    """Store a new message below the parent (None: at the root) and lead the active path to it."""
    if parent is not None and not parent.active:
        await _lead_through(session, conversation, parent)
    message.conversation_id = conversation.id
    message.parent_id = parent.id if parent else None
    message.position = parent.position + 1 if parent else 0
    message.active = message.selected = True
    await cut(session, conversation, message.position)
    await _deselect(session, conversation.id, message.parent_id)
    session.add(message)
    await session.flush()
    conversation.message_count = message.position + 1


async def append_all(
    session: AsyncSession, conversation: Conversation, parent: Message | None, rows: Sequence[dict[str, Any]]
) -> None:
    """Store new messages, each below the one before, from the parent on; `rows` are columns with an `id`."""
    position = parent.position + 1 if parent else 0
    await cut(session, conversation, position)
    await _deselect(session, conversation.id, parent.id if parent else None)
    parents = [parent.id if parent else None, *(row["id"] for row in rows)]
    placed = [
        {**row, "conversation_id": conversation.id, "parent_id": above, "position": position + depth}
        for depth, (row, above) in enumerate(zip(rows, parents, strict=False))
    ]
    if placed:
        # A None stays None: where nobody knows the time, the column's default would make one up.
        await session.execute(insert(Message).execution_options(render_nulls=True), placed)
    conversation.message_count = position + len(placed)


async def cut(session: AsyncSession, conversation: Conversation, position: int) -> None:
    """Take what stands at the position and after it off the active path; it stays as a branch."""
    if position < conversation.message_count:
        await session.execute(
            update(Message).where(_active(conversation.id), Message.position >= position).values(active=False)
        )
        conversation.message_count = position


async def activate(session: AsyncSession, conversation: Conversation, message: Message) -> None:
    """Lead the active path through the message, and below it as it was left."""
    await _lead_through(session, conversation, message)
    below = _below(message.id, selected_only=True)
    await session.execute(
        update(Message)
        .where(Message.id.in_(select(below.c.id)))
        .values(active=True)
        .execution_options(synchronize_session=False)
    )
    depth = select(below.c.position).order_by(below.c.position.desc()).limit(1)
    conversation.message_count = (await session.scalar(depth) or 0) + 1


async def remove(session: AsyncSession, conversation: Conversation, message: Message) -> list[str]:
    """Delete the message with all below it, and return the ids of what is gone.

    Where it was on the active path, the path goes on with the sibling before it (else after it), or ends.
    """
    neighbour = await _neighbour(session, message) if message.active else None
    if message.active:
        await cut(session, conversation, message.position)
    below = _below(message.id)
    gone = await session.scalars(
        delete(Message)
        .where(Message.id.in_(select(below.c.id)))
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(gone)
    if neighbour is not None:
        await activate(session, conversation, neighbour)
    return ids


async def _lead_through(session: AsyncSession, conversation: Conversation, message: Message) -> None:
    """Make the path from the root to the message active, ending there."""
    inactive = list(await session.scalars(_inactive_line(message)))
    top = min((row.position for row in inactive), default=message.position + 1)
    await cut(session, conversation, top)
    for row in inactive:
        await _deselect(session, conversation.id, row.parent_id)
    await session.execute(
        update(Message).where(Message.id.in_([row.id for row in inactive])).values(active=True, selected=True)
    )
    conversation.message_count = message.position + 1


def _inactive_line(message: Message) -> Any:
    """Select the message and those above it, up to the active path."""
    line = select(Message.id, Message.parent_id).where(Message.id == message.id, ~Message.active)
    cte = line.cte("line", recursive=True)
    above = aliased(Message)
    cte = cte.union_all(
        select(above.id, above.parent_id).join(cte, above.id == cte.c.parent_id).where(~above.active)
    )
    return select(Message).where(Message.id.in_(select(cte.c.id)))


async def line_to(session: AsyncSession, message: Message) -> list[Message]:
    """Return the messages from the root down to this one."""
    cte = select(Message.id, Message.parent_id).where(Message.id == message.id).cte("line", recursive=True)
    above = aliased(Message)
    cte = cte.union_all(select(above.id, above.parent_id).join(cte, above.id == cte.c.parent_id))
    line = select(Message).where(Message.id.in_(select(cte.c.id))).order_by(Message.position)
    return list(await session.scalars(line))


def _below(message_id: str, selected_only: bool = False) -> CTE:
    """Select the message and what is below it: everything, or the branch as it was left."""
    cte = select(Message.id, Message.position).where(Message.id == message_id).cte("below", recursive=True)
    child = aliased(Message)
    step = select(child.id, child.position).join(cte, child.parent_id == cte.c.id)
    return cte.union_all(step.where(child.selected) if selected_only else step)


async def _neighbour(session: AsyncSession, message: Message) -> Message | None:
    siblings = select(Message).where(siblings_of(message.conversation_id, message.parent_id))
    older = siblings.where(Message.id < message.id).order_by(Message.id.desc()).limit(1)
    younger = siblings.where(Message.id > message.id).order_by(Message.id).limit(1)
    return await session.scalar(older) or await session.scalar(younger)


async def _deselect(session: AsyncSession, conversation_id: str, parent_id: str | None) -> None:
    await session.execute(
        update(Message).where(siblings_of(conversation_id, parent_id), Message.selected).values(selected=False)
    )


def siblings_of(conversation_id: str, parent_id: str | None) -> ColumnElement[bool]:
    """Return the condition for the children of a message, or for the roots of a conversation."""
    if parent_id is not None:
        return Message.parent_id == parent_id
    # The position says what `parent_id IS NULL` says, and has an index.
    return (Message.conversation_id == conversation_id) & (Message.position == literal_column("0"))


def _active(conversation_id: str) -> ColumnElement[bool]:
    return (Message.conversation_id == conversation_id) & Message.active
