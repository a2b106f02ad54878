"""Results of an operation that graphql-core executes, and of its events."""

import inspect
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

import orjson
from graphql import (
    ExecutionResult,
    Executor,
    OperationType,
    create_source_event_stream,
    execute_root_selection_set,
    execute_subscription_event,
)

from schema.endpoint import errors, wire
from schema.endpoint.errors import Formatted, RequestError
from schema.endpoint.execution.event_writers import EventWriter, NotWritable


@dataclass(frozen=True)
class Operation:
    """An operation that is ready for execution: its document, variables and cost were checked.

    `max_answer`: bytes of its data, or of those of one of its events.
    """

    executor: Executor[Any]
    max_answer: int
    writer: EventWriter | None = None

    @property
    def type(self) -> OperationType:
        return self.executor.operation.operation

    @property
    def awaits_end(self) -> bool:
        """Whether its caller waits for an end: its own, or that of a reply which this process writes."""
        return self.type is not OperationType.SUBSCRIPTION or self.executor.context_value.awaits_end

    async def result(self) -> Formatted:
        """Execute a query or a mutation."""
        try:
            result = execute_root_selection_set(self.executor)
            return self._formatted(await result if inspect.isawaitable(result) else result)
        except Exception as error:
            return {"data": None, "errors": [errors.format_exception(error)]}

    async def results(self) -> AsyncGenerator[Formatted, None]:
        """Yield every result, for a subscription one per event. Raises RequestError before its first event.

        An error between events is yielded as a last result without `data`.
        """
        if self.type is not OperationType.SUBSCRIPTION:
            yield await self.result()
            return
        source = create_source_event_stream(self.executor)
        stream = await source if inspect.isawaitable(source) else source
        if isinstance(stream, ExecutionResult):
            raise RequestError(errors.format_errors(stream.errors or []))
        try:
            async with aclosing(cast("AsyncGenerator[Any, None]", stream)) as events:
                async for event in events:
                    yield self._written(event) or await self._executed(event)
        except Exception as error:
            yield {"errors": [errors.format_exception(error)]}

    def _written(self, event: Any) -> Formatted | None:
        if self.writer is None:
            return None
        try:
            return formatted(self.writer.data(event), self.max_answer)
        except NotWritable:
            return None

    async def _executed(self, event: Any) -> Formatted:
        self.executor.context_value.begin_answer()
        result: Any = execute_subscription_event(self.executor.build_per_event_executor(event))
        return self._formatted(await result if inspect.isawaitable(result) else result)

    def _formatted(self, result: ExecutionResult) -> Formatted:
        answer = formatted(wire.encode(result.data), self.max_answer)
        return {"errors": errors.format_errors(result.errors), **answer} if result.errors else answer


def formatted(data: bytes, max_answer: int) -> Formatted:
    """Return the result with this JSON as its data, or with an error in place of too much data."""
    return too_large(max_answer) if len(data) > max_answer else {"data": orjson.Fragment(data)}


def too_large(max_answer: int) -> Formatted:
    return {"data": None, "errors": [errors.answer_too_large(max_answer)]}
