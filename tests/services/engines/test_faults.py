"""Tests of provider failures: each one ends as a typed error."""

import asyncio
import gzip
import json
import logging
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from models import FailureCode
from services.engines.faults import seconds_to_wait
from tests.services.engines.conftest import KEY
from tests.services.engines.provider import tell
from tests.services.engines.replies import HELLO, code_of, failed, text_of


def status(code: int, body=None, **headers: str):
    async def script(answer):
        await answer.whole(code, body or {"error": {"message": f"No, {KEY}!"}}, **headers)

    return script


def events(*datas, end: bool = True):
    async def script(answer):
        await answer.begin()
        for data in datas:
            await answer.event(data)
        await (answer.done() if end else answer.end())

    return script


def delta(content=None, finish=None):
    return {"choices": [{"delta": {"content": content}, "finish_reason": finish}]}


@pytest.mark.parametrize(
    "script, code, retryable",
    [
        (status(401), "ENGINE_REFUSED", False),
        (status(403), "ENGINE_REFUSED", False),
        (status(404), "ENGINE_REFUSED", False),
        (status(400), "ENGINE_REFUSED", False),
        (status(402), "ENGINE_REFUSED", False),
        (status(302, Location="http://elsewhere.invalid/"), "ENGINE_REFUSED", False),
        (status(408), "ENGINE_TIMEOUT", True),
        (status(429), "RATE_LIMITED", True),
        (status(500), "ENGINE_UNAVAILABLE", True),
        (status(503), "ENGINE_UNAVAILABLE", True),
        (status(400, {"error": {"code": "context_length_exceeded"}}), "CONTEXT_TOO_LONG", False),
        (status(400, {"message": "This model's maximum context length is 9 tokens."}), "CONTEXT_TOO_LONG", False),
        (status(400, {"error": {"type": "exceed_context_size_error"}}), "CONTEXT_TOO_LONG", False),
        (status(400, {"error": {"message": "prompt is too long: 9 tokens > 8"}}), "CONTEXT_TOO_LONG", False),
        (status(400, {"error": {"code": "content_filter"}}), "CONTENT_FILTERED", False),
        (status(400, {"error": {"message": "no such role in this context"}}), "ENGINE_REFUSED", False),
    ],
)
async def test_an_unsuccessful_http_response_is_a_typed_failure(engine, provider, script, code, retryable):
    provider.plays(script)
    failure = (await failed(engine))[1]
    assert (failure.code, failure.retryable) == (code, retryable)


@pytest.mark.parametrize(
    "script, code",
    [
        (events(delta("Once"), end=False), "ENGINE_BROKE_OFF"),
        (events(delta("Once")), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), '{"choices": [{"del'), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), "[1, 2]"), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), {"choices": ["text"]}), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), {"choices": 5}), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), delta({"text": "x"})), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), delta(finish={"reason": "stop"})), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), delta(finish="error")), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), '{"choices":' + "[" * 100_000), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), '{"error":' + "[" * 100_000 + "]" * 100_000 + "}"), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), '{"created":' + "9" * 5000 + "}"), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), {"error": {"message": "CUDA error"}}), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), {"error": "out of memory"}), "ENGINE_BROKE_OFF"),
        (events(delta("Once"), {"error": {"code": 429, "message": "x"}}), "RATE_LIMITED"),
        (events(delta("Once"), {"error": {"code": "rate_limit_exceeded"}}), "RATE_LIMITED"),
        (
            events(delta("Once"), {"error": {"code": 400, "message": "context window exceeded"}}),
            "CONTEXT_TOO_LONG",
        ),
        (events(delta("Once"), {"error": {"type": "context_length_exceeded"}}), "CONTEXT_TOO_LONG"),
        (events(delta("Once"), {"error": {"code": "content_policy_violation"}}), "CONTENT_FILTERED"),
        (events(delta("Once"), delta(finish="content_filter")), "CONTENT_FILTERED"),
    ],
)
async def test_an_invalid_stream_fails_after_the_text_before_it(engine, provider, script, code):
    provider.plays(script)
    text, failure = await failed(engine)
    assert (text, failure.code) == ("Once", code)
    assert len(provider.requests) == 1


