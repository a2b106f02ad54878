"""What holds for every wire: Redis or Valkey, PostgreSQL's NOTIFY, and the supervisor's hub."""

import asyncio

import pytest

from services.broker import frames
from services.broker.frames import Frame, Kind
from tests.services.broker.conftest import Wires, ears
from tests.support.makers import until


async def test_a_frame_reaches_all_who_subscribe_to_its_topic_and_nobody_else(wires: Wires) -> None:
    async with ears(wires, 3) as [sender, one, other]:
        await one.listen("a", "b")
        await other.listen("b")
        await sender.wire.publish([("a", b"1"), ("b", b"2"), ("c", b"3"), ("a", b"4")])
        await until(lambda: len(one.heard) == 3 and len(other.heard) == 1)
        assert [frame for topic, frame in one.heard if topic == "a"] == [b"1", b"4"]
        assert other.heard == [("b", b"2")]
        assert sender.heard == []


async def test_what_is_no_longer_subscribed_to_does_not_come(wires: Wires) -> None:
    async with ears(wires, 2) as [sender, ear]:
        await ear.listen("a", "b")
        ear.wire.unsubscribe("a")
        # It stands only after what was asked for before it.
        await ear.listen("c")
        await sender.wire.publish([("a", b"1"), ("b", b"2")])
        await until(lambda: ear.heard)
        assert ear.heard == [("b", b"2")]


async def test_a_topic_that_is_wanted_again_stands_again(wires: Wires) -> None:
    async with ears(wires, 2) as [sender, ear]:
        for count in range(1, 4):
            ear.stood.clear()
            await ear.listen("a")
            await sender.wire.publish([("a", b"%d" % count)])
            await until(lambda count=count: len(ear.heard) == count)
            ear.wire.unsubscribe("a")


async def test_a_thousand_topics_stand(wires: Wires) -> None:
    topics = [f"topic_{number}" for number in range(1000)]
    async with ears(wires, 2) as [sender, ear]:
        await ear.listen(*topics)
        await sender.wire.publish([(topic, b"x") for topic in topics])
        await until(lambda: len(ear.heard) == 1000)


async def test_the_longest_frame_arrives_whole(wires: Wires) -> None:
    text = "\U0001f600" * frames.MAX_TEXT
    longest = Frame(Kind.TEXT, "0" * 16, 1 << 40, 1 << 40, text).encoded()
    async with ears(wires, 2) as [sender, ear]:
        await ear.listen("conv_" + "0" * 32)
        await sender.wire.publish([("conv_" + "0" * 32, longest)])
        await until(lambda: ear.heard)
        assert frames.decoded(ear.heard[0][1]) == Frame(Kind.TEXT, "0" * 16, 1 << 40, 1 << 40, text)


async def test_after_an_interruption_all_topics_stand_again(wires: Wires) -> None:
    async with ears(wires, 2) as [sender, ear]:
        await ear.listen("a", "b")
        ear.stood.clear()
        await wires.cut()
        await until(lambda: sorted(ear.stood) == ["a", "b"])
        await until(lambda: sender.wire.is_up)
        await sender.wire.publish([("a", b"1")])
        await until(lambda: ear.heard == [("a", b"1")])


async def test_an_interruption_is_logged_once_and_its_end_too(
    wires: Wires, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "repartee.broker")
    async with ears(wires, 1) as [ear]:
        await ear.listen("a")
        ear.stood.clear()
        await wires.cut()
        await until(lambda: ear.stood)
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_nothing_can_be_sent_where_nobody_answers(hub: Wires) -> None:
    wire = hub.make()
    with pytest.raises(ConnectionError):
        await wire.publish([("a", b"1")])


@pytest.mark.parametrize(
    "junk", [b"", b"x", b"n sender 1", b"t sender one 2 text", b"\xff\xfe a b c d", b"z s 1 2 x"]
)
def test_what_no_process_of_ours_has_sent_is_no_frame(junk: bytes) -> None:
    assert frames.decoded(junk) is None


def test_frames_read_as_they_were_written() -> None:
    frame = Frame(Kind.TEXT, "me", 3, 5, "two words\nand a line")
    assert frames.decoded(frame.encoded()) == frame


async def test_closing_ends_all_tasks(wires: Wires) -> None:
    before = asyncio.all_tasks()
    async with ears(wires, 1) as [ear]:
        await ear.listen("a")
    await until(lambda: asyncio.all_tasks() <= before)
