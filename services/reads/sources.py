"""Sources of lists: which rows a list has, in which orders, and how many there are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, and_, func, select, tuple_

from models import Character, Conversation, Message
from services.characters import ORDERS as CHARACTER_ORDERS
from services.characters import CharacterOrder
from services.conversations import ORDERS as CONVERSATION_ORDERS
from services.conversations import ConversationOrder
from services.messages import LAST_PAGE, PATH, TREE
from services.paging import FIRST_PAGE, Order, PageArguments
from services.reads.building import Asked, Builder, Form, below, correlated
from services.reads.columns import Row
from services.reads.literals import number
from services.reads.projections import Arguments, Nested, NotPlain
from services.reads.relations import same_position, stored_id

Conditions = Callable[[Builder, Row | None, Row, Nested], list[ColumnElement[bool]]]

_PATH, _TREE = "PATH", "TREE"


@dataclass(frozen=True)
class Source:
    """Which rows a list has, in which orders, and how many there are."""

    model: type[Any]
    order: Callable[[str], Order]
    conditions: Conditions
    total: Callable[[Builder, Row | None, Nested], ColumnElement[Any]] | None = None
    default: PageArguments = FIRST_PAGE
    belongs_to_row: bool = True

    def asked(self, arguments: Arguments, page: PageArguments) -> Asked:
        """Returns the form and the size. Raises NotPlain for a search."""
        if arguments.get("search") is not None:
            raise NotPlain
        key = arguments.get("order_by") or (_TREE if arguments.get("include_inactive") else _PATH)
        character_id = arguments.get("character_id")
        values: dict[str, Any] = {"size": page.size, "limit": page.size + 1}
        if character_id is not None:
            values["character"] = stored_id(Character, character_id)
        cursors = (page.after is not None, page.before is not None)
        return Asked(Form(str(key), page.backward, *cursors, character_id is not None), values)


def rows_of(source: Source, builder: Builder, row: Row | None, nested: Nested) -> tuple[Row, Select[Any]]:
    """Returns the table and the query of a list, in its order or, for a page from the end, in the opposite one."""
    found, visible = builder.table(source.model, nested, row)
    form, order = builder.form(nested), source.order(builder.form(nested).order)
    conditions = [visible, *source.conditions(builder, row, found, nested)]
    columns = [found.text(column.key) for column in order.columns]
    for name, given, backward in (("after", form.after, False), ("before", form.before, True)):
        if given:
            key = [
                builder.parameter(nested, f"{name}{index}", column.type)
                for index, column in enumerate(order.columns)
            ]
            here, there = tuple_(*columns), tuple_(*key)
            conditions.append(here < there if order.descending != backward else here > there)
    descending = order.descending != form.backward
    sorting = [column.desc() if descending else column.asc() for column in columns]
    query = select(found.source).where(and_(*conditions)).order_by(*sorting)
    return found, below(query, row)


def _characters(builder: Builder, row: Row | None, found: Row, nested: Nested) -> list[ColumnElement[bool]]:
    return []


def _conversations(builder: Builder, row: Row | None, found: Row, nested: Nested) -> list[ColumnElement[bool]]:
    if row is not None:
        return [found.text("character_id") == row.text("id")]
    if builder.form(nested).filtered:
        return [found.text("character_id") == builder.parameter(nested, "character", Character.id.type)]
    return []


def _messages(builder: Builder, row: Row | None, found: Row, nested: Nested) -> list[ColumnElement[bool]]:
    assert row is not None
    of_row = found.text("conversation_id") == row.text("id")
    return [of_row] if builder.form(nested).order == _TREE else [of_row, found["active"]]


def _last_messages(builder: Builder, row: Row | None, found: Row, nested: Nested) -> list[ColumnElement[bool]]:
    assert row is not None
    start = row["message_count"] - builder.parameter(nested, "size", Integer())
    return [*_messages(builder, row, found, nested), found["position"] >= start]


def _alternatives(builder: Builder, row: Row | None, found: Row, nested: Nested) -> list[ColumnElement[bool]]:
    assert row is not None
    return [same_position(row, found)]


def _character_total(builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
    character, visible = builder.table(Character, nested)
    return correlated(select(func.count()).select_from(character.source).where(visible), row)


def _conversation_total(builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
    if row is not None:
        return row["conversation_count"]
    character, visible = builder.table(Character, nested)
    total = select(func.coalesce(func.sum(character["conversation_count"]), number(0))).where(visible)
    if builder.form(nested).filtered:
        total = total.where(character.text("id") == builder.parameter(nested, "character", Character.id.type))
    return correlated(total, None)


def _message_total(builder: Builder, row: Row | None, nested: Nested) -> ColumnElement[Any]:
    assert row is not None
    if builder.form(nested).order == _PATH:
        return row["message_count"]
    message, visible = builder.table(Message, nested, row)
    of_row = message.text("conversation_id") == row.text("id")
    return correlated(select(func.count()).select_from(message.source).where(visible, of_row), row)


_BY_ID = Order("alternatives", (Message.id,))
_MESSAGE_ORDERS = {_PATH: PATH, _TREE: TREE}


def _character_order(key: str) -> Order:
    return CHARACTER_ORDERS[CharacterOrder(key)].of(key, None)


def _conversation_order(key: str) -> Order:
    return CONVERSATION_ORDERS[ConversationOrder(key)].of(key, None)


ALL_CHARACTERS = Source(Character, _character_order, _characters, _character_total, belongs_to_row=False)
ALL_CONVERSATIONS = Source(
    Conversation, _conversation_order, _conversations, _conversation_total, belongs_to_row=False
)
OF_CHARACTER = Source(Conversation, _conversation_order, _conversations, _conversation_total)
OF_CONVERSATION = Source(Message, _MESSAGE_ORDERS.__getitem__, _messages, _message_total, LAST_PAGE)
LAST_OF_CONVERSATION = Source(Message, lambda key: PATH, _last_messages)
AT_POSITION = Source(Message, lambda key: _BY_ID, _alternatives)
