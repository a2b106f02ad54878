"""Which files are imported, and in which order."""

from pathlib import Path

from tests.services.importing.conftest import Old
from tests.services.legacy.old_files import old_db


async def test_a_folder_is_read_without_what_is_hidden_or_inside(old: Old) -> None:
    folder = old.folder / "files"
    (folder / "deeper").mkdir(parents=True)
    for name in ("a.json", ".b.json", "deeper/c.json"):
        old.json_file(f"files/{name}", {"name": name, "prompt": "s"})
    assert [entry.name for entry in (await old.bring(folder, folder / "a.json")).entries] == ["a.json"]


async def test_a_missing_file_and_an_empty_folder_are_told(old: Old) -> None:
    [source] = (await old.bring(Path("nowhere.json"))).sources
    assert source.problem == "it cannot be read (No such file or directory)"
    (old.folder / "empty").mkdir()
    assert (await old.bring(old.folder / "empty")).code == 2


async def test_one_unusable_source_does_not_keep_the_others_out(old: Old, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    report = await old.bring(tmp_path / "empty", old_db(tmp_path / "old.db"))
    assert ([source.status for source in report.sources], report.code) == (["imported", "unusable"], 1)
