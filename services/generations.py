"""Generation settings from outside: validation, and changes field by field."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from models import Generation
from services import checking
from services.errors import InvalidInput

_MOST_STOPS = 8
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "min_p": (0, 1),
    "top_k": (0, 1_000_000),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
    "max_tokens": (1, 1_000_000),
    "seed": (-(1 << 31), (1 << 31) - 1),
}


def generation_with(old: Generation, fields: Mapping[str, Any] | None) -> Generation:
    """Returns the settings with `fields` changed; None clears a field, or all of them.

    Raises InvalidInput for a value out of its range.
    """
    if fields is None:
        return Generation()
    for field, (least, most) in _RANGES.items():
        value = fields.get(field)
        if value is not None and not least <= value <= most:
            raise InvalidInput(
                f"{_shown(field)} must be between {least} and {most}; got {value}.", "generation", field
            )
    if (model := fields.get("model")) is not None:
        checking.name(model, "generation", "model")
    if (stop := fields.get("stop")) is not None:
        _check_stops(stop)
    return replace(old, **fields)


def _check_stops(stops: list[str]) -> None:
    if len(stops) > _MOST_STOPS:
        raise InvalidInput(f"Too many stop texts: {len(stops)}; the limit is {_MOST_STOPS}.", "generation", "stop")
    for index, text in enumerate(stops):
        if not text:
            raise InvalidInput(
                "A stop text must not be empty: it would end every reply at once.", "generation", "stop", index
            )
        checking.text(text, "generation", "stop", index, limit=checking.NAME_LENGTH)


def _shown(field: str) -> str:
    """Returns the field's name as the API has it."""
    first, *rest = field.split("_")
    return first + "".join(map(str.title, rest))
