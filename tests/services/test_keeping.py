"""Keeping characters and conversations: what may be stored, how changes merge, and how lists are paged."""

from typing import Any

import pytest

from models import LOCAL_OWNER, TitleSource
from services import Services
from services.characters import CharacterOrder
from services.conversations import ConversationOrder, Listing
from services.errors import InvalidCursor, InvalidInput, NotFound, VersionConflict
from services.paging import Page, PageArguments, page_arguments
from tests.support.makers import make_character, make_conversation


async def names(services: Services, search: str | None = None, **page: Any) -> list[str]:
    found = await services.characters.page(LOCAL_OWNER, CharacterOrder.NAME_ASC, search, page_arguments(**page))
    return [character.name for character in found.nodes]


async def test_search_and_order_do_not_regard_case(services: Services) -> None:
    for name in ("zeynep", "Çağ", "Ada", "İSTANBUL", "100%_sure"):
        await make_character(services, name)
    assert await names(services) == ["100%_sure", "Ada", "İSTANBUL", "zeynep", "Çağ"]
    assert await names(services, "ÇAĞ") == ["Çağ"]
    assert await names(services, "istanbul") == ["İSTANBUL"]
    assert await names(services, "%_s") == ["100%_sure"]
    assert await names(services, "a%a") == []


@pytest.mark.parametrize("kind", [CharacterOrder, ConversationOrder])
async def test_each_key_sorts_in_both_directions(services: Services, kind: Any) -> None:
    characters = [await make_character(services, name) for name in ("Bo", "ada", "Cem")]
    for character in characters:
        await make_conversation(services, character, title=f"with {character.name}")

    async def ids(order: Any) -> list[str]:
        if kind is CharacterOrder:
            page: Page[Any] = await services.characters.page(LOCAL_OWNER, order, None, page_arguments())
        else:
            page = await services.conversations.page(LOCAL_OWNER, Listing(order), page_arguments())
        return [one.id for one in page.nodes]

    for key in {order.rpartition("_")[0] for order in kind}:
        ascending = await ids(kind[f"{key}_ASC"])
        assert len(ascending) == 3
        assert ascending == (await ids(kind[f"{key}_DESC"]))[::-1]


async def test_pages_meet_without_gap_or_overlap_in_either_direction(services: Services) -> None:
    for number in range(7):
        await make_character(services, f"same {number % 2}")
    whole = await services.characters.page(LOCAL_OWNER, CharacterOrder.NAME_ASC, None, page_arguments(first=100))
    ids = [one.id for one in whole.nodes]
    forward, after = [], None
    while True:
        page = await services.characters.page(
            LOCAL_OWNER, CharacterOrder.NAME_ASC, None, page_arguments(first=3, after=after)
        )
        forward += [one.id for one in page.nodes]
        if not page.has_next:
            break
        after = page.cursors[-1]
    assert forward == ids
    backward, before = [], None
    while True:
        page = await services.characters.page(
            LOCAL_OWNER, CharacterOrder.NAME_ASC, None, page_arguments(last=2, before=before)
        )
        backward = [one.id for one in page.nodes] + backward
        if not page.has_previous:
            break
        before = page.cursors[0]
    assert backward == ids


async def test_every_order_has_cursors_that_only_it_accepts(services: Services) -> None:
    character = await make_character(services)
    for number in range(4):
        await services.conversations.create(LOCAL_OWNER, character.id, {"title": f"Talk {number}"})
    cursors = []
    for order in ConversationOrder:
        first = await services.conversations.page(
            LOCAL_OWNER, Listing(order), page_arguments(first=2), character.id
        )
        rest = await services.conversations.page(
            LOCAL_OWNER, Listing(order), page_arguments(first=9, after=first.cursors[-1]), character.id
        )
        assert len({one.id for one in [*first.nodes, *rest.nodes]}) == 4
        cursors.append(first.cursors[0])
    for cursor in [*cursors[1:], "", "x", "W10", "bm90anNvbg", "ç"]:
        with pytest.raises(InvalidCursor):
            await services.conversations.page(
                LOCAL_OWNER, Listing(), page_arguments(first=2, after=cursor), character.id
            )


