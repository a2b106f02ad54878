"""The broker of several processes: what happens in one is told to those who watch in the others, over a wire.

Frames are hints. One that is lost costs time, never text: what a run has written comes again when it is asked for,
and its checkpoints are in the rows. Nobody is sent text who has not asked for it.
"""

import asyncio
import logging
import math
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import islice

from services.broker import frames
from services.broker.frames import Frame, Kind
from services.broker.memory import Live, MemoryBroker, Topic
from services.broker.texts import GrowingText, Text
from services.broker.wires import Wire

logger = logging.getLogger("repartee.broker")

# Seconds between two questions for text while it comes, and after the first one that brings nothing.
ASK_SECONDS, FIRST_ASK_SECONDS = 5.0, 0.1
# Seconds for which a question is valid. Whoever hears nothing for as long asks no more.
ASKED_SECONDS = 12.0
# Seconds for the last frames of a process that ends.
_LAST_SECONDS = 1.0
# Seconds before frames that could not be sent are tried again, and how many of them are kept.
_RETRY_SECONDS, _MAX_KEPT = 0.25, 10_000


class Mirror(GrowingText):
    """The text of a run that another process writes, as far as it is known here: it only grows."""

    def __init__(self, run: int, text: str) -> None:
        super().__init__(text)
        self.run = run

    def take(self, offset: int, text: str) -> bool:
        """Appends what is new in the text from `offset` on. Returns False if there is a gap before it."""
        if offset > len(self):
            return False
        if new := text[len(self) - offset :]:
            self.append(new)
        return True


