"""What is open by a credential ends with it, on every transport; replies go on."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from models import LOCAL_OWNER, UserRole, now
from services import Services
from services.access.accounts import Act
from services.access.service import CHECK_SECONDS
from tests.support.accounts import change, revoke_elsewhere, session_of, user_of
from tests.support.client import Client, signed_in, subscribe
from tests.support.credentials import REFUSED, TRIES, bearer
from tests.support.makers import TestEngine, until
from tests.support.owners import OTHER_OWNER

WATCH = "subscription ($id: ID!) { replyStream(conversationId: $id) { __typename } }"
SEND = """mutation ($id: ID!, $mode: ReplyMode!) {
    sendMessage(input: {conversationId: $id, content: "Hi", replyMode: $mode}) {
        reply { id } userErrors { code } } }"""
# Seconds within which what another process did is seen, and within which what is done here.
ELSEWHERE, HERE = CHECK_SECONDS + 3, 3.0

End = Callable[[Services, str], Awaitable[Any]]


async def revoke(services: Services, token: str) -> None:
    caller = await services.access.by_token(token)
    assert caller.credential_id
    await services.access.credentials.revoke(caller, caller.credential_id, Act(caller))


async def expire(services: Services, token: str) -> None:
    """It was to expire soon when it was opened."""


async def disable(services: Services, token: str) -> None:
    admin = await services.access.by_token(await session_of(services, LOCAL_OWNER, UserRole.ADMIN))
    await services.access.users.update(await user_of(services, token), {"status": "DISABLED"}, Act(admin))


async def delete(services: Services, token: str) -> None:
    await services.leaving.delete_from_console(await user_of(services, token), Act())


ENDS: dict[str, tuple[End, float]] = {
    "revoked": (revoke, HERE),
    "expired": (expire, HERE + 3),
    "disabled": (disable, HERE),
    "deleted": (delete, HERE),
    "revoked elsewhere": (revoke_elsewhere, ELSEWHERE),
}


async def over_http(client: Client, accept: str, id: str, opened: asyncio.Event) -> str:
    request = {"query": WATCH, "variables": {"id": id}}
    body = ""
    async with client.http.stream("POST", client.url, json=request, headers={"accept": accept}) as response:
        async for text in response.aiter_text():
            body += text
            opened.set()
    return body


async def over_socket(client: Client, id: str, opened: asyncio.Event) -> tuple[int, str]:
    async with client.socket() as socket:
        await socket.send(subscribe("1", WATCH, id=id))
        try:
            while True:
                await socket.recv()
                opened.set()
        except ConnectionClosed:
            return socket.close_code or 0, socket.close_reason or ""


async def waiting(client: Client, id: str, opened: asyncio.Event) -> tuple[int, Any]:
    opened.set()
    request = {"query": SEND, "variables": {"id": id, "mode": "WAIT"}}
    answer = await client.http.post(client.url, json=request)
    return answer.status_code, answer.json().get("errors", [{}])[0].get("extensions", {}).get("code")


@pytest.mark.parametrize("end", ENDS)
async def test_everything_that_is_open_ends(
    end: str, members: Client, member_services: Services, engine: TestEngine
) -> None:
    act, patience = ENDS[end]
    token = await session_of(member_services, OTHER_OWNER)
    if end == "expired":
        await change(member_services, token, expires_at=now() + timedelta(seconds=3))
    async with signed_in(members, token) as client:
        owner = await user_of(member_services, token)
        watched, waited = [await _conversation(member_services, owner) for _ in range(2)]
        await client.run(SEND, id=watched, mode="BACKGROUND")
        opened = [asyncio.Event() for _ in range(4)]
        holding = asyncio.gather(
            over_http(client, "text/event-stream", watched, opened[0]),
            over_http(client, "multipart/mixed;subscriptionSpec=1.0", watched, opened[1]),
            over_socket(client, watched, opened[2]),
            waiting(client, waited, opened[3]),
        )
        await asyncio.gather(*(one.wait() for one in opened))
        await until(lambda: len(member_services.writer.keys) == 2)
        assert not holding.done()
        await act(member_services, token)
        async with asyncio.timeout(patience):
            events, parts, closed, answer = await holding
    assert events.endswith("event: complete\ndata: \n\n")
    assert '"code":"UNAUTHENTICATED"' in events
    assert parts.endswith("--graphql--\r\n")
    assert '"code":"UNAUTHENTICATED"' in parts
    assert closed[0] == 4403
    assert closed[1].startswith("Forbidden: ")
    # A deletion ends the reply, so that whoever waits for it may be answered before.
    assert answer == (401, "UNAUTHENTICATED") or (end == "deleted" and answer[0] == 200)
    assert await TRIES["json"](members, **bearer(token)) == REFUSED
    if end != "deleted":
        # A reply belongs to the server, and not to who watches it.
        assert len(member_services.writer.keys) == 2
        engine.answer("It goes on.")
        engine.answer("It goes on.")
        await until(lambda: not member_services.writer.keys)


async def _conversation(services: Services, owner: str) -> str:
    character = await services.characters.create(owner, {"name": "Mira"})
    return (await services.conversations.create(owner, character.id, {})).id


async def test_a_message_after_the_end_is_not_handled(members: Client, member_services: Services) -> None:
    """A client may leave the closing frame unanswered and go on sending."""
    token = await session_of(member_services, OTHER_OWNER)
    async with signed_in(members, token) as client, client.socket() as socket:
        await revoke(member_services, token)
        create = 'mutation { createCharacter(input: {name: "Late"}) { character { id } } }'
        try:
            for number in range(50):
                await socket.send(
                    json.dumps({"id": str(number), "type": "subscribe", "payload": {"query": create}})
                )
        except ConnectionClosed:
            pass
        await socket.wait_closed()
    assert (await member_services.characters.count(OTHER_OWNER)) == 0


async def test_who_else_is_there_stays(members: Client, member_services: Services) -> None:
    gone, stays = [await session_of(member_services, OTHER_OWNER) for _ in range(2)]
    async with signed_in(members, stays) as client, client.socket() as socket:
        await revoke(member_services, gone)
        await asyncio.sleep(CHECK_SECONDS + 0.5)
        await socket.send(subscribe("1", "{ __typename }"))
        assert json.loads(await socket.recv())["payload"]["data"] == {"__typename": "Query"}
        assert len(member_services.access.grants.open_credentials()) == 1
    await until(lambda: not member_services.access.grants.open_credentials())
    await until(lambda: not member_services.access.grants.open_owners())
