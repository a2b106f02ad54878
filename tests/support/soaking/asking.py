"""How a client of a soak asks: over random transports, leaving at random, and noting what came of it."""

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager

import httpx2
from websockets.exceptions import WebSocketException

from tests.support.client import Client, subscribe
from tests.support.soaking.ledger import Ledger, Request, Row
from tests.support.soaking.servers import SoakedServer

# Seconds after which an answer will not come any more.
PATIENCE = 90.0
# What a client notices when the server goes away.
BROKEN = (httpx2.TransportError, OSError, WebSocketException, EOFError, StopAsyncIteration)

_MESSAGE = "{ id role content status parent { id } }"
_NEW = f"conversation {{ id historyVersion streamCursor character {{ id }} messages(last: 20) {_MESSAGE} }}"
_SENT = f"message {_MESSAGE} reply {_MESSAGE} streamCursor conversation {{ id historyVersion }}"
_REPLY = f"reply {_MESSAGE} streamCursor conversation {{ id historyVersion }}"
_CHANGED = f"message {_MESSAGE} conversation {{ id historyVersion }}"
_FIELDS = {
    "sendMessage": _SENT,
    "addAlternative": _SENT,
    "requestReply": _REPLY,
    "regenerateReply": _REPLY,
    "continueReply": _REPLY,
    "stopReply": f"reply {_MESSAGE} conversation {{ id historyVersion }}",
    "selectAlternative": _CHANGED,
    "editMessage": _CHANGED,
    "deleteMessage": "deletedMessageIds conversation { id historyVersion }",
    "clearHistory": "clearedMessageCount conversation { id historyVersion }",
    "updateChatHistory": f"conversation {{ id historyVersion messages(last: 5) {_MESSAGE} }}",
    "createConversation": _NEW,
    "importConversation": _NEW,
    "forkConversation": _NEW,
    "deleteConversation": "deletedConversationId",
    "createCharacter": "character { id }",
    "deleteCharacter": "deletedCharacterId",
}
READ = f"""query ($id: ID!) {{ conversation(id: $id) {{ id historyVersion streamCursor activeReply {_MESSAGE}
    messages(last: 12) {{ id role content status parent {{ id }} alternatives {_MESSAGE} }} }} }}"""

_BUSY, _ROLE, _VERSION = "REPLY_IN_PROGRESS", "WRONG_ROLE", "VERSION_CONFLICT"
_ALWAYS = {"ok", "cancelled", "lost", "NOT_FOUND", "UNAVAILABLE"}
_REFUSALS = {
    "sendMessage": {_BUSY},
    "addAlternative": {_BUSY},
    "requestReply": {_BUSY},
    "regenerateReply": {_BUSY, _ROLE},
    "continueReply": {_BUSY, _ROLE, "INVALID_INPUT"},
    "selectAlternative": {_BUSY},
    "editMessage": {_BUSY},
    "updateChatHistory": {_BUSY, _VERSION},
}
_DESTRUCTIVE = ("deleteMessage", "clearHistory", "deleteConversation", "deleteCharacter")


class Place:
    """A conversation that clients share, and its messages that they saw last."""

    def __init__(self, conversation: Row) -> None:
        self.id: str = conversation["id"]
        self.cursor: str = conversation["streamCursor"]
        self.recent: list[Row] = list(conversation["messages"])

    def saw(self, found: list[Row], gone: set[str]) -> None:
        gone |= {message["id"] for message in found}
        self.recent = [*(message for message in self.recent if message["id"] not in gone), *found][-24:]


class World:
    """What clients share. `watch` is called with each new conversation, `pass_by` watches one for a moment."""

    def __init__(
        self,
        server: SoakedServer,
        ledger: Ledger,
        watch: Callable[[Place], None],
        pass_by: Callable[[Place, random.Random], Awaitable[None]],
    ) -> None:
        self.server = server
        self.ledger = ledger
        self.watch = watch
        self.pass_by = pass_by
        self.count = 0
        self.places: dict[str, Place] = {}
        self.characters: list[str] = []
        self.keyed: deque[Request] = deque(maxlen=80)
        self._awaited: list[tuple[float, asyncio.Event]] = []

    def count_operation(self) -> None:
        self.count += 1
        for count, reached in self._awaited:
            if self.count >= count:
                reached.set()

    async def reaches(self, count: float) -> None:
        """Waits until so many operations have begun."""
        self._awaited.append((count, asyncio.Event()))
        await self._awaited[-1][1].wait()

    def learn(self, request: Request) -> None:
        """Remembers what an answer shows, for later requests and for the checks at the end."""
        payload, is_read = request.payload, request.kind == "conversation"
        conversation = payload if is_read else payload.get("conversation") or {}
        id = str(conversation.get("id") or request.conversation)
        found = [payload.get("message"), payload.get("reply"), payload.get("activeReply")]
        for message in conversation.get("messages", ()):
            found += [message, *message.get("alternatives", ())]
        found = [message for message in found if message is not None]
        self.ledger.saw(request, id, *found)
        if _FIELDS.get(request.kind) is _NEW and id not in self.places:
            self.places[id] = Place(conversation)
            self.watch(self.places[id])
        if request.kind == "createCharacter" and payload["character"]["id"] not in self.characters:
            self.characters.append(payload["character"]["id"])
        if is_read and not payload:
            self.ledger.missing.add(id)
        if request.kind == "deleteConversation" or (is_read and not payload):
            self.places.pop(id, None)
        elif place := self.places.get(id):
            is_cleared = request.kind == "clearHistory"
            gone = (
                {message["id"] for message in place.recent} if is_cleared else payload.get("deletedMessageIds", ())
            )
            place.saw(found, set(gone))


