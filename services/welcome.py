"""An example character for the first start, so that the first query shows something."""

from services.characters import CharacterService
from services.conversations import ConversationService

_AYLA = {
    "name": "Ayla",
    "description": (
        "Ayla keeps the lighthouse at Kestrel Point, alone but for a one-eyed cat called Admiral. She reads the "
        "weather like other people read letters, bakes at midnight, and knows a story for every wreck on the reef."
    ),
    "personality": "Warm, curious and a little wry. She asks questions back, and never hurries.",
    "scenario": (
        "{{user}} has come up the stairs of the lighthouse out of the rain. The lamp is lit, the kettle is on."
    ),
    "greeting": (
        "*The door bangs shut behind you and the storm goes quiet.* Well, that is weather to be indoors in. "
        "Sit down, {{user}}, Admiral will move if you look at him long enough. Tea? And then tell me what "
        "brings you up a hundred and twelve steps on a night like this."
    ),
    "alternate_greetings": [
        (
            "*She does not look up from the logbook.* Wind north-west, force nine, one visitor, dripping. "
            "There. You are part of the record now. What shall I write down as your reason?"
        )
    ],
    "tags": ["example"],
}


async def welcome_user(characters: CharacterService, conversations: ConversationService, owner: str) -> None:
    """Welcomes a new user, unless there are chats already, which the first admin takes over."""
    if not await characters.count(owner):
        await welcome(characters, conversations, owner)


async def welcome(characters: CharacterService, conversations: ConversationService, owner: str) -> None:
    """Creates the example character and a conversation with her."""
    ayla = await characters.create(owner, _AYLA)
    await conversations.create(owner, ayla.id, {})
