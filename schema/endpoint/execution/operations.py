"""Execution of operations for every transport: finds the document, validates it, executes it."""

import logging
import warnings
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import (
    DocumentNode,
    Executor,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    validate,
)
from graphql.validation.rules import overlapping_fields_can_be_merged
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable

from models import ReadTooLarge
from resolvers.budget import Budget
from resolvers.context import Context
from schema.endpoint import errors
from schema.endpoint.documents.costs import Cost
from schema.endpoint.documents.limits import Limits, check_document, parse_document
from schema.endpoint.documents.trusted import Documents
from schema.endpoint.errors import PAYLOAD_TOO_LARGE, Formatted, RequestError, request_error
from schema.endpoint.execution.arguments import Variables, flags_of
from schema.endpoint.execution.event_writers import EventWriter, event_writer
from schema.endpoint.execution.json_plans import JsonPlan, make_plan
from schema.endpoint.execution.results import Operation, formatted, too_large
from services.access.identity import Identity
from services.lru_cache import LRUCache

logger = logging.getLogger("repartee.graphql")

# Characters of all cached documents together; a document counts once more for each of its plans.
DOCUMENT_CACHE_SIZE = 400_000
# Each validation error takes time, because it searches for similar names to suggest.
MAX_VALIDATION_ERRORS = 20

# The default of graphql-core does more work than needed for every leaf.
_IS_AWAITABLE: Any = optimized_is_awaitable

# What fields with the same name may take to be compared, which grows faster than the document: 40 ms. graphql-core
# reads this for each validation. Introspection takes less than 1,000.
MAX_COMPLEXITY = 30_000
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = MAX_COMPLEXITY

# A query that is cancelled leaves coroutines of fields that had not begun, which graphql-core does not close.
warnings.filterwarnings("ignore", r"coroutine '(Executor|GraphQLCoreConverter)\.", RuntimeWarning)


@dataclass(frozen=True)
class GraphQLRequest:
    """The parts of a GraphQL request, over any transport. `size`: its bytes as they were sent."""

    query: str | None = None
    variables: dict[str, Any] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    sha256: str | None = None
    size: int = 0


# An event of a subscription may cost this part of what a query may: it has many of them.
EVENTS = 10

# Plans of one document: one for each combination of what @skip and @include leave out.
MAX_PLANS = 16

Flags = tuple[Any, ...]


@dataclass
class Document:
    """A valid document, and what was made for those of its operations that were requested.

    `flags` are the variables of its @skip and @include.
    """

    text: str
    node: DocumentNode
    operations: dict[str | None, OperationDefinitionNode]
    fragments: dict[str, FragmentDefinitionNode]
    flags: Sequence[str]
    costs: dict[str | None, Cost] = field(default_factory=dict)
    variables: dict[str | None, Variables] = field(default_factory=dict)
    plans: dict[tuple[str | None, Flags], JsonPlan | None] = field(default_factory=dict)
    _writers: dict[str | None, EventWriter | None] = field(default_factory=dict)

    def writer(self, name: str | None, executor: Executor[Any]) -> EventWriter | None:
        """Return the operation's event writer, if it is a subscription that can have one."""
        if executor.operation.operation is not OperationType.SUBSCRIPTION:
            return None
        if name not in self._writers:
            self._writers[name] = event_writer(executor)
        return self._writers[name]


@dataclass(frozen=True)
class PlainQuery:
    """A query that the database may answer by itself; `by_rows` executes it if it does not."""

    plan: JsonPlan
    context: Context
    variables: Mapping[str, Any]
    by_rows: Callable[[], Operation]
    max_answer: int
    type: OperationType = OperationType.QUERY
    awaits_end: bool = True

    async def result(self) -> Formatted:
        try:
            data = await self.plan.data(self.context, self.variables)
        except ReadTooLarge:
            return too_large(self.max_answer)
        except Exception:
            logger.warning("A plain read failed; its query is executed by rows.", exc_info=True)
            data = None
        return await self.by_rows().result() if data is None else formatted(data, self.max_answer)

    async def results(self) -> AsyncGenerator[Formatted, None]:
        yield await self.result()


