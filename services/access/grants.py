"""What is open in this process by a credential: sockets, streams and waiting mutations, and how it ends."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from models import now
from services.access.identity import Identity

End = Callable[[], object]

# asyncio's timers reach no further than some weeks on some systems.
_LONGEST = 7 * 24 * 3600.0


class Grants:
    def __init__(self) -> None:
        self._by_credential: defaultdict[str, set[End]] = defaultdict(set)
        self._by_owner: defaultdict[str, set[End]] = defaultdict(set)
        # Called whenever something ends: who remembers identities forgets them.
        self.on_end: list[Callable[[], object]] = []

    @contextmanager
    def held(self, caller: Identity, end: End) -> Iterator[None]:
        """Calls `end` once when the caller's credential ends, at the latest when it expires."""
        places = [self._by_owner[caller.owner]]
        if caller.credential_id:
            places.append(self._by_credential[caller.credential_id])
        for place in places:
            place.add(end)
        timer = _at_expiry(caller, end)
        try:
            yield
        finally:
            for place in places:
                place.discard(end)
            if timer:
                timer.cancel()
            self._drop_empty(caller)

    def open_credentials(self) -> list[str]:
        return [id for id, held in self._by_credential.items() if held]

    def open_owners(self) -> list[str]:
        return [owner for owner, held in self._by_owner.items() if held]

    def end_credentials(self, ids: Iterable[str]) -> None:
        self._end(self._by_credential, ids)

    def end_owners(self, owners: Iterable[str]) -> None:
        self._end(self._by_owner, owners)

    def _end(self, places: dict[str, set[End]], keys: Iterable[str]) -> None:
        for forget in self.on_end:
            forget()
        for key in keys:
            for end in list(places.get(key, ())):
                end()

    def _drop_empty(self, caller: Identity) -> None:
        if not self._by_owner.get(caller.owner):
            self._by_owner.pop(caller.owner, None)
        if caller.credential_id and not self._by_credential.get(caller.credential_id):
            self._by_credential.pop(caller.credential_id, None)


def _at_expiry(caller: Identity, end: End) -> asyncio.TimerHandle | None:
    if caller.expires_at is None:
        return None
    seconds = (caller.expires_at - now()).total_seconds()
    return None if seconds > _LONGEST else asyncio.get_running_loop().call_later(max(0.0, seconds), end)
