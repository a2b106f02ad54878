"""Users from outside: those of an issuer, by its tokens, and those that a trusted proxy names."""

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import ExternalIdentity, User, UserRole, UserStatus
from services import checking
from services.access import secrets
from services.access.accounts import LOCAL_NAME, Accounts, Act, audit
from services.access.credentials import CACHE_SECONDS
from services.access.errors import BAD_CREDENTIAL, Unauthenticated
from services.access.identity import AccessKind, Identity
from services.access.issuer import Claims, Issuer
from services.lru_cache import TimedCache
from services.settings import Settings

_CACHED = 10_000
_MAX_NAME = 100
_PROXY = "proxy"


class Outsiders:
    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        self.issuer: Issuer | None = None
        if settings.jwt_issuer and settings.jwt_audience:
            self.issuer = Issuer(settings.jwt_issuer, settings.jwt_audience)
        self._known: TimedCache[str, Identity] = TimedCache(_CACHED, CACHE_SECONDS)
        accounts.grants.on_end.append(self._known.clear)

    async def by_jwt(self, token: str) -> Identity:
        """Raises Unauthenticated and IssuerUnavailable."""
        if self.issuer is None:
            raise Unauthenticated(BAD_CREDENTIAL)
        key = secrets.digest(token)
        if (known := self._known.get(key)) is not None:
            return known
        claims = await self.issuer.claims(token)
        user = await self._user(claims.issuer, claims.subject, claims.name)
        return self._known.put(key, _of_token(user, claims))

    async def by_proxy(self, name: str) -> Identity:
        """Raises Unauthenticated."""
        if not name.strip() or len(name) > _MAX_NAME:
            raise Unauthenticated(BAD_CREDENTIAL)
        key = f"{_PROXY}\0{name}"
        if (known := self._known.get(key)) is not None:
            return known
        user = await self._user(_PROXY, name, name)
        return self._known.put(key, Identity(user.id, AccessKind.PROXY, is_admin=user.role is UserRole.ADMIN))

    async def _user(self, issuer: str, subject: str, name: str) -> User:
        """Returns the user, who is made when seen first. Raises Unauthenticated for one who is disabled."""
        async with self._accounts.read() as session:
            user = await session.scalar(_known_as(issuer, subject))
        if user is None:
            user = await self._made(issuer, subject, name)
        if user.status is not UserStatus.ACTIVE:
            raise Unauthenticated(BAD_CREDENTIAL)
        return user

    async def _made(self, issuer: str, subject: str, name: str) -> User:
        async def work(session: AsyncSession) -> User:
            # Two requests may see it first.
            if known := await session.scalar(_known_as(issuer, subject)):
                return known
            shown = checking.name(name)
            unique = await _free_name(session, shown)
            user = User(name=unique, name_folded=checking.fold(unique), display_name=shown)
            user.role, user.status = UserRole.USER, UserStatus.ACTIVE
            session.add(user)
            await session.flush()
            session.add(ExternalIdentity(issuer=issuer, subject=subject, user_id=user.id))
            audit(session, Act(), "firstSeen", user.id)
            return user

        user = await self._accounts.write(work)
        await self._accounts.welcome(user.id)
        return user


def _known_as(issuer: str, subject: str) -> Select[User]:
    query = select(User).join(ExternalIdentity, ExternalIdentity.user_id == User.id)
    return query.where(ExternalIdentity.issuer == issuer, ExternalIdentity.subject == subject)


async def _free_name(session: AsyncSession, name: str) -> str:
    """Returns the name, or one like it: names are nothing that identifies whoever comes from outside."""
    for number in range(1, 1000):
        tried = name if number == 1 else f"{name} {number}"
        taken = await session.scalar(select(User.id).where(User.name_folded == checking.fold(tried)))
        if taken is None and tried != LOCAL_NAME:
            return tried
    raise Unauthenticated(BAD_CREDENTIAL)


def _of_token(user: User, claims: Claims) -> Identity:
    return Identity(
        owner=user.id,
        kind=AccessKind.JWT,
        is_admin=user.role is UserRole.ADMIN,
        since=claims.issued_at,
        expires_at=claims.expires_at,
    )
