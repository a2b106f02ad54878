"""Execution of operations for every transport: finds the document, validates it, executes it."""

import inspect
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    Executor,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    create_source_event_stream,
    execute_root_selection_set,
    map_source_to_response_event,
    parse,
    specified_rules,
    validate,
)
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from resolvers.context import Context
from schema.endpoint import errors
from schema.endpoint.documents.costs import Cost
from schema.endpoint.documents.limits import Limits, check_document, check_text
from schema.endpoint.documents.overlaps import FieldsCanBeMerged
from schema.endpoint.documents.trusted import Documents, LRUCache
from schema.endpoint.errors import Formatted, RequestError, request_error

# The weight of all cached documents together: their tokens, and a sixteenth of their characters.
DOCUMENT_CACHE_SIZE = 100_000
# Each validation error takes time, because it searches for similar names to suggest.
MAX_VALIDATION_ERRORS = 20

# The default of graphql-core does more work than needed for every leaf.
_IS_AWAITABLE: Any = optimized_is_awaitable

RULES = (
    *(rule for rule in specified_rules if rule.__name__ != "OverlappingFieldsCanBeMergedRule"),
    FieldsCanBeMerged,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


@dataclass(frozen=True)
class GraphQLRequest:
    """The parts of a GraphQL request, over any transport."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    sha256: str | None = None


@dataclass
class Document:
    """A valid document, and the costs of those of its operations that were requested."""

    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    costs: dict[str | None, Cost] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """An operation that is ready for execution: its document, variables and cost were checked."""

    executor: Executor[Any]

    @property
    def type(self) -> OperationType:
        return self.executor.operation.operation

    async def result(self) -> Formatted:
        """Execute a query or a mutation."""
        try:
            result = execute_root_selection_set(self.executor)
            return _formatted(await result if inspect.isawaitable(result) else result)
        except Exception as error:
            return {"data": None, "errors": [errors.internal_error(error)]}

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
        events = map_source_to_response_event(self.executor, stream)
        try:
            async with aclosing(events):
                async for event in events:
                    yield _formatted(event)
        except Exception as error:
            located = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            yield {"errors": errors.format_errors([located])}


class Operations:
    def __init__(
        self, schema: Schema, limits: Limits, documents: Documents, new_context: Callable[[], Context]
    ) -> None:
        self._schema = schema._schema
        self._executor_class = schema.execution_context_class
        self._limits = limits
        self._documents = documents
        self._new_context = new_context
        self._cache: LRUCache[Document] = LRUCache(DOCUMENT_CACHE_SIZE)

    def prepare(self, request: GraphQLRequest) -> Operation:
        """Return the operation ready for execution. Raises RequestError."""
        text = self._documents.text(request.query, request.document_id, request.sha256)
        document = self._cache.get(text) or self._parse(text)
        if request.sha256 is not None and request.query is not None:
            self._documents.register(text, request.sha256)
        name = self._operation_name(document, request.operation_name)
        executor = self._executor_class.build(
            self._schema,
            document.node,
            context_value=self._new_context(),
            raw_variable_values=request.variables,
            operation_name=name,
            is_awaitable=_IS_AWAITABLE,
            operation_extensions=None,
        )
        if isinstance(executor, list):
            raise errors.failed_request(executor, errors.BAD_INPUT)
        self._check_cost(document, name, executor)
        return Operation(executor)

    def _parse(self, text: str) -> Document:
        tokens = check_text(text, self._limits)
        try:
            node = parse(text)
            check_document(node, self._limits)
            validation_errors = validate(self._schema, node, RULES, max_errors=MAX_VALIDATION_ERRORS)
        except GraphQLSyntaxError as error:
            raise errors.failed_request([error], errors.PARSE_FAILED) from None
        except RecursionError:
            raise request_error("The document has too many levels of nesting.", "TOO_DEEP") from None
        if validation_errors:
            raise errors.failed_request(validation_errors, errors.VALIDATION_FAILED)
        document = Document(
            node,
            {_name(one): one for one in node.definitions if isinstance(one, OperationDefinitionNode)},
            {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)},
        )
        # The characters count too, because a comment has no tokens and still takes memory.
        self._cache.put(text, document, tokens + len(text) // 16)
        return document

    def _operation_name(self, document: Document, name: str | None) -> str | None:
        """Return the name of the operation to execute."""
        if name is None and len(document.operations) == 1:
            return next(iter(document.operations))
        if name is None:
            names = ", ".join(str(one) for one in document.operations)
            message = f"The document has several operations; choose one by `operationName`: {names}."
            raise request_error(message, "OPERATION_RESOLUTION_FAILURE")
        if name not in document.operations:
            raise request_error(f'The document has no operation named "{name}".', "OPERATION_RESOLUTION_FAILURE")
        return name

    def _check_cost(self, document: Document, name: str | None, executor: Executor[Any]) -> None:
        cost = document.costs.get(name)
        if cost is None:
            cost = document.costs[name] = Cost(self._schema, executor.operation, document.fragments)
        actual = cost.of(executor.variable_values.coerced)
        if actual > self._limits.cost:
            raise errors.over_limit("The result can have too many values", "TOO_COSTLY", self._limits.cost, actual)


def _formatted(result: ExecutionResult) -> Formatted:
    if not result.errors:
        return {"data": result.data}
    return {"errors": errors.format_errors(result.errors), "data": result.data}


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None
