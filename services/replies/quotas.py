"""Quotas: how many replies are written for a user at once, and how many tokens those of a day may take."""

from datetime import UTC

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Run, User
from services.errors import QuotaExceeded
from services.usage import end_of_day, today, tokens_of_day

# Replies that are written at once for a user without a limit of its own.
MAX_REPLIES = 2


async def check(session: AsyncSession, owner: str) -> None:
    """Raises QuotaExceeded when no further reply may begin for the owner, in the transaction that begins it."""
    user = await session.get(User, owner)
    if user is None:
        return
    limit = MAX_REPLIES if user.max_replies is None else user.max_replies
    running = await session.scalar(select(func.count()).select_from(Run).where(Run.ended.is_(None))) or 0
    if running >= limit:
        message = f"{running} replies are being written for you; the limit is {limit}. Wait for one, or stop it."
        raise QuotaExceeded(message, limit, running)
    if user.tokens_a_day is None:
        return
    used = (await tokens_of_day(session, [owner], today())).get(owner, 0)
    if used >= user.tokens_a_day:
        resets_at = end_of_day()
        hour = resets_at.astimezone(UTC).strftime("%H:%M UTC")
        message = (
            f"The replies of today took {used:,} tokens; the limit is {user.tokens_a_day:,}. Wait until {hour}."
        )
        raise QuotaExceeded(message, user.tokens_a_day, used, resets_at)
