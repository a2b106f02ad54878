"""Times as the old program wrote them: naive, in UTC. What is none is None; no time is made up."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

UNTITLED = "Previous conversation"


def moment(value: Any) -> datetime | None:
    try:
        read = datetime.fromisoformat(value)
        return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None


def created_at(values: Mapping[str, Any]) -> datetime | None:
    return moment(values.get("created_at"))


def active_at(values: Mapping[str, Any]) -> datetime | None:
    """Return when somebody last spoke, as far as the times make sense."""
    created, updated = created_at(values), moment(values.get("updated_at"))
    return max(updated, created) if updated and created else updated or created


def title_since(created: datetime | None) -> str:
    """Return the title for a history that was kept in its character."""
    return UNTITLED + (f" ({created:%Y-%m-%d})" if created else "")
