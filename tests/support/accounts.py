"""Users and credentials for tests, made by the services, without waiting for a password to be hashed."""

from models import User, UserRole
from services import Services
from services.access.accounts import Act
from services.access.credentials import issue_session
from tests.support.owners import a_user


async def session_of(services: Services, id: str, role: UserRole = UserRole.USER) -> str:
    """Return the token of a new session of the user, who is made if need be."""

    async def work(session):
        user = await session.get(User, id)
        if user is None:
            user = a_user(id)
            session.add(user)
        user.role, user.max_replies = role, 1_000_000
        await session.flush()
        return (await issue_session(session, user, Act())).secret

    return await services.access.accounts.write(work)
