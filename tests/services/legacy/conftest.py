"""What tests of imports and exports share."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from models import Character, Database
from services import LOCAL_OWNER, Services
from services.characters import CharacterOrder
from services.conversations import ConversationOrder, Listing
from services.legacy.exports import ExportService
from services.legacy.findings import Form
from services.legacy.imports import ImportService
from services.legacy.progress import Progress
from services.legacy.reports import Entry, Report
from services.paging import PageWish


class Old:
    """Imports and exports, and looks at what came of it."""

    def __init__(self, database: Database, services: Services, folder: Path) -> None:
        self.said = io.StringIO()
        self.imports = ImportService(database, LOCAL_OWNER, Progress(self.said))
        self.exports = ExportService(database, LOCAL_OWNER)
        self.services = services
        self.folder = folder

    async def bring(self, *paths: Path, form: Form | None = None) -> Report:
        return await self.imports.run(paths, form)

    async def entry(self, path: Path, name: str) -> Entry:
        """Import one source and return what happened to one character."""
        [source] = (await self.bring(path)).sources
        assert source.problem is None
        return source.entries[name]

    def json_file(self, name: str, document: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    async def characters(self) -> list[Character]:
        page = PageWish(first=100)
        return (await self.services.characters.page(LOCAL_OWNER, CharacterOrder.CREATED_DESC, None, page)).nodes[
            ::-1
        ]

    async def character(self, name: str) -> Character:
        [found] = [each for each in await self.characters() if each.name == name]
        return found

    def listing(self) -> Listing:
        return Listing(ConversationOrder.CREATED_ASC)

    async def histories(self, character: Character) -> dict[str, list[dict[str, Any]]]:
        """Return the character's histories by title."""
        [page] = await self.services.conversations.pages_of([character.id], self.listing(), PageWish(first=100))
        said = await self.services.histories.chat_histories([each.id for each in page.nodes])
        return {each.title: history for each, history in zip(page.nodes, said, strict=True)}

    async def given_back(self, name: str = "out", character_id: str | None = None) -> list[Any]:
        """Export, and return the documents by file name."""
        await self.exports.run(self.folder / name, character_id)
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((self.folder / name).iterdir())]


@pytest.fixture
def old(database: Database, services: Services, tmp_path: Path) -> Old:
    return Old(database, services, tmp_path)
