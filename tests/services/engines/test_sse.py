"""Events out of bytes."""

import pytest

from services.engines.sse import EventReader

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
