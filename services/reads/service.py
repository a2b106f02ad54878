"""Plain reads, executed: one statement for each, all in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models import Database, ReadTooLarge
from models.readers import Statement as BoundStatement
from models.readers import TooDeep
from services.errors import UserError
from services.excerpts import excerpt
from services.lru_cache import LRUCache
from services.reads import relations
from services.reads.building import Asked, Form, Statement, parameter_name, statement
from services.reads.columns import REREAD, TOO_LARGE
from services.reads.projections import Arguments, Nested, NotPlain
from services.reads.relations import Relation

# Characters of all statements that are kept.
STATEMENT_CACHE_LENGTH = 4_000_000

_REREAD, _TOO_LARGE = REREAD.encode(), TOO_LARGE.encode()
# Stands for a statement that the database cannot parse.
_TOO_DEEP = Statement("", {})


@dataclass(frozen=True, eq=False)
class Read:
    """A root relation, and the relations in it by their places."""

    root: Nested
    relations: Sequence[Relation]


_Key = tuple[Read, tuple[Form, ...]]


class ReadService:
    def __init__(self, database: Database, cache_length: int = STATEMENT_CACHE_LENGTH) -> None:
        self._reader = database.reader
        self._max_read = database.max_read
        if self._reader is not None:
            self._reader.define(relations.EXCERPT_FUNCTION, excerpt, 2)
        self._statements: LRUCache[_Key, Statement] = LRUCache(cache_length)

    async def json(self, owner: str, reads: Sequence[tuple[Read, Sequence[Arguments]]]) -> list[bytes] | None:
        """Returns the JSON of each read, with the arguments of its relations by their places.

        None: read by rows, which also report what is wrong with the arguments. Raises ReadTooLarge.
        """
        if self._reader is None:
            return None
        asked = []
        try:
            asked = [_asked(read, arguments) for read, arguments in reads]
            bound = [self._bound(owner, *one) for one in asked]
            values = await self._reader.values(bound) if bound else []
        except TooDeep:
            for key, _ in asked:
                self._statements.put(key, _TOO_DEEP, 1)
            return None
        except (NotPlain, UserError):
            return None
        answers: list[bytes] = [b"null" if value is None else value for value in values]
        if not any(_REREAD in answer for answer in answers):
            return answers
        if any(_TOO_LARGE in answer for answer in answers):
            raise ReadTooLarge(self._max_read)
        return None

    def _bound(self, owner: str, key: _Key, values: Mapping[str, Any]) -> BoundStatement:
        sql, constants = self._statement(key)
        return sql, {**constants, "owner": owner.partition("_")[2], **values}

    def _statement(self, key: _Key) -> Statement:
        """Raises NotPlain."""
        found = self._statements.get(key)
        if found is None:
            found = statement(key[0].root, key[1])
            self._statements.put(key, found, len(found.sql))
        if found is _TOO_DEEP:
            raise NotPlain
        return found


def _asked(read: Read, arguments: Sequence[Arguments]) -> tuple[_Key, Mapping[str, Any]]:
    """Returns the key of the statement, and the values that are bound in it."""
    asked = [relation.asked(given) for relation, given in zip(read.relations, arguments, strict=True)]
    return (read, tuple(one.form for one in asked)), _values(asked)


def _values(asked: Sequence[Asked]) -> dict[str, Any]:
    return {
        parameter_name(place, name): value for place, one in enumerate(asked) for name, value in one.values.items()
    }
