"""What tests of imports and exports share."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from models import LOCAL_OWNER, Character, Database
from services import Services
from services.characters import CharacterOrder
from services.conversations import ConversationOrder, Listing
from services.importing.reports import Entry, Report
from services.importing.service import ImportService
from services.legacy import FORMAT
from services.legacy.forms import Form
from services.paging import PageArguments
from services.progress import Progress


class Old:
    """Imports and exports, and looks at what came of it."""

    def __init__(self, database: Database, services: Services, folder: Path) -> None:
        self.said = io.StringIO()
        self.database = database
        self.imports = ImportService(database, LOCAL_OWNER, FORMAT, Progress(self.said))
        self.services = services
        self.folder = folder

    async def bring(self, *paths: Path, form: Form | None = None) -> Report:
        return await self.imports.run(paths, form)

    async def entry(self, path: Path, name: str) -> Entry:
        """Imports one source, and returns what happened to one character."""
        [source] = (await self.bring(path)).sources
        assert source.problem is None
        return source.entries[name]

    def json_file(self, name: str, document: Any) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    async def characters(self) -> list[Character]:
        page = PageArguments(first=100)
        found = await self.services.characters.page(LOCAL_OWNER, CharacterOrder.CREATED_DESC, None, page)
        return list(reversed(found.nodes))

    async def character(self, name: str) -> Character:
        [found] = [each for each in await self.characters() if each.name == name]
        return found

    def listing(self) -> Listing:
        return Listing(ConversationOrder.CREATED_ASC)

    async def histories(self, character: Character) -> dict[str, list[dict[str, Any]]]:
        """Returns the character's histories by title."""
        [page] = await self.services.conversations.pages_of(
            LOCAL_OWNER, [character.id], self.listing(), PageArguments(first=100)
        )
        said = await self.services.chat_histories.of_conversations(LOCAL_OWNER, [each.id for each in page.nodes])
        return {each.title: history for each, history in zip(page.nodes, said, strict=True)}

    async def export(self, path: Path, character_id: str | None = None) -> None:
        await FORMAT.export(self.database, LOCAL_OWNER, path, character_id)

    async def given_back(self, name: str = "out", character_id: str | None = None) -> list[Any]:
        """Exports, and returns the documents in the order of their files' names."""
        await self.export(self.folder / name, character_id)
        return [json.loads(path.read_text(encoding="utf-8")) for path in sorted((self.folder / name).iterdir())]


@pytest.fixture
def old(database: Database, services: Services, tmp_path: Path) -> Old:
    return Old(database, services, tmp_path)
