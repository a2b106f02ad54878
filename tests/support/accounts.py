"""Users and credentials for tests: made by the services, without waiting for a password to be hashed."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Credential, Database, User, UserRole, now
from services import Services
from services.access import secrets
from services.access.accounts import Act
from services.access.credentials import issue_session
from services.settings import Settings
from tests.conftest import opened
from tests.schema.endpoint.raw import Answer, exchange
from tests.support.client import Client
from tests.support.makers import TestEngine
from tests.support.owners import a_user

PASSWORD = "a long password of ours"


async def session_of(services: Services, id: str, role: UserRole = UserRole.USER) -> str:
    """Return the token of a new session of the user, who is made if need be."""

    async def work(session: AsyncSession) -> str:
        user = await session.get(User, id)
        if user is None:
            user = a_user(id)
            session.add(user)
        user.role, user.max_replies = role, 1_000_000
        await session.flush()
        return (await issue_session(session, user, Act())).secret

    return await services.access.accounts.write(work)


async def change(services: Services, token: str, **columns: Any) -> None:
    """Change the row of a credential past the services, as time or another process would."""

    async def work(session: AsyncSession) -> None:
        row = await _row(session, token)
        for name, value in columns.items():
            setattr(row, name, value)

    await services.access.accounts.write(work)


async def user_of(services: Services, token: str) -> str:
    async with services.access.accounts.read() as session:
        return (await _row(session, token)).user_id


async def _row(session: AsyncSession, token: str) -> Credential:
    row = await session.scalar(select(Credential).where(Credential.digest == secrets.digest(token)))
    assert row is not None
    return row


async def revoke_elsewhere(services: Services, token: str) -> None:
    await change(services, token, revoked_at=now())


@asynccontextmanager
async def with_accounts(
    settings: Settings, database: Database, engine: TestEngine | None = None
) -> AsyncGenerator[Services, None]:
    settings = settings.model_copy(update={"access": "accounts"})
    async with opened(settings, database, engine or TestEngine()) as services:
        yield services


async def session_request(client: Client, method: str, body: Any = None, **headers: str) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    return await exchange(client.url, method, content, "/session", content_type="application/json", **headers)
