"""Tests of the server-sent events parser."""

import time

import pytest

from services.engines.sse import MAX_EVENT_BYTES, EventReader, EventTooLong

STREAM = (
    "data: grüß 日本 🦊\r\n\r\n: still here\n\ndata: one\r\ndata: two\r\n\nevent: x\rid: 7\rdata:three\r\rdata\n\n"
)
EVENTS = ["grüß 日本 🦊", "one\ntwo", "three", ""]


def read(*parts: bytes) -> list[str]:
    reader = EventReader()
    return [event for part in parts for event in reader.feed(part)]


def test_every_line_end_comments_and_several_lines_are_understood():
    assert read(STREAM.encode()) == EVENTS


@pytest.mark.parametrize("at", range(len(STREAM.encode())))
def test_a_stream_cut_anywhere_gives_the_same_events(at):
    whole = STREAM.encode()
    assert read(whole[:at], whole[at:]) == EVENTS


def test_a_stream_in_single_bytes_gives_the_same_events():
    assert read(*(bytes([byte]) for byte in STREAM.encode())) == EVENTS


def test_an_event_comes_with_its_last_byte_and_one_without_end_never():
    reader = EventReader()
    assert list(reader.feed(b"data: a\r\n\r")) == ["a"]
    assert list(reader.feed(b"\ndata: b\n")) == []


def test_other_line_separators_are_text():
    assert read("data: a\u2028b\x85c\x0bd\n\n".encode()) == ["a\u2028b\x85c\x0bd"]


def test_a_byte_order_mark_is_no_part_of_the_first_field():
    assert read(b"\xef\xbb\xbfdata: a\n\n") == ["a"]


def test_a_long_line_in_small_chunks_takes_linear_time():
    reader = EventReader()
    started = time.process_time()
    for _ in range(MAX_EVENT_BYTES // 256):
        assert list(reader.feed(b"data: ".ljust(256, b"x"))) == []
    # It takes about 0.02 seconds, and 17 seconds when each chunk searches the whole line again.
    assert time.process_time() - started < 2


def test_a_line_and_an_event_of_the_maximum_size_are_read():
    line = b"data: ".ljust(MAX_EVENT_BYTES, b"x")
    assert read(line[:9], line[9:], b"\n\n") == [line[6:].decode()]
    half = "x" * (MAX_EVENT_BYTES // 2 - 1)
    event = f"data: {half}\ndata: {half}y\n\n".encode()
    assert read(event, event) == [f"{half}\n{half}y"] * 2


@pytest.mark.parametrize(
    "too_long",
    [
        b"data: ".ljust(MAX_EVENT_BYTES + 1, b"x"),
        b": comment".ljust(MAX_EVENT_BYTES + 1, b"x"),
        b"data: ".ljust(MAX_EVENT_BYTES // 2, b"x") + b"\ndata: ".ljust(MAX_EVENT_BYTES // 2 + 20, b"x") + b"\n",
        b"data\n" * (MAX_EVENT_BYTES + 2),
    ],
)
def test_a_line_or_an_event_that_is_too_long_is_refused_after_the_events_before_it(too_long):
    stream = b"data: before\n\n" + too_long
    reader = EventReader()
    events = (event for at in range(0, len(stream), 65536) for event in reader.feed(stream[at : at + 65536]))
    assert next(events) == "before"
    with pytest.raises(EventTooLong):
        next(events)
