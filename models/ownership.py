"""Row ownership: a session belongs to one owner and neither sees nor changes another owner's rows.

The session adds its owner to every statement by itself, so no query can forget it. The same condition hides
what belongs to a character that is being deleted.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeVar

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Executable,
    FromClause,
    Select,
    and_,
    bindparam,
    column,
    event,
    exists,
    not_,
    select,
    table,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, mapped_column, with_loader_criteria
from sqlalchemy.orm.interfaces import ORMOption
from sqlalchemy.sql.functions import FunctionElement

from models.base import Key

S = TypeVar("S", bound=Executable)

# Owns everything as long as there are no accounts.
LOCAL_OWNER: Final = "user_00000000000070008000000000000001"


class Everyone:
    """Stands for all owners at once."""


_EVERYONE = Everyone()

Owner = str | Everyone


def everyone() -> Everyone:
    """Returns the owner of a session that sees all rows: for the few system tasks that a test lists."""
    return _EVERYONE


class Owned:
    """Mixin of tables whose rows belong to one owner; the session fills `owner` in."""

    owner: Mapped[str] = mapped_column(Key("user"))

    @classmethod
    def visible_to(cls, owner: str | BindParameter[str]) -> ColumnElement[bool]:
        """Returns the condition for the owner's rows that belong to no character that is being deleted."""
        return _visible(getattr(cls, "__tablename__", ""), cls, owner)


def table_of(
    model: type[Any], name: str, owner: ColumnElement[Any], is_within: bool
) -> tuple[FromClause, ColumnElement[bool]]:
    """Returns a table under a name of its own, and the condition for the rows in it that the owner may see.

    It is for statements that no session binds. What is within something that was found belongs to no character
    that is being deleted.
    """
    table = model.__table__.alias(name)
    # A hint in a correlated query would keep SQLite from seeing that an index has the rows in the wanted order.
    return table, table.c.owner == owner if is_within else _visible(model.__tablename__, table.c, owner)


def _visible(table_name: str, columns: Any, owner: Any) -> ColumnElement[bool]:
    return and_(_unselective(columns.owner == owner), _not_hidden(table_name, columns))


class _unselective(FunctionElement[bool]):
    """A condition that holds for many rows, one in ten.

    Without this hint SQLite, which keeps no statistics, expects ten rows of an owner, and walks all that there are
    to find a few by their ids.
    """

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        # Otherwise SQLAlchemy, for a database without booleans, would write `… = 1`, which no index answers.
        return self


@compiles(_unselective)
def _plain(element: _unselective, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_unselective, "sqlite")
def _hinted(element: _unselective, compiler: Any, **options: Any) -> str:
    return f"likelihood({compiler.process(element.clauses, **options)}, 0.1)"


def owner_of(session: Session) -> str | None:
    """Returns whose rows the session sees; None stands for everyone's."""
    return key_of(session.info["owner"])


def key_of(owner: Owner) -> str | None:
    """Returns the key of one owner; None stands for everyone."""
    return None if isinstance(owner, Everyone) else owner


class OwnershipError(Exception):
    """A mistake in our code: a statement that cannot be bound to an owner, or a row of another owner."""


class OwnedSession(Session):
    """A session whose `info["owner"]` is bound into every statement on owned tables."""

    def bulk_save_objects(self, *_: Any, **__: Any) -> NoReturn:
        raise OwnershipError("Bulk operations go past the session's owner; use a statement or the unit of work.")

    bulk_insert_mappings = bulk_update_mappings = bulk_save_objects


