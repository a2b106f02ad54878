"""A fresh context for each operation: a WebSocket carries many, and none may read what another loaded."""

from collections.abc import Iterator

from strawberry.extensions import SchemaExtension


class FreshContext(SchemaExtension):
    def on_operation(self) -> Iterator[None]:
        self.execution_context.context = self.execution_context.context.fresh()
        yield
