"""Checking how replies are to be generated, and changing it field by field."""

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
    "max_tokens": (1, 1_000_000),
    "seed": (-(1 << 31), (1 << 31) - 1),
}


def generation_with(old: Generation, fields: Mapping[str, Any] | None) -> Generation:
    """Return the settings with `fields` changed; None clears a field, or all of them.

    Raises InvalidInput for a value out of its range.
    """
    if fields is None:
        return Generation()
    for field, (least, most) in _RANGES.items():
        value = fields.get(field)
        if value is not None and not least <= value <= most:
            raise InvalidInput(f"This goes from {least} to {most}.", "generation", field)
    if (model := fields.get("model")) is not None:
        checking.name(model, "generation", "model")
    if (stop := fields.get("stop")) is not None:
        _check_stops(stop)
    return replace(old, **fields)


def _check_stops(stops: list[str]) -> None:
    if len(stops) > _MOST_STOPS:
        raise InvalidInput(f"At most {_MOST_STOPS} texts fit here.", "generation", "stop")
    for index, text in enumerate(stops):
        if not text:
            raise InvalidInput("An empty text would stop every reply.", "generation", "stop", index)
        checking.text(text, "generation", "stop", index, limit=checking.NAME_LENGTH)