class RelayTopic(Topic):
    """`send` takes a kind, run and offset of a frame; text itself is taken when it is sent."""

    def __init__(self, on_unused: Callable[[], None], send: Callable[..., None]) -> None:
        super().__init__(on_unused)
        self._send = send
        # Of a run that is written here: until when it is wanted elsewhere, and up to where it was sent.
        self._wanted_until = -math.inf
        self._sent = 0
        # Of a run that is written elsewhere.
        self._mirror: Mirror | None = None
        self._asking: asyncio.TimerHandle | None = None
        self._pause = FIRST_ASK_SECONDS
        self._asked_at = self._heard_at = -math.inf

    def open(self, live: Live, on_change: Callable[[], None]) -> None:
        self._wanted_until = -math.inf
        super().open(live, on_change)
        self._send(Kind.ROWS)

    def close(self, live: Live) -> None:
        is_open = self.live is live
        super().close(live)
        if is_open:
            self._send(Kind.ROWS)

    def announce(self) -> None:
        # Whoever reads the rows anew asks again if a reply is still being written.
        self._stop_asking()
        super().announce()

    def tell_text(self) -> None:
        super().tell_text()
        if self.live is not None and _now() < self._wanted_until:
            self._send(Kind.TEXT)

    def follow(self, run: int, text: str) -> Text | None:
        """Returns the mirror of the run, at least as long as `text`, and asks for more."""
        if not any(listener.wants_text for listener in self.listeners):
            return None
        if self._mirror is None or self._mirror.run < run:
            self._mirror, self._heard_at, self._pause = Mirror(run, text), _now(), FIRST_ASK_SECONDS
        elif self._mirror.run > run:
            return None
        self._mirror.take(0, text)
        if self._asking is None:
            self._heard_at = _now()
            self._ask()
        return self._mirror

    def unsent(self) -> list[Frame]:
        """Returns the text that is wanted elsewhere, in frames without a sender."""
        if self.live is None:
            return []
        start, self._sent = min(self._sent, len(self.live)), len(self.live)
        return [
            Frame(Kind.TEXT, "", self.live.run, at, self.live.part(at, min(at + frames.MAX_TEXT, self._sent)))
            for at in range(start, self._sent, frames.MAX_TEXT)
        ]

    def receive(self, frame: Frame) -> None:
        match frame.kind:
            case Kind.ROWS:
                self.announce()
            case Kind.ASK if self.live is not None and self.live.run == frame.run:
                self._answer(frame.offset)
            case Kind.TEXT if self._mirror is not None and self._mirror.run == frame.run:
                self._take(self._mirror, frame)

    def stands(self) -> None:
        """Looks for what was missed while frames could not come."""
        self._pause = FIRST_ASK_SECONDS
        self.announce()

    def remove_unused(self) -> None:
        if not self.listeners:
            self._stop_asking()
        super().remove_unused()

    def _answer(self, offset: int) -> None:
        is_wanted = _now() < self._wanted_until
        self._sent = min(self._sent, offset) if is_wanted else offset
        self._wanted_until = _now() + ASKED_SECONDS
        self._send(Kind.TEXT)

    def _take(self, mirror: Mirror, frame: Frame) -> None:
        self._heard_at = _now()
        if mirror.take(frame.offset, frame.text):
            self._pause = ASK_SECONDS
            super().tell_text()
        elif self._heard_at - self._asked_at >= FIRST_ASK_SECONDS and self._asking is not None:
            self._pause = FIRST_ASK_SECONDS
            self._ask()

    def _ask(self) -> None:
        """Asks for text from where it is missing: more and more seldom, until somebody answers."""
        self._stop_asking()
        mirror = self._mirror
        if mirror is None or _now() - self._heard_at > ASKED_SECONDS:
            return
        if any(listener.wants_text for listener in self.listeners):
            self._send(Kind.ASK, mirror.run, len(mirror))
            self._asked_at = _now()
            self._asking = asyncio.get_running_loop().call_later(self._pause, self._ask)
            self._pause = min(2 * self._pause, ASK_SECONDS)

    def _stop_asking(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None


class RelayBroker(MemoryBroker):
    """Subscribes on the wire to the conversations that somebody watches or writes here."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire
        self._name = secrets.token_hex(8)
        # The newest frame of a kind is enough. Text is no frame yet, so nothing queues up while it cannot be sent.
        self._outbox: dict[tuple[str, Kind], Frame] = {}
        self._is_due = asyncio.Event()
        self._sending: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._wire.is_up

    def start(self) -> None:
        """Connects, and keeps connected."""
        self._wire.open(self._receive)
        self._sending = asyncio.create_task(self._send_all())

    async def close(self) -> None:
        """Sends what has not been sent, if that is possible."""
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self._send()
        await self._wire.close()

    def follow(self, conversation_id: str, run: int, text: str) -> Text | None:
        topic = self._relayed(conversation_id)
        return topic.follow(run, text) if topic else None

    def _announce(self, conversation_id: str) -> None:
        super()._announce(conversation_id)
        self._put(conversation_id, Kind.ROWS)

    def _new_topic(self, conversation_id: str) -> RelayTopic:
        topic = RelayTopic(partial(self._remove, conversation_id), partial(self._put, conversation_id))
        self._wire.subscribe(conversation_id, topic.stands)
        return topic

    def _remove(self, conversation_id: str) -> None:
        super()._remove(conversation_id)
        self._wire.unsubscribe(conversation_id)

    def _put(self, conversation_id: str, kind: Kind, run: int = 0, offset: int = 0) -> None:
        self._outbox[conversation_id, kind] = Frame(kind, self._name, run, offset)
        self._is_due.set()

    async def _send_all(self) -> None:
        """Sends what there is at once, then what has come within the wire's pace."""
        while True:
            await self._is_due.wait()
            self._is_due.clear()
            is_sent = await self._send()
            await asyncio.sleep(self._wire.pace if is_sent else _RETRY_SECONDS)

    async def _send(self) -> bool:
        outbox, self._outbox = self._outbox, {}
        try:
            if outgoing := self._encoded(outbox):
                await self._wire.publish(outgoing)
            return True
        except Exception as error:
            # The wire itself says that it is down. Text is asked for again, but nobody would ask for these.
            logger.debug("%d frames could not be sent: %s", len(outgoing), type(error).__name__)
            kept = {key: frame for key, frame in outbox.items() if frame.kind is Kind.ROWS}
            self._outbox = dict(islice(kept.items(), _MAX_KEPT)) | self._outbox
            self._is_due.set()
            return False

    def _encoded(self, outbox: Mapping[tuple[str, Kind], Frame]) -> list[tuple[str, bytes]]:
        encoded = []
        for (conversation_id, kind), frame in outbox.items():
            whole = self._unsent(conversation_id) if kind is Kind.TEXT else [frame]
            encoded += [(conversation_id, one.encoded()) for one in whole]
        return encoded

    def _unsent(self, conversation_id: str) -> list[Frame]:
        topic = self._relayed(conversation_id)
        texts = topic.unsent() if topic else []
        return [one._replace(sender=self._name) for one in texts]

    def _receive(self, conversation_id: str, data: bytes) -> None:
        frame, topic = frames.decoded(data), self._relayed(conversation_id)
        if frame is not None and frame.sender != self._name and topic is not None:
            topic.receive(frame)

    def _relayed(self, conversation_id: str) -> RelayTopic | None:
        topic = self._topics.get(conversation_id)
        return topic if isinstance(topic, RelayTopic) else None


def _now() -> float:
    return asyncio.get_running_loop().time()
