"""Asking both paths of a read: the database, and the resolvers."""

import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

from models import Database
from models.sqlite_reader import SQLiteReader
from resolvers.context import Context
from schema import schema
from schema.endpoint import wire
from schema.endpoint.documents.limits import Limits
from schema.endpoint.documents.trusted import Documents
from schema.endpoint.execution.operations import GraphQLRequest, Operations, PlainQuery
from services import Services
from tests.support.owners import caller


async def traced(database: Database) -> list[str]:
    """Returns a list of every statement that the driver of the plain reads runs from now on.

    On PostgreSQL those of sessions, too, each a turn of the event loop after it has ended.
    """
    seen: list[str] = []
    reader = database.reader
    if isinstance(reader, SQLiteReader):
        await reader.values([("SELECT 1", {})])
        assert reader._driver is not None
        await reader._driver.set_trace_callback(seen.append)
        return seen

    def note(query: Any) -> None:
        seen.append(query.query)

    def trace(connection: object, entry: ConnectionPoolEntry, proxy: object) -> None:
        driver: Any = entry.driver_connection
        driver.add_query_logger(note)

    event.listen(database.engines[0].sync_engine, "checkout", trace)
    return seen


@dataclass
class Asking:
    """Asks for an owner what both paths answer."""

    services: Services
    owner: str

    def __post_init__(self) -> None:
        limits = replace(Limits.of(self.services.settings), aliases=10_000, cost=10**9)
        documents = Documents({}, only_trusted=False)
        self.operations = Operations(schema, limits, documents, lambda caller: Context(self.services, caller))

    def prepared(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        return self.operations.prepare(GraphQLRequest(query=query, variables=variables), caller(self.owner))

    def is_plan(self, query: str) -> bool:
        return isinstance(self.prepared(query), PlainQuery)

    def statements(self, query: str) -> list[str]:
        """Return the texts of the statements that answered the query before."""
        operation = self.prepared(query)
        assert isinstance(operation, PlainQuery)
        reads = [planned.read for root in operation.plan._roots for planned in root.reads.values()]
        kept = self.services.reads._statements._entries.items()
        return [
            statement.sql
            for key, (statement, _) in kept
            if statement.sql and any(read in reads for read, _ in key)
        ]

    async def plain(self, query: str, variables: dict[str, Any] | None = None) -> Any:
        """Return the data as the database writes it; None when it does not."""
        operation = self.prepared(query, variables)
        if not isinstance(operation, PlainQuery):
            return None
        data = await operation.plan.data(operation.context, operation.variables)
        return None if data is None else json.loads(data)

    async def both(self, query: str, variables: dict[str, Any] | None = None) -> tuple[str, str]:
        """Return what the endpoint answers, and what the resolvers do."""
        operation = self.prepared(query, variables)
        rows = self.prepared(query, variables)
        rows = rows.by_rows() if isinstance(rows, PlainQuery) else rows
        return _text(await operation.result()), _text(await rows.result())


def _text(result: Any) -> str:
    """Return the answer with its keys in their order, and numbers as values: 1.0 and 1e0 are equal.

    Of errors only the messages: siblings run at once, and which of them fails first is not the same each time.
    Where one of them takes all data away, nor is which others have failed by then.
    """
    answer = json.loads(wire.encode(result))
    errors = sorted({error["message"] for error in answer.pop("errors", ())})
    answer["errors"] = errors if answer["data"] is not None else bool(errors)
    return json.dumps(answer)
