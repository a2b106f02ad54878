"""Users sign in by a setup code and by a password, over /session; who guesses has to wait."""

import asyncio
import time
from statistics import median

import httpx2

from models import UserRole
from services import Services
from services.access.accounts import CONSOLE
from services.access.throttle import FREE_FAILURES
from tests.support.accounts import PASSWORD, session_of, session_request
from tests.support.client import Client
from tests.support.credentials import ANSWERED, REFUSED, TRIES, bearer
from tests.support.owners import OTHER_OWNER

SAME = {"sec_fetch_site": "same-origin"}


async def new_user(services: Services, name: str = "Ada", role: UserRole = UserRole.USER) -> str:
    """Return the user's setup code."""
    _, issued = await services.access.users.create(name, role, CONSOLE)
    return issued.secret


async def with_password(services: Services, client: Client, name: str = "Ada") -> str:
    """Return the token of a session of a user who has set the password."""
    code = await new_user(services, name)
    answer = await session_request(client, "POST", {"setupCode": code, "newPassword": PASSWORD})
    assert answer.status == 200, answer.body
    return answer.json["token"]


async def test_a_setup_code_gives_a_password_once(members: Client, member_services: Services) -> None:
    code = await new_user(member_services)
    for password in ("short", "aaaaaaaaaaaaaaaa", "passwordpassword", "x" * 257):
        answer = await session_request(members, "POST", {"setupCode": code, "newPassword": password})
        assert (answer.status, answer.error["extensions"]["code"]) == (400, "BAD_USER_INPUT")
    wrong = await session_request(members, "POST", {"setupCode": code[:-1] + "?", "newPassword": PASSWORD})
    assert wrong.status == 401
    typed = code.lower().replace("-", " ")
    answer = await session_request(members, "POST", {"setupCode": typed, "newPassword": PASSWORD})
    assert answer.status == 200
    assert {await attempt(members, **bearer(answer.json["token"])) for attempt in TRIES.values()} == {ANSWERED}
    again = await session_request(members, "POST", {"setupCode": code, "newPassword": PASSWORD})
    assert again.status == 401


async def test_a_password_signs_in(members: Client, member_services: Services) -> None:
    await with_password(member_services, members)
    answer = await session_request(members, "POST", {"name": "ADA", "password": PASSWORD})
    assert (answer.status, answer.json["token"][:6]) == (200, "rpt_s_")
    for name, password in (
        ("Ada", PASSWORD + "!"),
        ("Ada", ""),
        ("Eve", PASSWORD),
        ("", ""),
        ("Ada", "x" * 5_000),
    ):
        refused = await session_request(members, "POST", {"name": name, "password": password})
        assert refused.status == 401, name
        assert refused.error["message"] == "The name or the password is wrong."


async def test_a_page_gets_the_session_as_a_cookie(members: Client, member_services: Services) -> None:
    await with_password(member_services, members)
    asked = {"name": "Ada", "password": PASSWORD, "cookie": True}
    assert (await session_request(members, "POST", asked, sec_fetch_site="cross-site")).status == 403
    answer = await session_request(members, "POST", asked, **SAME)
    assert answer.json == {"isSignedIn": True}
    kept = answer.headers["set-cookie"].split(";")[0]
    seen = (await session_request(members, "GET", cookie=kept, **SAME)).json
    assert (seen["isSignedIn"], seen["user"]["name"], seen["access"]) == (True, "Ada", "ACCOUNTS")
    assert await TRIES["handshake"](members, cookie=kept, **SAME) == ANSWERED
    assert (await session_request(members, "DELETE", cookie=kept, **SAME)).status == 200
    assert await TRIES["json"](members, cookie=kept, **SAME) == REFUSED
    assert (await session_request(members, "GET", cookie=kept, **SAME)).json["isSignedIn"] is False


async def test_a_new_password_ends_the_other_sessions(members: Client, member_services: Services) -> None:
    token, other = [
        await with_password(member_services, members),
        (await session_request(members, "POST", {"name": "Ada", "password": PASSWORD})).json["token"],
    ]
    wrong = {"currentPassword": "not the password", "newPassword": "another long one"}
    assert (await session_request(members, "PUT", wrong, **bearer(token))).status == 401
    right = {"currentPassword": PASSWORD, "newPassword": "another long one"}
    assert (await session_request(members, "PUT", right, **bearer(token))).status == 200
    assert await TRIES["json"](members, **bearer(token)) == ANSWERED
    assert await TRIES["json"](members, **bearer(other)) == REFUSED
    assert (await session_request(members, "POST", {"name": "Ada", "password": PASSWORD})).status == 401