class Asker:
    """A client with a random choice of its own."""

    def __init__(self, world: World, http: httpx2.AsyncClient, seed: str) -> None:
        self.world = world
        self.client = Client(http, world.server.url)
        self.chance = random.Random(seed)

    def often(self, share: float) -> bool:
        return self.chance.random() < share

    async def ask(
        self,
        kind: str,
        conversation: str | None,
        asked: Row,
        document: str | None = None,
        wanted: set[str] | None = None,
    ) -> Request:
        """Asks, perhaps leaves before the answer, and notes what came of it. `wanted`: the only codes allowed."""
        world, server = self.world, self.world.server
        request = Request(kind, asked, conversation, time.monotonic())
        world.ledger.requests.append(request)
        world.count_operation()
        variables = {"input": asked} if document is None else asked
        leave_after = self._leaving_time(kind)
        # Over plain HTTP nobody but the client notices that it leaves.
        weights = (5, 4, 1) if leave_after is None else (1, 3, 1)
        [transport] = self.chance.choices((self._by_http, self._by_socket, self._by_events), weights)
        starts, code, answer = server.starts, "lost", None
        try:
            async with asyncio.timeout(PATIENCE):
                answer = await transport(document or _document(kind), variables, leave_after)
                code = "cancelled"
        except (*BROKEN, ValueError) as error:
            if server.is_up_since(starts):
                world.ledger.violations.append(f"no answer to {request}: {error!r}")
        self._note(request, code, answer)
        if request.code not in (_allowed(request) if wanted is None else (_ALWAYS - {"ok"} | wanted)):
            world.ledger.violations.append(f"unexpected: {request}, {answer}")
        if "idempotencyKey" in asked and wanted is None:
            world.keyed.append(request)
        if request.code == "ok":
            world.learn(request)
        return request

    def _leaving_time(self, kind: str) -> float | None:
        """Returns after how many seconds the client leaves; None where it waits."""
        if not self.often(0.05 if kind in _DESTRUCTIVE else 0.16):
            return None
        return self.chance.uniform(0, self.chance.choice((0.03, 0.03, 0.12)))

    def _note(self, request: Request, code: str, answer: Row | None) -> None:
        now = time.monotonic()
        if answer is None:
            request.close(now, code, may_have_happened=True)
        elif errors := answer.get("errors"):
            found = errors[0]["extensions"]
            # An error below the mutation's own field comes after the mutation.
            is_whole = found["code"] == "UNAVAILABLE" and len(errors[0].get("path") or ()) <= 1
            is_whole = is_whole and "may have" not in errors[0]["message"]
            request.close(now, found["code"], may_have_happened=not is_whole)
            is_due = self.world.server.may_be_unavailable and found.get("retryAfterSeconds")
            if found["code"] == "UNAVAILABLE" and not is_due:
                self.world.ledger.violations.append(f"unavailable: {request}, {errors}")
        else:
            request.payload = answer["data"][request.kind] or {}
            refusals = request.payload.get("userErrors")
            request.close(now, refusals[0]["code"] if refusals else "ok", may_have_happened=not refusals)

    async def _by_http(self, document: str, variables: Row, leave_after: float | None) -> Row | None:
        async with leaving(leave_after):
            return await self.client.post(document, **variables)
        return None

    async def _by_events(self, document: str, variables: Row, leave_after: float | None) -> Row | None:
        async with leaving(leave_after), aclosing(self.client.watch(document, **variables)) as events:
            return await anext(events)
        return None

    async def _by_socket(self, document: str, variables: Row, leave_after: float | None) -> Row | None:
        async with self.client.socket() as socket:
            await socket.send(subscribe("1", document, **variables))
            async with leaving(leave_after):
                message = json.loads(await socket.recv())
                return message["payload"] if message["type"] == "next" else {"errors": message["payload"]}
            if self.often(0.5):
                await socket.send('{"id": "1", "type": "complete"}')
                await asyncio.sleep(0.02)
            else:
                socket.transport.abort()
        return None


@asynccontextmanager
async def leaving(after: float | None) -> AsyncIterator[None]:
    """Leaves the block after so many seconds; None stays."""
    limit = asyncio.timeout(after)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise


def _document(kind: str) -> str:
    name = kind[0].upper() + kind[1:]
    fields = f"{_FIELDS[kind]} userErrors {{ code message path }}"
    return f"mutation ($input: {name}Input!) {{ {kind}(input: $input) {{ {fields} }} }}"


def _allowed(request: Request) -> set[str]:
    stops = request.input.get("ifBusy") == "STOP"
    return _ALWAYS | (_REFUSALS.get(request.kind, set()) - ({_BUSY} if stops else set()))
