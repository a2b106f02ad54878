"""Macros in the texts of a character."""

import re
from dataclasses import dataclass

_MACRO = re.compile(r"\{\{(char|user)\}\}", re.IGNORECASE)


@dataclass(frozen=True)
class Names:
    """Values of the macros `{{char}}` and `{{user}}`."""

    char: str
    user: str

    def expand_macros(self, text: str) -> str:
        """Replaces the macros once; macros inside a name are not expanded."""
        return _MACRO.sub(lambda match: self.char if match[1].lower() == "char" else self.user, text)