async def test_who_fails_often_has_to_wait_but_no_session_does(members: Client, member_services: Services) -> None:
    token = await with_password(member_services, members)
    statuses = [
        (await session_request(members, "POST", {"name": "Ada", "password": f"wrong {n}"})).status
        for n in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2
    late = await session_request(members, "POST", {"name": "Ada", "password": PASSWORD})
    assert (late.status, late.error["extensions"]["code"]) == (429, "TOO_MANY_ATTEMPTS")
    assert 1 <= int(late.headers["retry-after"]) <= 2
    assert (await session_request(members, "POST", {"name": "Bob", "password": PASSWORD})).status == 401
    assert await TRIES["json"](members, **bearer(token)) == ANSWERED
    await asyncio.sleep(int(late.headers["retry-after"]))
    assert (await session_request(members, "POST", {"name": "Ada", "password": PASSWORD})).status == 200


async def test_guesses_at_once_are_counted_one_by_one(members: Client, member_services: Services) -> None:
    await with_password(member_services, members)
    url = members.url.replace("/graphql", "/session")

    async def guess(number: int) -> int:
        answer = await members.http.post(url, json={"name": "Ada", "password": f"wrong {number}"})
        return answer.status_code

    statuses = await asyncio.gather(*(guess(number) for number in range(16)))
    assert sorted(statuses) == [401] * FREE_FAILURES + [429] * (16 - FREE_FAILURES)


async def test_many_wrong_passwords_at_once_leave_the_server_at_ease(
    members: Client, member_services: Services
) -> None:
    await with_password(member_services, members)
    limits = httpx2.Limits(max_connections=200)
    async with httpx2.AsyncClient(timeout=60, limits=limits) as http:
        url = members.url.replace("/graphql", "/session")

        async def guess(number: int) -> int:
            return (await http.post(url, json={"name": f"Ada{number}", "password": PASSWORD})).status_code

        guessing = asyncio.gather(*(guess(number) for number in range(200)))
        waits = []
        while not guessing.done():
            began = time.perf_counter()
            assert (await members.http.get(members.url.replace("/graphql", "/health"))).status_code == 200
            waits.append(time.perf_counter() - began)
        statuses = await guessing
    assert set(statuses) == {401, 429}
    # The client's two hundred connections are opened in the same event loop, which the first wait contains.
    assert median(waits) < 1


async def test_a_name_that_there_is_takes_as_long_as_one_that_there_is_not(
    members: Client, member_services: Services
) -> None:
    await with_password(member_services, members)
    passwords = member_services.access.sign_in.passwords
    [known] = [one for one in await _users(member_services) if one.name == "Ada"]
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(15):
        for is_known in took:
            began = time.perf_counter()
            assert not await passwords.matches("a wrong password", known.password_hash if is_known else None)
            took[is_known].append(time.perf_counter() - began)
    assert 0.5 < median(took[True]) / median(took[False]) < 2


async def _users(services: Services):
    from sqlalchemy import select

    from models import User

    async with services.access.accounts.read() as session:
        return list(await session.scalars(select(User)))


async def test_a_disabled_user_does_not_sign_in(members: Client, member_services: Services) -> None:
    await with_password(member_services, members)
    admin = await session_of(member_services, OTHER_OWNER, UserRole.ADMIN)
    [ada] = [one for one in await _users(member_services) if one.name == "Ada"]
    document = """mutation ($id: ID!, $status: UserStatus!) { updateUser(input: {userId: $id, status: $status}) {
        user { status } userErrors { code } } }"""
    async with httpx2.AsyncClient(headers=bearer(admin)) as http:
        client = Client(http, members.url)
        await client.run(document, id=ada.id, status="DISABLED")
        assert (await session_request(members, "POST", {"name": "Ada", "password": PASSWORD})).status == 401
        await client.run(document, id=ada.id, status="ACTIVE")
        assert (await session_request(members, "POST", {"name": "Ada", "password": PASSWORD})).status == 200
