"""What deployments are made of: each file is checked by the tool of its kind, which is seen to find a fault."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from services.settings import Settings
from tests.support.makers import until
from tests.support.processes import ROOT, environment

CONTAINERFILE = (ROOT / "Containerfile").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
README = (ROOT / "README.md").read_text()
[UNIT] = re.findall(r"^```ini\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def tool(name: str) -> str:
    """Returns the path of a tool that the test requirements install, or that the system has."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def checked(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def broken(text: str, part: str, other: str) -> str:
    assert text.count(part) == 1, part
    return text.replace(part, other)


def lint(folder: Path, containerfile: str) -> tuple[int, str]:
    path = folder / "Containerfile"
    path.write_text(containerfile)
    return checked(tool("hadolint"), str(path))


def test_the_containerfile_is_clean(tmp_path: Path) -> None:
    assert lint(tmp_path, CONTAINERFILE) == (0, "")


@pytest.mark.parametrize(
    ("part", "other", "found"),
    [
        ('CMD ["python", "app.py"]', "CMD python app.py", "DL3025"),
        ("python:3.11-slim-bookworm", "python", "DL3006"),
        (" --no-cache-dir", "", "DL3042"),
    ],
)
def test_a_fault_in_the_containerfile_is_found(part: str, other: str, found: str, tmp_path: Path) -> None:
    code, said = lint(tmp_path, broken(CONTAINERFILE, part, other))
    assert (code, found in said) == (1, True), said


def validate(folder: Path, compose: str) -> tuple[int, str]:
    path = folder / "compose.yaml"
    path.write_text(compose)
    return checked(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", str(path))


def test_the_compose_file_is_what_its_schema_says(tmp_path: Path) -> None:
    code, said = validate(tmp_path, COMPOSE)
    assert code == 0, said


def test_a_fault_in_the_compose_file_is_found(tmp_path: Path) -> None:
    code, said = validate(tmp_path, broken(COMPOSE, "    depends_on:", "    depend_on:"))
    assert (code, "depend_on" in said) == (1, True), said


def test_the_compose_file_opens_nothing_to_others_and_wants_secrets() -> None:
    assert re.findall(r"^    ports:\n(?:      #.*\n)?((?:      - .*\n)+)", COMPOSE, re.MULTILINE) == [
        '      - "127.0.0.1:8000:8000"\n'
    ]
    assert re.findall(r"REPARTEE_TOKEN: \$\{REPARTEE_TOKEN:\?", COMPOSE)
    # The server cannot be started without a token, and none stands in the file.
    assert set(re.findall(r"\$\{(\w+):\?", COMPOSE)) == {"REPARTEE_TOKEN", "POSTGRES_PASSWORD"}


def verify(folder: Path, unit: str) -> tuple[int, str]:
    """Verifies the unit as if the checkout, and the interpreter that is running, were where it expects them."""
    path = folder / "repartee.service"
    here = unit.replace("/opt/repartee/.venv/bin/python", sys.executable).replace("/opt/repartee", str(ROOT))
    path.write_text(here)
    return checked(tool("systemd-analyze"), "verify", "--man=no", str(path))


def test_the_unit_is_clean(tmp_path: Path) -> None:
    code, said = verify(tmp_path, UNIT)
    assert (code, [line for line in said.splitlines() if "repartee" in line]) == (0, []), said


@pytest.mark.parametrize(
    ("part", "other", "found"),
    [
        ("TimeoutStopSec=70", "TimeoutStopSecs=70", "'TimeoutStopSecs'"),
        ("ProtectSystem=strict", "ProtectSystem=strictly", "strictly"),
        ("/.venv/bin/python app.py", "/.venv/bin/pithon app.py", "not executable"),
    ],
)
def test_a_fault_in_the_unit_is_found(part: str, other: str, found: str, tmp_path: Path) -> None:
    assert found in verify(tmp_path, broken(UNIT, part, other))[1]


@pytest.mark.parametrize("text", [CONTAINERFILE, COMPOSE, README])
def test_every_setting_that_is_named_exists(text: str) -> None:
    names = set(re.findall(r"REPARTEE_([A-Z_]+[A-Z])", text))
    assert names
    assert names - {name.upper() for name in Settings.model_fields} == set()


@pytest.fixture(scope="module")
def container(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the Containerfile makes it: what it copies, and a virtual environment with what it installs."""
    folder = tmp_path_factory.mktemp("container")
    for *sources, target in (
        shlex.split(line)[1:] for line in CONTAINERFILE.splitlines() if line.startswith("COPY")
    ):
        for source in sources:
            copied(ROOT / source, folder / target / source if target.endswith("/") else folder / target)
    venv.create(folder / ".venv", with_pip=True)
    [install] = re.findall(r"^RUN (pip install .*)$", CONTAINERFILE, re.MULTILINE)
    # The container keeps no cache; here it saves the download.
    command = [str(folder / ".venv/bin/python"), "-m", *shlex.split(install.replace(" --no-cache-dir", ""))]
    done = subprocess.run([*command, "--quiet"], cwd=folder, capture_output=True, text=True, check=False)
    if "No matching distribution" in done.stderr or "Could not fetch URL" in done.stderr:
        pytest.skip("pip cannot fetch the packages")
    assert done.returncode == 0, done.stderr
    return folder


def copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("source", "__pycache__", "node_modules"))
    else:
        shutil.copy(source, target)


def test_the_image_has_every_library_that_the_packages_are_linked_with(container: Path) -> None:
    """An image of Python on Debian has the libraries of glibc and GCC, but for OpenMP."""
    objects = [str(path) for path in (container / ".venv").rglob("*.so*")]
    _, said = checked(tool("ldd"), *objects)
    found = re.findall(r"^\s+(lib[\w+]+)\.so\S* => (.*)$", said, re.MULTILINE)
    linked = {name for name, path in found if not path.startswith(str(container))}
    missing = linked - {"libc", "libpthread", "libm", "librt", "libdl", "libgcc_s", "libstdc++"}
    [installed] = re.findall(r"--no-install-recommends (.*?) &&", CONTAINERFILE)
    assert missing <= {name.rstrip("0123456789") for name in installed.split()}
    assert "libgomp" in missing


async def test_the_command_of_the_container_serves_with_nothing_but_what_is_in_it(
    container: Path, tmp_path: Path
) -> None:
    [command] = re.findall(r"^CMD (\[.*\])$", CONTAINERFILE, re.MULTILINE)
    program, *arguments = json.loads(command)
    given = environment(tmp_path, TOKEN="0123456789abcdef", HOST="127.0.0.1")
    process = await asyncio.create_subprocess_exec(
        str(container / ".venv/bin" / program),
        *arguments,
        cwd=container,
        env={name: value for name, value in given.items() if name != "PYTHONPATH"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        [url] = re.findall(r"http://[^/\s]+", "".join(lines))
        await until(lambda: is_healthy(url))
        [check] = re.findall(r'"(from urllib.*?)"\]', CONTAINERFILE)
        check = check.replace("http://127.0.0.1:8000", url)
        checking = await asyncio.create_subprocess_exec(sys.executable, "-c", check)
        assert await checking.wait() == 0
    finally:
        process.terminate()
        await process.communicate()


def is_healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/health", timeout=5) as response:
            return bool(response.status == 200)
    except URLError:
        return False