@event.listens_for(OwnedSession, "do_orm_execute")
def _bind_owner(state: ORMExecuteState) -> None:
    owner = owner_of(state.session)
    # Columns and relationships of a row that was loaded before belong to the same owner.
    if owner is None or state.is_column_load or state.is_relationship_load:
        return
    if _PREPARED in state.statement._with_options:
        return
    if not state.is_orm_statement or state.is_from_statement:
        raise OwnershipError("Only ORM statements on mapped classes can be bound to an owner.")
    if state.is_insert:
        _stamp_rows(state, owner)
    elif not state.is_select and isinstance(state.parameters, Sequence):
        raise OwnershipError("An update by a list of keys cannot be bound to an owner.")
    elif state.is_update and any(column.key == "owner" for column in state.statement._values or ()):  # type: ignore[attr-defined]
        raise OwnershipError("The owner of a row cannot be changed.")
    else:
        state.statement = state.statement.options(_restriction(owner))


@event.listens_for(OwnedSession, "before_flush")
def _stamp_new_rows(session: Session, _context: object, _instances: object) -> None:
    owner = owner_of(session)
    if owner is None:
        return
    for row in session.new:
        if isinstance(row, Owned) and row.owner is None:
            row.owner = owner
    check_owners(session, (*session.new, *session.dirty, *session.deleted))


def check_owners(session: Session, rows: Iterable[object]) -> None:
    """Raises OwnershipError for a row of another owner than the session's."""
    owner = owner_of(session)
    for row in rows:
        if owner is not None and isinstance(row, Owned) and row.owner != owner:
            raise OwnershipError(f"This {type(row).__name__} belongs to another owner.")


def _stamp_rows(state: ORMExecuteState, owner: str) -> None:
    mapper = state.bind_mapper
    if mapper is None or not issubclass(mapper.class_, Owned):
        return
    if not isinstance(state.parameters, Sequence):
        raise OwnershipError("An insert into an owned table needs a list of rows as its parameters.")
    stamp(state.parameters, owner)  # type: ignore[arg-type]


def stamp(rows: Sequence[dict[str, Any]], owner: str) -> None:
    """Fills the owner of new rows in. Raises OwnershipError for a row that names another one."""
    for row in rows:
        if row.setdefault("owner", owner) != owner:
            raise OwnershipError("A new row names another owner.")


@lru_cache(maxsize=1024)
def _restriction(owner: str) -> ORMOption:
    """Returns the option that restricts every owned class in a statement, subqueries and aliases included."""
    # As a lambda it costs SQLAlchemy's statement cache a seventh of what the expressions would.
    return with_loader_criteria(Owned, lambda cls: cls.visible_to(owner), include_aliases=True)


_CHARACTERS = table("characters", column("id"), column("deleting_at"))
_CONVERSATIONS = table("conversations", column("id"), column("character_id"))


def _not_hidden(table_name: str, columns: Any) -> ColumnElement[bool]:
    """For messages, texts and runs, the first test is made once a statement; the second one hardly ever."""
    match table_name:
        case "characters":
            return and_(columns.deleting_at.is_(None))
        case "conversations":
            return and_(columns.character_id.not_in(_deleting(_CHARACTERS.c.id)))
        case "messages" | "message_texts" | "runs":
            of_row = _CONVERSATIONS.c.id == columns.conversation_id
            doomed = _CONVERSATIONS.c.character_id.in_(_deleting(_CHARACTERS.c.id))
            return not_(and_(_deleting(true()).exists(), exists().where(of_row, doomed)))
    return true()


def _deleting(what: Any) -> Select[Any]:
    return select(what).select_from(_CHARACTERS).where(_CHARACTERS.c.deleting_at.is_not(None))


# The restriction of statements that are made before their owner is known, and get it as the parameter `of_owner`.
_ANY_OWNER = bindparam("of_owner", type_=Key("user"))
_PREPARED = with_loader_criteria(Owned, lambda cls: cls.visible_to(_ANY_OWNER), include_aliases=True)


def restricted(statement: S) -> S:
    """Returns a statement that reaches the rows of the owner it is given as the parameter `of_owner`.

    Raises OwnershipError for a change of the owner.
    """
    if any(column.key == "owner" for column in getattr(statement, "_values", None) or ()):
        raise OwnershipError("The owner of a row cannot be changed.")
    return statement.options(_PREPARED)