@pytest.mark.parametrize(
    "page", [{"first": -1}, {"first": 101}, {"last": -1}, {"last": 101}, {"first": 1, "last": 1}]
)
def test_a_page_of_no_size_is_refused(page: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        page_arguments(**page)


async def test_an_empty_page_is_empty(services: Services) -> None:
    await make_character(services)
    assert await names(services, first=0) == []
    assert page_arguments() == PageArguments(first=20)


async def test_an_update_changes_what_is_given_and_null_clears(services: Services) -> None:
    made = await make_character(
        services,
        description="Old",
        greeting="Hi",
        tags=["a"],
        generation={"temperature": 0.5, "model": "m"},
        metadata={"a": 1, "b": {"c": 2}},
    )
    changed = await services.characters.update(
        LOCAL_OWNER,
        made.id,
        {"greeting": None, "generation": {"temperature": None, "seed": 3}, "metadata": {"a": None, "d": 4}},
    )
    assert (changed.description, changed.greeting, changed.tags) == ("Old", None, ["a"])
    assert (changed.generation.temperature, changed.generation.model, changed.generation.seed) == (None, "m", 3)
    assert changed.extra == {"b": {"c": 2}, "d": 4}
    assert changed.version == made.version + 1
    same = await services.characters.update(LOCAL_OWNER, made.id, {"description": "Old"})
    assert same.version == changed.version


async def test_a_lost_update_is_refused_and_shows_what_is_there(services: Services) -> None:
    made = await make_character(services, "Ada")
    await services.characters.update(LOCAL_OWNER, made.id, {"name": "Ada L."}, expected_version=1)
    with pytest.raises(VersionConflict) as refusal:
        await services.characters.update(LOCAL_OWNER, made.id, {"name": "Mine"}, expected_version=1)
    assert refusal.value.current.name == "Ada L."
    conversation = await make_conversation(services)
    await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "A"}, expected_version=1)
    with pytest.raises(VersionConflict) as other:
        await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": "B"}, expected_version=1)
    assert other.value.current.title == "A"


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": "  "}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"description": "a\0"}, ["description"]),
        ({"personality": "\ud83d"}, ["personality"]),
        ({"alternate_greetings": ["fine", "\0"]}, ["alternate_greetings", "1"]),
        ({"tags": ["x"] * 101}, ["tags"]),
        ({"metadata": [1]}, ["metadata"]),
        ({"metadata": {"a": [float("inf")]}}, ["metadata", "a", "0"]),
        ({"metadata": {"a": {"\0": 1}}}, ["metadata", "a"]),
        ({"generation": {"temperature": 3}}, ["generation", "temperature"]),
        ({"generation": {"stop": [""]}}, ["generation", "stop", "0"]),
    ],
)
async def test_a_refusal_names_what_is_to_blame(
    fields: dict[str, Any], path: list[str], services: Services
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        await services.characters.create(LOCAL_OWNER, {"name": "Ada", **fields})
    assert refusal.value.path == path
    assert await names(services) == []


async def test_a_new_conversation_is_titled_until_somebody_names_it(services: Services) -> None:
    conversation = await make_conversation(services)
    assert (conversation.title, conversation.title_source) == ("New conversation", TitleSource.DEFAULT)
    named = await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": " Tea "})
    assert (named.title, named.title_source) == ("Tea", TitleSource.USER)
    unnamed = await services.conversations.update(LOCAL_OWNER, conversation.id, {"title": None})
    assert (unnamed.title, unnamed.title_source) == ("New conversation", TitleSource.DEFAULT)


async def test_the_same_key_opens_one_conversation(services: Services) -> None:
    character = await make_character(services, greeting="Hi")
    one = await services.conversations.create(LOCAL_OWNER, character.id, {}, True, "key")
    two = await services.conversations.create(LOCAL_OWNER, character.id, {}, True, "key")
    assert one.id == two.id
    first = await services.characters.create(LOCAL_OWNER, {"name": "Bo"}, "key")
    second = await services.characters.create(LOCAL_OWNER, {"name": "Bo"}, "key")
    assert first.id == second.id


async def test_deleting_a_character_takes_its_conversations_along(services: Services) -> None:
    conversation = await make_conversation(services)
    await services.characters.delete(LOCAL_OWNER, conversation.character_id)
    assert await services.conversations.by_ids(LOCAL_OWNER, [conversation.id]) == [None]
    with pytest.raises(NotFound):
        await services.conversations.create(LOCAL_OWNER, conversation.character_id, {})
