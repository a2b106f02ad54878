"""The tree of messages, whose active path is the conversation.

Each function works inside its caller's transaction, on a locked conversation. The database keeps positions unique
on the active path, so messages that leave it are deactivated before others are activated. At most one child of
each message is `selected`.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Row,
    delete,
    false,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.orm.attributes import set_committed_value

from models import Conversation, Message, PreparedInsert, Role, Status, new_key, now
from services.heads import Head
from services.search import texts

# Rows read or stored by one statement, and ids named by one.
_BATCH = 1000
_STORE = PreparedInsert(Message)
_COLUMNS = [(one.columns[0].key, one.key) for one in inspect(Message).column_attrs]


async def last_active(session: AsyncSession, conversation: Conversation) -> Message | None:
    """Returns the last message of the active path."""
    return await active_at(session, conversation.id, conversation.message_count - 1)


async def active_at(session: AsyncSession, conversation_id: str, position: int) -> Message | None:
    return await session.scalar(select(Message).where(_active(conversation_id), Message.position == position))


def new_message(
    role: Role, content: str, speaker_id: str | None = None, status: Status = Status.COMPLETED
) -> Message:
    """Returns a message for `place`, with all that the table would fill in."""
    moment = now()
    return Message(
        id=new_key("msg"),
        active=True,
        selected=True,
        hidden=False,
        role=role,
        speaker_id=speaker_id,
        content=content,
        status=status,
        edited_version=0,
        created_at=moment,
        updated_at=moment,
    )


async def place(session: AsyncSession, head: Head, *messages: Message) -> None:
    """Stores new messages at the end of the active path: one below the head, each other below the one before."""
    conversation, above = head.conversation, head.after
    await _make_room(session, conversation, above)
    for message in messages:
        message.owner, message.conversation_id = conversation.owner, conversation.id
        message.parent_id = above.id if above else None
        message.position = _length(above)
        above = message
    await _STORE.store(session, [_row(message) for message in messages])
    await texts.keep(session, *messages)
    conversation.message_count += len(messages)


async def _make_room(session: AsyncSession, conversation: Conversation, parent: Message | None) -> None:
    """Lets the active path end with the parent (None: lets it be empty), with no message selected below it."""
    if parent is not None and not parent.active:
        await _activate_line(session, conversation, parent)
    elif _length(parent) == conversation.message_count:
        # Below the end of the path nothing is selected: a selected child of an active message is active.
        return
    await truncate(session, conversation, _length(parent))
    await _deselect(session, conversation.id, parent.id if parent else None)


def _length(last: Message | None) -> int:
    return last.position + 1 if last else 0


def _row(message: Message) -> dict[str, Any]:
    return {column: getattr(message, name) for column, name in _COLUMNS}


async def append_all(
    session: AsyncSession, conversation: Conversation, parent: Message | None, rows: Sequence[dict[str, Any]]
) -> None:
    """Stores new messages, each below the one before, from an active parent on; `rows` have an `id` each."""
    await _make_room(session, conversation, parent)
    position = _length(parent)
    above = parent.id if parent else None
    for start in range(0, len(rows), _BATCH):
        placed = []
        for row in rows[start : start + _BATCH]:
            placed.append({**row, "conversation_id": conversation.id, "parent_id": above, "position": position})
            above, position = row["id"], position + 1
        # A None stays None: the column's default would invent a time where none is known.
        await session.execute(insert(Message).execution_options(render_nulls=True), placed)
        await texts.keep_rows(session, placed)
    conversation.message_count = position


async def truncate(session: AsyncSession, conversation: Conversation, position: int) -> None:
    """Takes the messages from the position on off the active path; they stay as a branch."""
    if position < conversation.message_count:
        await _update(session, _active(conversation.id), Message.position >= position, active=False)
        conversation.message_count = position


async def activate(session: AsyncSession, conversation: Conversation, message: Message) -> None:
    """Leads the active path through an inactive message, and below it through the selected ones."""
    below = _below(message.id, selected_only=True)
    await _activate_line(session, conversation, message, Message.id.in_(select(below.c.id)))
    deepest = select(func.max(Message.position)).where(_active(conversation.id))
    conversation.message_count = (await session.scalar(deepest) or 0) + 1
    set_committed_value(message, "active", True)
    set_committed_value(message, "selected", True)


async def remove(session: AsyncSession, conversation: Conversation, message: Message) -> list[str]:
    """Deletes the message with everything below it, and returns the ids of the deleted messages.

    Where it was the selected one of its siblings, the one before it (else after it) is selected in its place.
    """
    neighbour = await _neighbour(session, message) if message.selected else None
    if message.active:
        await truncate(session, conversation, message.position)
    below = _below(message.id)
    gone = await session.scalars(
        delete(Message)
        .where(Message.id.in_(select(below.c.id)))
        .returning(Message.id)
        .execution_options(synchronize_session=False)
    )
    ids = list(gone)
    if neighbour is not None and message.active:
        await activate(session, conversation, neighbour)
    elif neighbour is not None:
        await _update(session, Message.id == neighbour.id, selected=True)
    return ids


async def _activate_line(
    session: AsyncSession, conversation: Conversation, message: Message, *more: ColumnElement[bool]
) -> None:
    """Makes the path from the root to an inactive message the active one, in as many statements at any depth.

    Messages for which `more` holds become active too.
    """
    cte = _inactive_line(message)
    of_cte, line = aliased(Message, cte), select(cte.c.id)
    query = select(of_cte.position, of_cte.parent_id).where(~of_cte.selected)
    # Where the line leaves the active path it is not selected: a selected child of an active message is active.
    turns = (await session.execute(query)).all()
    top = min((turn.position for turn in turns), default=message.position)
    await truncate(session, conversation, top)
    parents = {turn.parent_id for turn in turns if turn.parent_id is not None}
    of_line = parents if len(parents) < _BATCH else select(Message.parent_id).where(Message.id.in_(line))
    roots = siblings_of(conversation.id, None) if top == 0 else false()
    await _update(session, or_(Message.parent_id.in_(of_line), roots), Message.selected, selected=False)
    await _update(session, or_(Message.id.in_(line), *more), active=True, selected=True)
    conversation.message_count = message.position + 1


def _inactive_line(message: Message) -> CTE:
    """Selects the message and those above it, up to the active path."""
    names = ("id", "parent_id", "position", "selected", "owner", "conversation_id")
    above = aliased(Message)
    line = select(*(getattr(Message, name) for name in names)).where(Message.id == message.id, ~Message.active)
    cte = line.cte("line", recursive=True)
    next_one = select(*(getattr(above, name) for name in names)).join(cte, above.id == cte.c.parent_id)
    return cte.union_all(next_one.where(~above.active))


async def path_rows(
    session: AsyncSession, conversation_ids: Sequence[str], columns: Sequence[InstrumentedAttribute[Any]]
) -> AsyncIterator[Row[Any]]:
    """Yields columns of each message of the active paths, read in pages, by conversation and position.

    `conversation_id` and `position` are among the columns.
    """
    key = (Message.conversation_id, Message.position)
    paths = select(*columns).where(Message.conversation_id.in_(conversation_ids), Message.active)
    page = paths.order_by(*key).limit(_BATCH)
    while rows := (await session.execute(page)).all():
        for row in rows:
            yield row
        if len(rows) < _BATCH:
            return
        last = (literal(rows[-1].conversation_id, key[0].type), literal(rows[-1].position))
        page = paths.where(tuple_(*key) > tuple_(*last)).order_by(*key).limit(_BATCH)


def line_to(message: Message) -> ColumnElement[bool]:
    """Returns the condition for the messages from the root down to this one."""
    cte = select(Message.id, Message.parent_id).where(Message.id == message.id).cte("line", recursive=True)
    above = aliased(Message)
    cte = cte.union_all(select(above.id, above.parent_id).join(cte, above.id == cte.c.parent_id))
    return Message.id.in_(select(cte.c.id))


def _below(message_id: str, selected_only: bool = False) -> CTE:
    """Selects the message and what is below it: everything, or only the selected branch."""
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
    await _update(session, siblings_of(conversation_id, parent_id), Message.selected, selected=False)


async def _update(session: AsyncSession, *conditions: Any, **values: bool) -> None:
    """Updates rows in the database, and those that the session holds when they are read again."""
    changing = update(Message).where(*conditions).values(**values)
    await session.execute(changing.execution_options(synchronize_session=False))


def siblings_of(conversation_id: str, parent_id: str | None) -> ColumnElement[bool]:
    """Returns the condition for the children of a message, or for the roots of a conversation."""
    if parent_id is not None:
        return Message.parent_id == parent_id
    # The position implies `parent_id IS NULL`, and has an index.
    return (Message.conversation_id == conversation_id) & (Message.position == literal_column("0"))


def _active(conversation_id: str) -> ColumnElement[bool]:
    return (Message.conversation_id == conversation_id) & Message.active