def endless(content: bytes, *datas):
    async def script(answer):
        await answer.begin()
        for data in datas:
            await answer.event(data)
        for _ in range(8 * 1024 * 1024 // len(content)):
            await answer.bytes(content)
        await answer.end()

    return script


@pytest.mark.parametrize("content", [b"data: ".ljust(65536, b"x"), b"data: ".ljust(65535, b"x") + b"\n"])
async def test_an_endless_line_or_event_ends_the_reply_after_the_text_before_it(engine, provider, content):
    provider.plays(endless(content, delta("Once")))
    text, failure = await failed(engine)
    assert (text, failure.code, failure.retryable) == ("Once", "ENGINE_BROKE_OFF", True)
    assert "1 MiB" in failure.message


async def test_a_compressed_endless_line_ends_the_reply_after_the_text_before_it(engine, provider):
    stream = f"data: {json.dumps(delta('Once'))}\n\ndata: ".encode() + b"x" * 50_000_000
    provider.plays(status(200, gzip.compress(stream), Content_Encoding="gzip"))
    text, failure = await failed(engine)
    assert (text, failure.code) == ("Once", "ENGINE_BROKE_OFF")
    assert "1 MiB" in failure.message


async def test_an_endless_line_after_the_finish_reason_does_not_fail_the_reply(engine, provider):
    provider.plays(endless(b"x" * 65536, delta("Once"), delta(finish="stop")))
    assert await text_of(engine) == "Once"


@pytest.mark.parametrize("code, meant", [(500, "ENGINE_UNAVAILABLE"), (400, "ENGINE_REFUSED")])
async def test_an_error_body_of_more_than_4_mib_is_not_read_and_the_status_decides(engine, provider, code, meant):
    body = b"context_length_exceeded".ljust(4 * 1024 * 1024 + 1)
    provider.plays(status(code, body))
    assert await code_of(engine) == meant
    provider.plays(status(code, body[:-1]))
    assert await code_of(engine) == "CONTEXT_TOO_LONG"


@pytest.mark.parametrize("said", [(), (delta(""),), (delta(" \n"),)])
async def test_an_empty_reply_is_a_failure(engine, provider, said):
    provider.plays(events(*said, delta(finish="stop")))
    assert await code_of(engine) is FailureCode.ENGINE_BROKE_OFF


async def test_a_page_in_place_of_a_stream_is_a_failure(engine, provider):
    provider.plays(status(200, b"<html>Welcome to nginx!</html>"))
    assert await code_of(engine) is FailureCode.ENGINE_BROKE_OFF


async def test_a_connection_lost_in_mid_reply_breaks_it_off(engine, provider):
    async def script(answer):
        await answer.begin()
        await answer.delta("Once")
        answer.reset()

    provider.plays(script)
    text, failure = await failed(engine)
    assert (text, failure.code, failure.retryable) == ("Once", "ENGINE_BROKE_OFF", True)
    assert len(provider.requests) == 1


async def test_a_closed_port_is_unavailable(make_engine):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        engine = make_engine(url=f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
        failure = (await failed(engine))[1]
    assert (failure.code, failure.retryable) == ("ENGINE_UNAVAILABLE", True)


async def silent(answer):
    await answer.until_closed()


async def silent_after_a_word(answer):
    await answer.begin()
    await answer.delta("Once")
    await answer.until_closed()


async def only_comments(answer):
    await answer.begin()
    await answer.delta("Once")
    closed = asyncio.create_task(answer.until_closed())
    while not closed.done():
        await answer.bytes(b": processing\n\n")
        await asyncio.wait([closed], timeout=0.01)


@pytest.mark.parametrize("script, text", [(silent, ""), (silent_after_a_word, "Once"), (only_comments, "Once")])
async def test_no_progress_is_a_timeout_and_is_not_retried(make_engine, provider, script, text):
    provider.plays(script)
    said, failure = await failed(make_engine(timeout=0.1))
    assert (said, failure.code, failure.retryable) == (text, "ENGINE_TIMEOUT", True)
    assert len(provider.requests) == 1


async def lost(answer):
    answer.reset()


@pytest.mark.parametrize("trouble", [lost, status(503), status(502), status(429, Retry_After="0")])
async def test_a_transient_failure_before_the_first_token_is_retried(engine, provider, trouble):
    provider.plays(trouble, trouble, tell)
    assert await text_of(engine) == "Once upon a time."
    assert len(provider.requests) == 3


@pytest.mark.parametrize(
    "trouble, requests",
    [
        (lost, 3),
        (status(503), 3),
        (status(503, Retry_After="30"), 1),
        (status(429), 1),
        (status(429, Retry_After="30"), 1),
        (status(401), 1),
        (status(400), 1),
    ],
)
async def test_only_transient_failures_are_retried(engine, provider, trouble, requests):
    provider.plays(trouble)
    await failed(engine)
    assert len(provider.requests) == requests


async def test_a_rate_limit_has_the_seconds_to_wait(engine, provider):
    provider.plays(status(429, Retry_After="17"))
    failure = (await failed(engine))[1]
    assert (failure.code, failure.retryable, failure.retry_after_seconds) == ("RATE_LIMITED", True, 17)


@pytest.mark.parametrize(
    "said, meant",
    [
        (None, None),
        ("17", 17),
        ("0.2", 1),
        ("-5", 0),
        ("99999999999", 86_400),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        (format_datetime(datetime.now(UTC) + timedelta(days=9), usegmt=True), 86_400),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(said, meant):
    assert seconds_to_wait(said) == meant


async def test_a_failed_reply_frees_its_slot(make_engine, provider):
    engine = make_engine(max_replies=1)
    provider.plays(status(401), silent_after_a_word, tell)
    assert await code_of(engine) is FailureCode.ENGINE_REFUSED
    pieces = engine.reply(HELLO)
    await anext(pieces)
    await pieces.aclose()
    assert await text_of(engine) == "Once upon a time."


@pytest.mark.parametrize(
    "script",
    [status(401), status(400), status(500), status(429), events({"error": {"message": KEY}}), events(KEY)],
)
async def test_no_failure_and_no_log_repeats_the_key(engine, provider, script, caplog):
    provider.plays(script)
    with caplog.at_level(logging.DEBUG):
        failure = (await failed(engine))[1]
    assert KEY not in json.dumps([failure.message, caplog.text])


async def test_no_failure_repeats_the_password_of_an_address(make_engine, provider, caplog):
    provider.plays(status(404))
    with caplog.at_level(logging.DEBUG):
        failure = (await failed(make_engine(url=provider.url.replace("//", "//me:hush-hush@"), key=None)))[1]
    assert "hush-hush" not in failure.message + caplog.text
