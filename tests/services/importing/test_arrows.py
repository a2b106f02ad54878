"""`importing` knows no format, and nothing below imports either of them."""

import ast
from pathlib import Path

import services

FOLDER = Path(services.__file__).parent


def imported(path: Path) -> set[str]:
    """Returns the modules of services that a file imports, by full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.startswith("services.")}


def importers_of(package: str, folder: Path = FOLDER) -> set[str]:
    """Returns the packages and modules under the folder that import the package."""
    return {
        path.relative_to(folder).parts[0]
        for path in folder.rglob("*.py")
        if any(f"{name}.".startswith(f"services.{package}.") for name in imported(path))
    }


def test_importing_imports_no_format() -> None:
    assert importers_of("legacy", FOLDER / "importing") == set()


def test_no_service_below_imports_importing_or_a_format() -> None:
    assert importers_of("legacy") == {"legacy"}
    assert importers_of("importing") == {"importing", "legacy"}
