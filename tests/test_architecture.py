"""The house rules: imports point one way, every module stands alone, and nothing grows too large."""

import ast
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import pytest

from tests.support.imports import imported_modules

ROOT = Path(__file__).parents[1]
LAYERS = ["models", "services", "resolvers", "schema", "app"]
SOURCES = sorted(
    path
    for layer in LAYERS
    for path in ([ROOT / "app.py"] if layer == "app" else (ROOT / layer).rglob("*.py"))
    if "node_modules" not in path.parts
)
TOP_LEVEL = {"app.py", "pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE"}
TOP_LEVEL |= {"requirements.txt", "requirements-server.txt", "requirements-test.txt"}
TOP_LEVEL |= {"Containerfile", "compose.yaml", "schema", "resolvers", "models", "services", "tests"}


def imported(path: Path) -> set[str]:
    """Return the top-level names of what a file imports."""
    return {name.split(".")[0] for name in imported_modules(path)}


def sources(layer: str) -> list[Path]:
    return [path for path in SOURCES if path.relative_to(ROOT).parts[0] in (layer, f"{layer}.py")]


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_imports_one_above_it(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    assert {str(path): bad for path in sources(layer) if (bad := imported(path) & above)} == {}


@pytest.mark.parametrize(
    ("layer", "foreign"),
    [
        ("models", {"strawberry", "graphql", "starlette", "uvicorn"}),
        ("services", {"strawberry", "graphql", "starlette", "uvicorn"}),
        ("resolvers", {"starlette", "uvicorn", "sqlalchemy"}),
        ("schema", {"sqlalchemy"}),
    ],
)
def test_no_layer_knows_a_library_of_another(layer: str, foreign: set[str]) -> None:
    assert {str(path): bad for path in sources(layer) if (bad := imported(path) & foreign)} == {}


def test_of_the_contract_only_two_modules_know_the_server_below() -> None:
    knowing = {path for path in sources("schema") if "uvicorn" in imported(path)}
    assert knowing == {ROOT / "schema" / "endpoint" / "http" / name for name in ("protocols.py", "server.py")}


def rooms() -> dict[str, set[str]]:
    """Return which rooms of services/ import which: packages, and modules beside them."""
    graph: dict[str, set[str]] = {}
    for path in sources("services"):
        room = path.relative_to(ROOT / "services").parts[0].removesuffix(".py")
        for name in imported_modules(path):
            first, _, rest = name.partition(".")
            if first == "services" and rest and rest.split(".")[0] != room and room != "__init__":
                graph.setdefault(room, set()).add(rest.split(".")[0])
    return graph


def test_the_rooms_of_services_import_each_other_in_one_direction() -> None:
    graph = rooms()
    assert graph["replies"]
    # Raises CycleError with the circle.
    order = list(TopologicalSorter(graph).static_order())
    for ground in ("engines", "broker"):
        assert graph.get(ground, set()) <= {"errors", "settings", "lru_cache"}, ground
    for top in ("importing", "legacy", "housekeeping"):
        assert [room for room in order if top in graph.get(room, set()) and room not in ("legacy",)] == []
    assert "legacy" not in graph["importing"]


def test_nobody_but_the_broker_announces_by_itself() -> None:
    """A service calls `broker.changed(session, …)` inside its write, where it cannot be forgotten."""
    callers = {
        str(path.relative_to(ROOT))
        for path in sources("services")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("announce", "tell_rows")
    }
    assert callers == {"services/broker/memory.py", "services/broker/relay.py"}


def test_only_models_name_a_table_itself() -> None:
    """Beside a mapped class in a statement, a table would not be bound to the session's owner."""
    outside = [path for layer in LAYERS[1:] for path in sources(layer)]
    assert [str(path) for path in outside if "__table__" in path.read_text()] == []


def test_only_the_endpoint_knows_the_http_server() -> None:
    outside = [path for path in sources("schema") if "endpoint" not in path.parts]
    assert [str(path) for path in outside if "starlette" in imported(path)] == []


def test_the_contract_declares_and_does_not_act() -> None:
    declarations = [path for path in sources("schema") if path.parent.name == "schema"]
    waiting = [
        (path.name, node.name)
        for path in declarations
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.AsyncFunctionDef)
    ]
    assert waiting == [("binding.py", "resolve_async")]


FIRST_IMPORTS = """
import importlib, os, sys
import aiohttp, alembic.command, pydantic_settings, sqlalchemy.ext.asyncio, starlette.applications, uvicorn
import strawberry.asgi, strawberry.dataloader, strawberry.extensions

def import_below(parent):
    for name in sys.argv[1:]:
        if name.rpartition(".")[0] == parent:
            if os.fork() == 0:
                importlib.import_module(name)
                import_below(name)
                os._exit(0)
            if os.wait()[1]:
                sys.exit(f"{name} cannot be the first import.")

import_below("")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_every_module_works_as_the_first_import() -> None:
    """Only its own packages are imported before it, as Python itself does; a circular import shows only then."""
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in SOURCES]
    modules = [name.removesuffix(".__init__") for name in modules if not name.endswith((".env", "local_child"))]
    modules = [name for name in modules if ".versions." not in name]
    # A module whose package is not among them would not be reached.
    assert {name.rpartition(".")[0] for name in modules} <= {"", *modules}
    command = [sys.executable, "-c", FIRST_IMPORTS, *modules]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr[-2000:]


def test_modules_and_functions_stay_small() -> None:
    long_modules = [path.name for path in SOURCES if len(path.read_text().splitlines()) > 300]
    assert long_modules == []
    functions = [
        (path.name, node)
        for path in SOURCES
        if "versions" not in path.parts
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {(name, node.name): (node.end_lineno or 0) - node.lineno + 1 for name, node in functions}
    assert [place for place, length in lengths.items() if length > 40] == []
    assert median(lengths.values()) <= 8


def test_every_module_says_what_it_is_for() -> None:
    assert [path.name for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_the_top_level_is_what_the_house_says() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tops = {line.split("/")[0] for line in listed.splitlines()}
    assert {name for name in tops if not name.startswith(".")} <= TOP_LEVEL