class Operations:
    def __init__(
        self, schema: Schema, limits: Limits, documents: Documents, new_context: Callable[[Identity], Context]
    ) -> None:
        if schema.extensions:
            raise TypeError("Operations executes no schema extensions; it would ignore those of this schema.")
        self._schema = schema._schema
        self._executor_class = schema.execution_context_class
        self._limits = limits
        self._documents = documents
        self._new_context = new_context
        self._cache: LRUCache[str, Document] = LRUCache(DOCUMENT_CACHE_SIZE)

    def prepare(self, request: GraphQLRequest, caller: Identity) -> Operation | PlainQuery:
        """Return the operation ready for execution. Raises RequestError."""
        text = self._documents.text(request.query, request.document_id, request.sha256)
        document = self._cache.get(text) or self._parse(text)
        if request.sha256 is not None and request.query is not None:
            self._documents.register(text, request.sha256)
        name = self._operation_name(document, request.operation_name)
        self._check_size(document, name, request.size)
        if not caller.may_write and document.operations[name].operation is OperationType.MUTATION:
            raise request_error("This token may only read.", errors.FORBIDDEN)
        context = self._new_context(caller)
        if document.operations[name].operation is OperationType.QUERY:
            variables = self._variables(document, name, request.variables or {})
            context.budget = self._budget(document, name, variables)
            if plan := self._plan(document, name, request.variables or {}, variables):
                by_rows = partial(self._operation, document, name, request, context)
                return PlainQuery(plan, context, variables, by_rows, self._limits.answer)
            return self._operation(document, name, request, context)
        operation = self._operation(document, name, request, context)
        context.budget = self._budget(document, name, operation.executor.variable_values.coerced)
        return operation

    def _operation(
        self, document: Document, name: str | None, request: GraphQLRequest, context: Context
    ) -> Operation:
        executor = self._executor_class.build(
            self._schema,
            document.node,
            context_value=context,
            raw_variable_values=request.variables,
            operation_name=name,
            is_awaitable=_IS_AWAITABLE,
            operation_extensions=None,
        )
        if isinstance(executor, list):
            raise errors.failed_request(executor, errors.BAD_INPUT)
        return Operation(executor, self._limits.answer, document.writer(name, executor))

    def _variables(self, document: Document, name: str | None, given: dict[str, Any]) -> dict[str, Any]:
        if name not in document.variables:
            document.variables[name] = Variables(self._schema, document.operations[name])
        values = document.variables[name].coerced(given)
        if isinstance(values, list):
            raise errors.failed_request(values, errors.BAD_INPUT)
        return values

    def _plan(
        self, document: Document, name: str | None, given: dict[str, Any], variables: Mapping[str, Any]
    ) -> JsonPlan | None:
        key = (name, tuple(variables.get(flag) for flag in document.flags))
        if key not in document.plans:
            values = document.variables[name].checked(given)
            if len(document.plans) >= MAX_PLANS or isinstance(values, list):
                return None
            operation = document.operations[name]
            document.plans[key] = make_plan(self._schema, operation, document.fragments, values)
            self._cache.put(document.text, document, len(document.text) * (1 + len(document.plans)))
        return document.plans[key]

    def _parse(self, text: str) -> Document:
        try:
            node = parse_document(text, self._limits)
            check_document(node, self._limits)
            validation_errors = validate(self._schema, node, max_errors=MAX_VALIDATION_ERRORS)
        except GraphQLSyntaxError as error:
            raise errors.failed_request([error], errors.PARSE_FAILED) from None
        except RecursionError:
            raise request_error("The document has too many levels of nesting.", "TOO_DEEP") from None
        if validation_errors:
            raise _invalid(validation_errors)
        document = Document(
            text,
            node,
            {_name(one): one for one in node.definitions if isinstance(one, OperationDefinitionNode)},
            {one.name.value: one for one in node.definitions if isinstance(one, FragmentDefinitionNode)},
            flags_of(node),
        )
        self._cache.put(text, document, len(text))
        return document

    def _operation_name(self, document: Document, name: str | None) -> str | None:
        """Return the name of the operation to execute.

        An executor of graphql-core would choose it too, but plans need it before, and have none.
        """
        if name is None and len(document.operations) == 1:
            return next(iter(document.operations))
        if name is None:
            names = ", ".join(str(one) for one in document.operations)
            message = f"The document has several operations; choose one by `operationName`: {names}."
            raise request_error(message, "OPERATION_RESOLUTION_FAILURE")
        if name not in document.operations:
            raise request_error(f'The document has no operation named "{name}".', "OPERATION_RESOLUTION_FAILURE")
        return name

    def _check_size(self, document: Document, name: str | None, size: int) -> None:
        limit = self._limits.request
        if size > limit and not self._cost(document, name).takes_history:
            raise errors.over_limit("The request has too many bytes", PAYLOAD_TOO_LARGE, limit, size)

    def _cost(self, document: Document, name: str | None) -> Cost:
        if name not in document.costs:
            document.costs[name] = Cost(self._schema, document.operations[name], document.fragments)
        return document.costs[name]

    def _budget(self, document: Document, name: str | None, variables: Mapping[str, Any]) -> Budget:
        """Return what the operation may cost, and does. Raises RequestError when it costs more."""
        actual, limit = self._cost(document, name).of(variables), self._limits.cost
        if document.operations[name].operation is OperationType.SUBSCRIPTION:
            limit //= EVENTS
        if actual > limit:
            raise errors.over_limit("The result can have too many values", "TOO_COSTLY", limit, actual)
        return Budget(limit, actual)


def _invalid(found: list[GraphQLError]) -> RequestError:
    """Return the error of an invalid document, in our words where graphql-core's do not help the caller."""
    if [one.message for one in found] == ["Validation aborted."]:
        message = "The document is too complex: its fragments select too many fields together."
        return request_error(message, errors.VALIDATION_FAILED)
    if any("set_int_max_str_digits" in one.message for one in found):
        return request_error("A number in the document has too many digits.", errors.VALIDATION_FAILED)
    return errors.failed_request(found, errors.VALIDATION_FAILED)


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None
