"""Batches of the loaders: one for the keys of a tick, cut by the rows that they can have."""

import asyncio

from resolvers.loaders import BATCH_ROWS, Loader


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
