"""`importing` knows no format, and nothing below imports either of them."""

from pathlib import Path

import services
from tests.support.imports import imported_modules

FOLDER = Path(services.__file__).parent


def importers_of(package: str, folder: Path = FOLDER) -> set[str]:
    """Returns the packages and modules under the folder that import the package."""
    return {
        path.relative_to(folder).parts[0]
        for path in folder.rglob("*.py")
        if any(f"{name}.".startswith(f"services.{package}.") for name in imported_modules(path))
    }


def test_importing_imports_no_format() -> None:
    assert importers_of("legacy", FOLDER / "importing") == set()


def test_no_service_below_imports_importing_or_a_format() -> None:
    assert importers_of("legacy") == {"legacy"}
    assert importers_of("importing") == {"importing", "legacy"}
