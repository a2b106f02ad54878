"""GraphQL scalar DateTime, and the configuration of the schema."""

from datetime import UTC, datetime

import strawberry
from strawberry.schema.config import StrawberryConfig


def _serialize(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


CONFIG = StrawberryConfig(
    scalar_map={
        datetime: strawberry.scalar(
            name="DateTime",
            description="A date and time as RFC 3339 text: in UTC, with milliseconds.",
            specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
            serialize=_serialize,
            parse_value=datetime.fromisoformat,
        )
    }
)
