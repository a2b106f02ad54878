"""Metrics as Prometheus reads them, from a server that does what they count."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from models import LOCAL_OWNER, Database, FailureCode
from schema.endpoint.metrics import MetricsServer
from services import Services
from services.engines import EngineError
from services.measures import Durations
from services.replies.options import ReplyMode, ReplyOptions
from tests.conftest import serving
from tests.support.makers import TestEngine, make_conversation, until
from tests.support.processes import refused, started


@pytest.fixture
async def address(services: Services) -> AsyncIterator[str]:
    metrics = MetricsServer(services)
    port = await metrics.open("127.0.0.1", 0)
    yield f"http://127.0.0.1:{port}"
    await metrics.close()


async def numbers(address: str) -> dict[str, float]:
    """Returns what a scrape gives: each sample by its name and the values of its labels."""
    async with httpx2.AsyncClient() as http:
        response = await http.get(f"{address}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=")
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


async def test_replies_are_counted_by_how_they_ended(services: Services, engine: TestEngine, address: str) -> None:
    conversation = await make_conversation(services)
    engine.answer("Yes")
    await services.replies.send(LOCAL_OWNER, conversation.id, "One?", None, ReplyOptions())
    engine.say(EngineError(FailureCode.ENGINE_REFUSED, "No.", False))
    await services.replies.send(LOCAL_OWNER, conversation.id, "Two?", None, ReplyOptions())
    background = ReplyOptions(ReplyMode.BACKGROUND)
    await services.replies.send(LOCAL_OWNER, conversation.id, "Three?", None, background)
    seen = await numbers(address)
    assert seen["repartee_replies_running"] == 1
    assert seen["repartee_first_text_seconds_count"] == 1
    await services.replies.stop(LOCAL_OWNER, conversation.id)
    await until(lambda: not services.writer.keys)
    seen = await numbers(address)
    names = ("COMPLETED", "FAILED", "STOPPED", "INTERRUPTED")
    assert [seen[f"repartee_replies_total {name}"] for name in names] == [1, 1, 1, 0]
    assert seen["repartee_replies_running"] == 0


async def test_watchers_and_open_connections_are_there_while_they_are(services: Services, address: str) -> None:
    conversation = await make_conversation(services)
    watching = "subscription ($id: ID!) { replyStream(conversationId: $id) { cursor } }"
    async with serving(services) as client:

        async def watched() -> list[float]:
            seen = await numbers(address)
            names = ("repartee_watchers conversation", "repartee_watchers list", "repartee_open_connections")
            return [seen[name] for name in names]

        assert await watched() == [0, 0, 0]
        tasks = [asyncio.create_task(drain(client.watch(watching, id=conversation.id))) for _ in range(2)]
        tasks.append(
            asyncio.create_task(
                drain(client.watch("subscription { conversationsChanged { deletedConversationId } }"))
            )
        )
        await until(lambda: is_equal(watched, [2, 1, 3]))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: is_equal(watched, [0, 0, 0]))


async def drain(events) -> None:
    async with aclosing(events):
        async for _ in events:
            pass


async def is_equal(read, expected) -> bool:
    return await read() == expected


async def test_the_database_and_the_event_loop_are_seen(
    services: Services, database: Database, address: str
) -> None:
    await services.writer.checkpoints.store()
    conversation = await make_conversation(services)
    options = ReplyOptions(ReplyMode.BACKGROUND)
    await services.replies.send(LOCAL_OWNER, conversation.id, "One?", None, options)
    await services.writer.checkpoints.store()
    async with database.read(LOCAL_OWNER) as session:
        await session.connection()
        seen = await numbers(address)
        assert seen["repartee_database_connections reads"] >= 1
    assert seen["repartee_checkpoint_seconds_count"] >= 1
    assert seen["process_resident_memory_bytes"] > 10_000_000

    async def is_measured() -> bool:
        return (await numbers(address))["repartee_event_loop_lag_seconds_count"] > 0

    await until(is_measured)


def test_durations_are_counted_up_to_each_bound() -> None:
    durations = Durations()
    for seconds in (0.004, 0.005, 0.3, 100):
        durations.add(seconds)
    counts = dict(durations.up_to())
    assert (counts[0.005], counts[0.25], counts[0.5], counts[60.0], counts[float("inf")]) == (2, 2, 3, 3, 4)
    assert durations.total == pytest.approx(100.309)


async def test_what_is_no_scrape_is_refused_and_ends(address: str) -> None:
    async with httpx2.AsyncClient() as http:
        assert (await http.get(f"{address}/")).status_code == 404
        assert (await http.post(f"{address}/metrics")).status_code == 404
    port = int(address.rpartition(":")[2])
    for sent in (b"\0" * 100_000, b"GET /metrics"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        writer.write_eof()
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_a_server_serves_them_where_its_settings_say(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as errors:
        async with started(tmp_path, errors, METRICS_PORT="0"):
            await until(lambda: "/metrics" in log.read_text())
            seen = await numbers(log.read_text().partition(" at ")[2].removesuffix("/metrics\n"))
    assert seen["repartee_server_info builtin 0.1.0"] == 1
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, said = await refused(tmp_path, METRICS_PORT=str(port))
    assert (code, f"Cannot listen on 127.0.0.1:{port} for the metrics" in said) == (1, True)


async def test_without_a_port_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    script = "import sys, app; print('prometheus_client' in sys.modules)"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert (await process.communicate())[0] == b"False\n"
