"""The stream as a pure function: whatever happens to a conversation, folding its events gives its texts."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.streaming.cursors import Cursor
from services.streaming.replay import next_event
from tests.support.stories import Story, Watcher, describe, tell

STEPS = ["start", "start", "continue", *["write"] * 5, "checkpoint", "checkpoint", "end", "end", "kill"]
STEPS += ["edit", "delete", "retitle"]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 1 << 32)), max_size=60))
@settings(max_examples=400, deadline=None)
def test_every_watcher_folds_to_the_texts_and_sees_each_run_end_once(steps: list[tuple[str, int]]) -> None:
    story, watchers = tell(steps)
    for watcher in watchers:
        assert watcher.pull(10_000)
        assert {id: watcher.texts.get(id) for id in story.messages} == {
            id: story.read(id) for id in story.messages
        }
    story.end()
    for watcher in watchers:
        assert watcher.pull(10_000)
        ended = {start: run.ended or 0 for start, run in story.runs.items()}
        assert all(watcher.finals.get(start) == 1 for start, end in ended.items() if end > watcher.since)
        assert all(count == 1 for count in watcher.finals.values())


def test_a_continuation_begins_with_the_text_it_builds_on() -> None:
    story = Story()
    story.start()
    story.write("One.")
    story.end()
    [message] = story.messages
    at = Cursor(story.version)
    story.start(message)
    story.write(" Two.")
    started, at = next_event(story.log(), at)
    delta, at = next_event(story.log(), at)
    assert describe(started)[1]["content"] == "One."  # type: ignore[index]
    assert describe(delta)[1] | {"cursor": ""} == {  # type: ignore[index]
        "cursor": "",
        "message_id": message,
        "offset": 4,
        "delta": " Two.",
    }


def test_what_a_kill_lost_is_taken_back() -> None:
    story = Story()
    watcher = Watcher(story)
    story.start()
    story.write("kept")
    story.checkpoint()
    story.write(" lost")
    watcher.pull(10)
    [message] = story.messages
    assert watcher.texts[message] == "kept lost"
    story.end(killed=True)
    watcher.pull(10)
    assert watcher.texts[message] == "kept"
