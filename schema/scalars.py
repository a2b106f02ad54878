"""Moments as clients see them."""

from datetime import UTC, datetime

import strawberry
from strawberry.schema.config import StrawberryConfig


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


CONFIG = StrawberryConfig(
    scalar_map={
        datetime: strawberry.scalar(
            name="DateTime",
            description="A moment in time: RFC 3339, in UTC, with milliseconds.",
            specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
            serialize=_written,
            parse_value=datetime.fromisoformat,
        )
    }
)
