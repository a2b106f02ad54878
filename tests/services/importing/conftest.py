"""The fixture that imports the old program's files: imports are tested with a real format."""

from tests.services.legacy.conftest import Old, old

__all__ = ["Old", "old"]
