"""A conversation in memory, for checking the stream: what happens to it, and what a client makes of the events."""

import random
from dataclasses import dataclass, field

from models import Failure, FailureCode, FinishReason, Status
from services.broker.texts import GrowingText, StoredText, Text
from services.streaming.cursors import Cursor
from services.streaming.events import (
    ReplyDelta,
    ReplyEvent,
    ReplyFailed,
    ReplyFinished,
    ReplySnapshot,
    ReplyStarted,
)
from services.streaming.replay import Log, MessageState, RunState, next_event

CONVERSATION = "conv_" + "0123456789abcdef" * 2

_LOST = Failure(FailureCode.INTERRUPTED, "gone", True)


@dataclass
class Said:
    text: str = ""
    edited: int = 0


@dataclass
class Story:
    """Messages by id, runs by start. While a run is open, its text grows in `live`; the message lags behind."""

    version: int = 1
    messages: dict[str, Said] = field(default_factory=dict)
    runs: dict[int, RunState] = field(default_factory=dict)
    live: GrowingText | None = None

    @property
    def running(self) -> RunState | None:
        return next((run for run in self.runs.values() if run.ended is None), None)

    def tick(self) -> int:
        self.version += 1
        return self.version

    def start(self, message: str | None = None) -> None:
        if self.running:
            return
        message = message or f"msg_{self.version}"
        said = self.messages.setdefault(message, Said())
        version = self.tick()
        self.runs[version] = RunState(version, message, len(said.text))
        self.live = GrowingText(said.text)

    def write(self, text: str) -> None:
        if self.live is not None:
            self.live.append(text)

    def checkpoint(self) -> None:
        if (run := self.running) and self.live is not None:
            self.messages[run.message_id].text = self.live.part(0, len(self.live))

    def end(self, killed: bool = False) -> None:
        if run := self.running:
            if not killed:
                self.checkpoint()
            length = len(self.messages[run.message_id].text)
            status, failure = (Status.INTERRUPTED, _LOST) if killed else (Status.COMPLETED, None)
            finish = None if killed else FinishReason.END
            self.runs[run.started] = RunState(
                run.started, run.message_id, run.start_offset, self.tick(), length, status, finish, failure
            )
            self.live = None

    def edit(self, message: str, text: str) -> None:
        if not (self.running and self.running.message_id == message):
            self.messages[message] = Said(text, self.tick())

    def delete(self, message: str) -> None:
        if self.running and self.running.message_id == message:
            self.end()
        del self.messages[message]
        self.runs = {start: run for start, run in self.runs.items() if run.message_id != message}
        self.tick()

    def text(self, message: str) -> Text:
        if self.running and self.running.message_id == message and self.live is not None:
            return self.live
        return StoredText(self.messages[message].text)

    def read(self, message: str) -> str:
        text = self.text(message)
        return text.part(0, len(text))

    def log(self) -> Log:
        return self._log(set(self.runs), set(self.messages))

    def log_near(self, at: Cursor) -> Log:
        """Only what the service reads: the run at the cursor, its neighbours, the open one, and the next edit."""
        starts = sorted(self.runs)
        before = [start for start in starts if start <= at.version][-1:]
        after = [start for start in starts if start > at.version][:1]
        runs = {*before, *after, *(start for start in starts if start == at.run or self.runs[start].ended is None)}
        edits = sorted((said.edited, id) for id, said in self.messages.items() if said.edited > at.version)
        return self._log(runs, {self.runs[start].message_id for start in runs} | {id for _, id in edits[:1]})

    def _log(self, runs: set[int], messages: set[str]) -> Log:
        return Log(
            CONVERSATION,
            {start: self.runs[start] for start in sorted(runs)},
            {id: self._state(id) for id in messages},
        )

    def _state(self, id: str) -> MessageState:
        edited = self.messages[id].edited
        later = [run.start_offset for run in self.runs.values() if run.message_id == id and run.started > edited]
        return MessageState(id, self.text(id), edited, min(later) if later and edited else None)


class Watcher:
    """Reads the texts at some moment, and folds every event after the cursor that it took before that."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.since = story.version
        self.at = Cursor(story.version)
        self.texts: dict[str, str] = {}
        self.finals: dict[int, int] = {}

    def load(self) -> None:
        self.texts = {id: self.story.read(id) for id in self.story.messages}

    def pull(self, count: int) -> bool:
        """Take up to `count` events; tell whether there are no more."""
        for _ in range(count):
            inside = self.at.run
            event, then = next_event(self.story.log(), self.at)
            near, near_then = next_event(self.story.log_near(self.at), self.at)
            assert (describe(near), near_then) == (describe(event), then), (
                "reading less must not change the stream"
            )
            self.at = then
            if event is None:
                return True
            self._fold(event, inside)
        return False

    def _fold(self, event: ReplyEvent, inside: int) -> None:
        match event:
            case ReplyStarted() | ReplySnapshot():
                self.texts[event.message_id] = event.content
            case ReplyDelta():
                before = self.texts.get(event.message_id, "").encode("utf-16-le")[: 2 * event.offset]
                self.texts[event.message_id] = before.decode("utf-16-le") + event.delta
            case ReplyFinished() | ReplyFailed():
                self.finals[inside] = self.finals.get(inside, 0) + 1
                run = self.story.runs[inside]
                said = self.story.messages[event.message_id]
                if said.edited <= run.started:
                    assert self.texts[event.message_id] == said.text[: run.end_offset]


def describe(event: ReplyEvent | None) -> object:
    """Return what a client would see of the event."""
    if event is None:
        return None
    seen = {name: value for name, value in vars(event).items() if name not in ("as_of", "answers")}
    return type(event).__name__, seen, event.as_of.content


def tell(steps: list[tuple[str, int]]) -> tuple[Story, list[Watcher]]:
    """Let the steps happen, with watchers that come, read late, and pull in between; then all catch up."""
    story, watchers, late = Story(), [], []
    for step, number in steps:
        rnd = random.Random(number)
        act(story, step, rnd)
        if rnd.random() < 0.2:
            late.append(Watcher(story))
        if late and rnd.random() < 0.5:
            late[0].load()
            watchers.append(late.pop(0))
        for watcher in watchers:
            if rnd.random() < 0.5:
                watcher.pull(rnd.randint(1, 4))
    for watcher in late:
        watcher.load()
    return story, watchers + late


def act(story: Story, step: str, rnd: random.Random) -> None:
    message = rnd.choice(sorted(story.messages)) if story.messages else None
    match step:
        case "start":
            story.start()
        case "write":
            story.write("".join(rnd.choice("abcé😀") for _ in range(rnd.randint(1, 4))))
        case "checkpoint":
            story.checkpoint()
        case "end":
            story.end()
        case "kill":
            story.end(killed=True)
        case "retitle":
            story.tick()
        case "continue" if message:
            story.start(message)
        case "edit" if message:
            story.edit(message, rnd.choice(["", "xyz", "longer than before, much longer"]))
        case "delete" if message:
            story.delete(message)
