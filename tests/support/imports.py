"""What a file of the project imports, without importing it."""

import ast
from pathlib import Path


def imported_modules(path: Path) -> set[str]:
    """Return the modules a file imports, `from services import x` as services.x."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= (
                {f"{node.module}.{alias.name}" for alias in node.names} if node.module == "services" else set()
            )
            names.add(node.module or "")
    return names
