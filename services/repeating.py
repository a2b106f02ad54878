"""Work that a process does again and again beside requests."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from models import Unavailable

Work = Callable[[], Awaitable[None]]


async def repeat(work: Work, pause: float, logger: logging.Logger, complaint: str) -> None:
    """Does the work after each pause in seconds, until it is cancelled. A failure is logged as the complaint."""
    while True:
        await asyncio.sleep(pause)
        await attempt(work, logger, complaint)


async def attempt(work: Work, logger: logging.Logger, complaint: str) -> None:
    try:
        await work()
    except Unavailable:
        logger.debug("The database is busy; the work is done later.")
    except Exception:
        logger.exception(complaint)
