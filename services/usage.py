"""Usage: replies and tokens of each user by days in UTC, counted where a reply ends. It outlives the chats."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from models import Database, TokenUsage, UsageDay, insert_of, now

MAX_DAYS = 366
# Characters of a text that are about a token, where nobody counted.
_CHARACTERS = 4


class UsageService:
    """`is_kept`: whether usage is counted, which only servers with accounts do."""

    def __init__(self, database: Database, is_kept: bool) -> None:
        self._database = database
        self._is_kept = is_kept

    async def record(self, session: AsyncSession, owner: str, usage: TokenUsage | None, text: str) -> None:
        """Adds a reply to the day of its owner; without a count of its tokens they are counted by its text."""
        if not self._is_kept:
            return
        used = usage or TokenUsage(0, len(text) // _CHARACTERS, estimated=True)
        counts = {"replies": 1, "prompt_tokens": used.prompt_tokens, "completion_tokens": used.completion_tokens}
        added = {name: getattr(UsageDay, name) + count for name, count in counts.items()}
        keeping = insert_of(session, UsageDay).on_conflict_do_update(index_elements=["user_id", "day"], set_=added)
        await session.execute(keeping, [{"user_id": owner, "day": today(), **counts}])

    async def today(self, owner: str, user_ids: Sequence[str]) -> list[int]:
        """Returns the tokens of today of each user."""
        async with self._database.read(owner) as session:
            found = await tokens_of_day(session, user_ids, today())
        return [found.get(id, 0) for id in user_ids]

    async def days(self, owner: str, count: int) -> Sequence[UsageDay]:
        """Returns the owner's days with replies among the last `count`, the latest first."""
        since = today() - timedelta(days=count - 1)
        query = select(UsageDay).where(UsageDay.user_id == owner, UsageDay.day >= since)
        async with self._database.read(owner) as session:
            return list(await session.scalars(query.order_by(UsageDay.day.desc())))


async def tokens_of_day(session: AsyncSession, user_ids: Sequence[str], day: date) -> dict[str, int]:
    query = select(UsageDay.user_id, UsageDay.prompt_tokens + UsageDay.completion_tokens)
    rows = await session.execute(query.where(UsageDay.user_id.in_(user_ids), UsageDay.day == day))
    return {row[0]: row[1] for row in rows}


def today() -> date:
    return now().date()


def end_of_day() -> datetime:
    return datetime.combine(today() + timedelta(days=1), time(), UTC)
