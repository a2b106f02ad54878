"""The read benchmarks ask what the server can answer."""

import pytest

from models import Database
from tests.benchmarks.library import Size, store_ours
from tests.benchmarks.questions import leaves, questions
from tests.support.client import Client


@pytest.fixture
async def library(database: Database) -> None:
    assert database.url.database
    await store_ours(database.url.database, Size(characters=10, crowd=20))


@pytest.mark.sqlite
async def test_the_server_answers_each_question_of_the_benchmarks_in_full(library: None, client: Client) -> None:
    asked = {one.name: (await client.http.post(client.url, json=one.ours())).json() for one in questions()}
    assert not any("errors" in answer for answer in asked.values()), asked
    assert {name: leaves(answer["data"]) for name, answer in asked.items()} == {
        one.name: one.leaves for one in questions()
    }
