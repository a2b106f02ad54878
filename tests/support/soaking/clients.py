"""What a client of a soak asks: random operations on conversations that all clients share."""

import asyncio
import itertools
from typing import Any

import httpx2

from tests.support.soaking.asking import READ, Asker, Place, World
from tests.support.soaking.ledger import Request, Row

# Conversations that are shared: above that one is deleted for each new one.
MOST_PLACES, LEAST_PLACES = 7, 4

_READ_HISTORY = "query ($id: ID!) { conversation(id: $id) { id historyVersion chatHistory } }"
_WORDS = [
    "the",
    "harbour",
    "tells",
    "😀",
    "stories",
    "Übermut",
    "of",
    "𝄞",
    "lanterns",
    "nobody",
    "kept",
    "while",
    "winter",
    "waited",
    "for",
    "é",
    "letters",
]
_WEIGHTS = {
    "send_message": 26,
    "request_reply": 5,
    "regenerate_reply": 6,
    "continue_reply": 6,
    "add_alternative": 5,
    "stop_reply": 7,
    "select_alternative": 7,
    "edit_message": 7,
    "delete_message": 3,
    "update_chat_history": 3,
    "clear_history": 0.5,
    "open_conversation": 2,
    "delete_conversation": 0.5,
    "create_character": 0.4,
    "delete_character": 0.3,
    "read": 14,
    "pass_by": 5,
    "repeat": 6,
    "ask_twice": 2,
    "misuse_key": 1,
}


