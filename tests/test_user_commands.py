"""The command `user`, and `import` and `export` for a user."""

import io
from pathlib import Path

import pytest

import app
from tests.services.legacy.old_files import old_db


@pytest.fixture(autouse=True)
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPARTEE_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/data/repartee.db")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):
    def run(*arguments: str) -> tuple[int, str]:
        code = app.main(arguments)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


def names(listed: str) -> list[tuple[str, ...]]:
    return [tuple(line.split()[1:]) for line in listed.splitlines()]


def test_users_come_and_go_by_the_console(run, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = run("user", "add", "Ada", "--admin")
    assert (code, len(said.split()[-1])) == (0, 29)
    monkeypatch.setattr("sys.stdin", io.StringIO("a long password of Bob\n"))
    assert run("user", "add", "Bob", "--ask-password")[0] == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    assert run("user", "add", "Eve", "--ask-password") == (2, "A password must have 12 to 256 characters.\n")
    assert run("user", "add", "bob")[0] == 2
    listed = names(run("user", "list")[1])
    assert listed == [("ADMIN", "ACTIVE", "Ada"), ("USER", "ACTIVE", "Bob")]
    assert run("user", "disable", "bob")[0] == 0
    assert names(run("user", "list")[1])[1] == ("USER", "DISABLED", "Bob")
    assert run("user", "disable", "Bob", "--undo")[0] == 0
    assert run("user", "password", "Bob")[1].split()[-1].count("-") == 4
    monkeypatch.setattr("sys.stdin", io.StringIO("Somebody\n"))
    assert run("user", "delete", "Bob")[0] == 2
    monkeypatch.setattr("sys.stdin", io.StringIO("Bob\n"))
    assert run("user", "delete", "Bob")[0] == 0
    assert run("user", "delete", "--yes", "Ada") == (2, "This is the last admin. Make another one first.\n")
    assert run("user", "password", "Bob") == (2, 'There is no user with the name "Bob".\n')
    assert names(run("user", "list")[1]) == [("ADMIN", "ACTIVE", "Ada")]


def test_two_users_import_the_same_file(run, tmp_path: Path) -> None:
    old = str(old_db(tmp_path / "old.db"))
    for name in ("Ada", "Bob"):
        run("user", "add", name)
        assert run("import", old, "--user", name)[0] == 0
    folders = [tmp_path / name for name in ("Ada", "Bob")]
    for folder in folders:
        assert run("export", str(folder), "--user", folder.name)[0] == 0
    exported = [sorted(path.name for path in folder.rglob("*.json")) for folder in folders]
    assert exported[0] == exported[1]
    assert len(exported[0]) > 3
    assert run("import", old, "--user", "Eve") == (2, 'There is no user with the name "Eve".\n')
