"""Batches of the loaders: one for the keys of a tick, cut by the rows that they can have."""

import asyncio

from models import LOCAL_OWNER, new_key
from resolvers.loaders import BATCH_ROWS, Loader, Loaders
from services import Services
from services.conversations import Listing
from services.paging import PageArguments
from tests.support.client import Client
from tests.support.makers import make_character


async def sizes_of_batches(*rows: int) -> list[int]:
    sizes = []

    async def load(keys: list[tuple[int, int]]) -> list[int]:
        sizes.append(sum(rows for _, rows in keys))
        return [rows for _, rows in keys]

    loader = Loader(load, lambda key: key[1])
    keys = list(enumerate(rows))
    assert await asyncio.gather(*map(loader.load, [*keys, *keys])) == [*rows, *rows]
    return sizes


async def test_keys_of_few_rows_are_one_batch() -> None:
    assert await sizes_of_batches(*[10] * 100) == [BATCH_ROWS]


async def test_keys_of_many_rows_are_several() -> None:
    assert await sizes_of_batches(*[50] * 41) == [BATCH_ROWS, BATCH_ROWS, 50]
    assert await sizes_of_batches(900, 200, 5000, 1) == [900, 200, 5000, 1]


async def test_what_is_wrong_with_one_field_is_no_matter_of_another(client: Client, services: Services) -> None:
    character = await make_character(services)
    document = """query ($id: ID!, $search: String!) { character(id: $id) {
        bad: conversations(search: $search) { id } good: conversations { id } usage: name } }"""
    error = await client.fail(document, id=character.id, search="x" * 300)
    assert error["path"] == ["character", "bad"]


async def test_many_short_pages_are_read_in_several_statements(services: Services) -> None:
    """SQLite joins at most 500 queries in one."""
    loaders = Loaders(services, LOCAL_OWNER)
    keys = [(new_key("char"), Listing(), PageArguments(first=0)) for _ in range(1001)]
    pages = await asyncio.gather(*map(loaders.conversations_of.load, keys))
    assert [list(page.nodes) for page in pages] == [[]] * 1001