class SoakingClient(Asker):
    def __init__(self, world: World, http: httpx2.AsyncClient, name: str, seed: str) -> None:
        super().__init__(world, http, f"{seed} {name}")
        self._tokens = (f"#{name}-{number}#" for number in itertools.count(1))

    async def run(self, operations: int) -> None:
        """Does operations until all clients together have done so many."""
        while self.world.count < operations:
            await self.world.server.up.wait()
            [operation] = self.chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
            await getattr(self, operation)()

    async def send_message(self) -> None:
        place = await self._place()
        asked = {**self._options(), **self._maybe("parentId", place, 0.15)}
        await self.ask("sendMessage", place.id, {**asked, "conversationId": place.id, "content": self._text()})

    async def request_reply(self) -> None:
        place = await self._place()
        asked = {**self._options(), **self._maybe("parentId", place, 0.4)}
        await self.ask("requestReply", place.id, {**asked, "conversationId": place.id})

    async def regenerate_reply(self) -> None:
        await self._to_message("regenerateReply", **self._options())

    async def continue_reply(self) -> None:
        await self._to_message("continueReply", newest=0.9, **self._options())

    async def add_alternative(self) -> None:
        await self._to_message("addAlternative", content=self._text(), **self._options())

    async def stop_reply(self) -> None:
        place = await self._place()
        await self.ask("stopReply", place.id, {"conversationId": place.id, **self._maybe("messageId", place, 0.3)})

    async def select_alternative(self) -> None:
        await self._to_message("selectAlternative")

    async def edit_message(self) -> None:
        await self._to_message("editMessage", content=self._text())

    async def delete_message(self) -> None:
        await self._to_message("deleteMessage", newest=0.7)

    async def update_chat_history(self) -> None:
        """Replaces the end of a history that was read just now, or all of it."""
        place = await self._place()
        asked = {"conversationId": place.id, "chatHistory": self._history(self.chance.randint(1, 3))}
        if self.often(0.8):
            read = (await self.ask("conversation", place.id, {"id": place.id}, _READ_HISTORY)).payload
            if not read:
                return
            kept = read["chatHistory"][: max(0, len(read["chatHistory"]) - self.chance.randint(0, 4))]
            asked |= {"chatHistory": kept + asked["chatHistory"], "expectedHistoryVersion": read["historyVersion"]}
        await self.ask("updateChatHistory", place.id, asked)

    async def clear_history(self) -> None:
        place = await self._place()
        await self.ask("clearHistory", place.id, {"conversationId": place.id, "includeGreeting": self.often(0.7)})

    async def open_conversation(self) -> None:
        """Creates, imports or forks one."""
        if len(self.world.places) >= MOST_PLACES:
            await self.delete_conversation()
        asked = {"title": self._text(), **self._key()}
        character = {"characterId": self.chance.choice(self.world.characters)}
        match self.chance.choice(("createConversation", "importConversation", "forkConversation")):
            case "createConversation":
                await self.ask("createConversation", None, asked | character)
            case "importConversation":
                history = self._history(self.chance.randint(0, 6))
                await self.ask("importConversation", None, asked | character | {"chatHistory": history})
            case _:
                place = await self._place()
                asked |= self._maybe("upToMessageId", place, 0.6)
                await self.ask("forkConversation", place.id, asked | {"conversationId": place.id})

    async def delete_conversation(self) -> None:
        if len(self.world.places) > LEAST_PLACES:
            place = await self._place()
            await self.ask("deleteConversation", place.id, {"conversationId": place.id})

    async def create_character(self) -> None:
        greetings = {"greeting": "Good evening, {{user}}.", "alternateGreetings": ["And you are?"]}
        await self.ask("createCharacter", None, {"name": self._text(), **greetings, **self._key()})

    async def delete_character(self) -> None:
        """Deletes any but the first, so that there is always one."""
        if len(self.world.characters) > 1:
            character = self.world.characters.pop(self.chance.randrange(1, len(self.world.characters)))
            await self.ask("deleteCharacter", None, {"characterId": character})

    async def read(self) -> None:
        place = await self._place()
        await self.ask("conversation", place.id, {"id": place.id}, READ)

    async def pass_by(self) -> None:
        self.world.count_operation()
        await self.world.pass_by(await self._place(), self.chance)

    async def repeat(self) -> None:
        """Sends an earlier request again, whoever sent it, with its key."""
        if self.world.keyed:
            request = self.chance.choice(self.world.keyed)
            await self.ask(request.kind, request.conversation, request.input)

    async def ask_twice(self) -> None:
        place = await self._place()
        asked = {**self._options(), "idempotencyKey": self._text()}
        asked |= {"conversationId": place.id, "content": self._text()}
        await asyncio.gather(*(self.ask("sendMessage", place.id, asked) for _ in range(2)))

    async def misuse_key(self) -> None:
        """Sends another text under a key that was used."""
        used = [one for one in self.world.keyed if one.code == "ok" and "content" in one.input]
        if used:
            request = self.chance.choice(used)
            asked = {**request.input, "content": self._text()}
            await self.ask(request.kind, request.conversation, asked, wanted={"IDEMPOTENCY_CONFLICT"})

    async def open_first(self) -> None:
        """Makes sure that there is a conversation."""
        asked = {"title": self._text(), "characterId": self.world.characters[0]}
        await self.ask("createConversation", None, asked)

    async def _place(self) -> Place:
        while not self.world.places:
            await self.world.server.up.wait()
            await self.open_first()
        return self.chance.choice(list(self.world.places.values()))

    async def _to_message(self, kind: str, newest: float = 0.4, **asked: Any) -> Request | None:
        """Asks for something to be done to a message that was seen before."""
        place = await self._place()
        if not (recent := place.recent):
            return None
        if kind == "regenerateReply" and self.often(0.9):
            recent = [message for message in recent if message["role"] == "ASSISTANT"] or recent
        message = recent[-1] if self.often(newest) else self.chance.choice(recent)
        return await self.ask(kind, place.id, {**asked, "messageId": message["id"]})

    def _maybe(self, name: str, place: Place, share: float) -> Row:
        """Names some message of the place, or none."""
        return {name: self.chance.choice(place.recent)["id"]} if place.recent and self.often(share) else {}

    def _options(self) -> Row:
        [mode] = self.chance.choices(("WAIT", "BACKGROUND", "NONE"), (35, 45, 20))
        options = {"replyMode": mode, "ifBusy": self.chance.choice(("REJECT", "STOP")), **self._key()}
        return options | ({"generation": {"maxTokens": self.chance.randint(1, 30)}} if self.often(0.3) else {})

    def _key(self) -> Row:
        return {"idempotencyKey": self._text()} if self.often(0.4) else {}

    def _text(self) -> str:
        """Returns a text that nobody has written before."""
        return f"{next(self._tokens)} {' '.join(self.chance.choices(_WORDS, k=self.chance.randint(2, 9)))}."

    def _history(self, length: int) -> list[Row]:
        def element(role: str) -> Row:
            more = {"action": "waves", "mood": {"b": 1, "a": [1.0, None]}} if self.often(0.2) else {}
            return {"role": role, "content": self._text(), **more}

        return [element(("user", "assistant", "system")[number % 3]) for number in range(length)]
