"""What every resolver of one operation shares."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

import strawberry

from resolvers.loaders import Loaders
from services import LOCAL_OWNER, Services

T = TypeVar("T")


@dataclass
class Context:
    """`owner` is on whose behalf things are done."""

    services: Services
    owner: str = LOCAL_OWNER
    loaders: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Load everything anew from here on, because it may have changed."""
        self.loaders = Loaders(self.services)

    async def anew(self, events: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
        """Give a subscription's events on, each with everything loaded anew."""
        async with aclosing(events) as open_events:
            async for event in open_events:
                self.forget()
                yield event

    def fresh(self) -> "Context":
        """Return a context for another operation of the same caller."""
        return Context(self.services, self.owner)


Info = strawberry.Info[Context, None]
