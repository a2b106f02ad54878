"""From a request to its results, the same for every transport: find the document, check it, execute it."""

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
from schema.endpoint.costs import Cost
from schema.endpoint.documents import Documents, Kept
from schema.endpoint.errors import Formatted, RequestError, refused
from schema.endpoint.limits import Limits, check_document, check_text
from schema.endpoint.overlaps import FieldsCanBeMerged

# How much of documents is kept parsed and validated: their tokens, and a sixteenth of their characters.
MAX_KEPT = 100_000
# Each costs time: it looks for names that were meant.
MAX_VALIDATION_ERRORS = 20

# graphql-core's own looks at every leaf more closely than it must.
_IS_AWAITABLE: Any = optimized_is_awaitable

RULES = (
    *(rule for rule in specified_rules if rule.__name__ != "OverlappingFieldsCanBeMergedRule"),
    FieldsCanBeMerged,
    MaybeNullValidationRule,
    OneOfInputValidationRule,
)


@dataclass(frozen=True)
class GraphQLRequest:
    """What a client asks, whichever transport brought it."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    sha256: str | None = None


@dataclass
class Document:
    """A document that is valid, and the costs of those of its operations that were asked for."""

    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    costs: dict[str | None, Cost] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """Something that can be executed; nothing the client can do wrong is left."""

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
            return {"data": None, "errors": [errors.internal(error)]}

    async def results(self) -> AsyncGenerator[Formatted, None]:
        """Yield every result: of a subscription one for each event. Its refusal raises RequestError.

        What goes wrong between events is yielded without `data`, and is the last.
        """
        if self.type is not OperationType.SUBSCRIPTION:
            yield await self.result()
            return
        source = create_source_event_stream(self.executor)
        stream = await source if inspect.isawaitable(source) else source
        if isinstance(stream, ExecutionResult):
            raise RequestError(errors.presented(stream.errors or []))
        events = map_source_to_response_event(self.executor, stream)
        try:
            async with aclosing(events):
                async for event in events:
                    yield _formatted(event)
        except Exception as error:
            located = error if isinstance(error, GraphQLError) else GraphQLError(str(error), original_error=error)
            yield {"errors": errors.presented([located])}


class Operations:
    def __init__(
        self, schema: Schema, limits: Limits, documents: Documents, new_context: Callable[[], Context]
    ) -> None:
        self._schema = schema._schema
        self._executor_class = schema.execution_context_class
        self._limits = limits
        self._documents = documents
        self._new_context = new_context
        self._kept: Kept[Document] = Kept(MAX_KEPT)

    def prepare(self, request: GraphQLRequest) -> Operation:
        """Do all that can be done before executing. Raises RequestError."""
        text = self._documents.text(request.query, request.document_id, request.sha256)
        document = self._kept.get(text) or self._read(text)
        if request.sha256 is not None and request.query is not None:
            self._documents.register(text, request.sha256)
        name = self._chosen(document, request.operation_name)
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

    def _read(self, text: str) -> Document:
        tokens = check_text(text, self._limits)
        try:
            node = parse(text)
            check_document(node, self._limits)
            found = validate(self._schema, node, RULES, max_errors=MAX_VALIDATION_ERRORS)
        except GraphQLSyntaxError as error:
            raise errors.failed_request([error], errors.PARSE_FAILED) from None
        except RecursionError:
            raise refused("The document is nested too deeply.", "TOO_DEEP") from None
        if found:
            raise errors.failed_request(found, errors.VALIDATION_FAILED)
        document = Document(
            node,
            {_name(one): one for one in node.definitions if isinstance(one, OperationDefinitionNode)},
            {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)},
        )
        # A long comment is no token, but is kept as well.
        self._kept.put(text, document, tokens + len(text) // 16)
        return document

    def _chosen(self, document: Document, name: str | None) -> str | None:
        """Return the name of the operation to execute."""
        if name is None and len(document.operations) == 1:
            return next(iter(document.operations))
        if name is None:
            names = ", ".join(str(one) for one in document.operations)
            message = f"The document has several operations; say which by `operationName`: {names}."
            raise refused(message, "OPERATION_RESOLUTION_FAILURE")
        if name not in document.operations:
            raise refused(f'The document has no operation named "{name}".', "OPERATION_RESOLUTION_FAILURE")
        return name

    def _check_cost(self, document: Document, name: str | None, executor: Executor[Any]) -> None:
        cost = document.costs.get(name)
        if cost is None:
            cost = document.costs[name] = Cost(self._schema, executor.operation, document.fragments)
        actual = cost.of(executor.variable_values.coerced)
        if actual > self._limits.cost:
            raise errors.over_limit("Values that the answer can hold", "TOO_COSTLY", self._limits.cost, actual)


def _formatted(result: ExecutionResult) -> Formatted:
    if not result.errors:
        return {"data": result.data}
    return {"errors": errors.presented(result.errors), "data": result.data}


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None
