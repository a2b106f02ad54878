"""Plain reads, executed: one statement for each or, where each would be a round trip, for all of an operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from models import Database, ReadTooLarge
from models.readers import ReaderAway, TooDeep
from models.readers import Statement as BoundStatement
from services.errors import UserError
from services.excerpts import excerpt
from services.lru_cache import LRUCache
from services.reads.building import Asked, Form, parameter_name
from services.reads.excerpts import with_excerpts
from services.reads.functions import EXCERPT_FUNCTION
from services.reads.literals import REREAD, TOO_LARGE
from services.reads.projections import Arguments, Nested, NotPlain
from services.reads.relations import Relation
from services.reads.statements import LANGUAGES, Statement

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


class _Asking(NamedTuple):
    """A read with the arguments of its relations."""

    read: Read
    asked: Sequence[Asked]

    @property
    def key(self) -> "_Key":
        return self.read, tuple([one.form for one in self.asked])


_Key = tuple[Read, tuple[Form, ...]]


class ReadService:
    def __init__(self, database: Database, cache_length: int = STATEMENT_CACHE_LENGTH) -> None:
        self._reader = database.reader
        self._max_read = database.max_read
        if self._reader is not None:
            self._reader.define(EXCERPT_FUNCTION, excerpt, 2)
            self._language = LANGUAGES[self._reader.dialect]
        self._statements: LRUCache[tuple[_Key, ...], Statement] = LRUCache(cache_length)

    async def json(self, owner: str, reads: Sequence[tuple[Read, Sequence[Arguments]]]) -> list[bytes] | None:
        """Returns the JSON of each read, with the arguments of its relations by their places.

        None: read by rows, which also report what is wrong with the arguments. Raises ReadTooLarge.
        """
        if self._reader is None:
            return None
        groups: list[list[_Asking]] = []
        try:
            groups = self._grouped([_asking(read, arguments) for read, arguments in reads])
            bound = [self._bound(owner, group) for group in groups]
            values = await self._reader.values(bound) if bound else []
        except TooDeep:
            for group in groups:
                self._statements.put(_key(group), _TOO_DEEP, 1)
            return None
        except (NotPlain, UserError, ReaderAway):
            return None
        answers: list[bytes] = [b"null" if value is None else value for value in values]
        if not any(_REREAD in answer for answer in answers):
            return with_excerpts(answers)
        if any(_TOO_LARGE in answer for answer in answers):
            raise ReadTooLarge(self._max_read)
        return None

    def _grouped(self, asking: list[_Asking]) -> list[list[_Asking]]:
        """Returns the reads of each statement."""
        return [[one] for one in asking] if not self._language.is_joining or not asking else [asking]

    def _bound(self, owner: str, group: list[_Asking]) -> BoundStatement:
        values = _values([asked for one in group for asked in one.asked])
        return self._statement(_key(group)).bound({"owner": owner.partition("_")[2], **values})

    def _statement(self, key: tuple[_Key, ...]) -> Statement:
        """Raises NotPlain."""
        found = self._statements.get(key)
        if found is None:
            found = self._language.statement([(read.root, forms) for read, forms in key], self._max_read)
            self._statements.put(key, found, len(found.sql))
        if found is _TOO_DEEP:
            raise NotPlain
        return found


def _asking(read: Read, arguments: Sequence[Arguments]) -> _Asking:
    pairs = zip(read.relations, arguments, strict=True)
    return _Asking(read, [relation.asked(given) for relation, given in pairs])


def _key(group: list[_Asking]) -> tuple[_Key, ...]:
    return tuple([one.key for one in group])


def _values(asked: Sequence[Asked]) -> dict[str, Any]:
    return {
        parameter_name(place, name): value for place, one in enumerate(asked) for name, value in one.values.items()
    }
