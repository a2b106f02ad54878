"""Metrics for Prometheus, on a port of their own: what the process has counted, and how it is at the moment."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from math import isinf
from typing import TYPE_CHECKING

from models import UNFINISHED, Status
from services import Services
from services.measures import Durations, Measures
from services.server import VERSION

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric

logger = logging.getLogger("repartee")

_PREFIX = "repartee_"
# Bytes of a request, and seconds for it.
_MAX_REQUEST = 16 * 1024
_REQUEST_SECONDS = 5.0
# Seconds between two looks at how late the event loop is.
_LAG_SECONDS = 0.25


class MetricsError(Exception):
    """The metrics cannot be served; the text says why in one line, and what to do."""


@asynccontextmanager
async def metrics_served(services: Services, worker: int = 0) -> AsyncIterator[None]:
    """Serves metrics where there is a port for them; each worker has one of its own, counted from that.

    Raises MetricsError.
    """
    host, first = services.settings.metrics_host, services.settings.metrics_port
    if first is None:
        yield
        return
    port = first and first + worker
    try:
        server = MetricsServer(services)
        logger.info("The metrics are at http://%s:%d/metrics", host, await server.open(host, port))
    except ModuleNotFoundError as error:
        needed = "pip install --no-deps -r requirements-server.txt"
        raise MetricsError(f"REPARTEE_METRICS_PORT needs a package more: {needed}") from error
    except OSError as error:
        raise MetricsError(f"Cannot listen on {host}:{port} for the metrics: {error.strerror}.") from error
    try:
        yield
    finally:
        await server.close()


class MetricsServer:
    """Answers `GET /metrics`. Raises ModuleNotFoundError where prometheus-client is not installed."""

    def __init__(self, services: Services) -> None:
        self._lags = Durations()
        self._registry = _registry(services, self._lags)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> int:
        """Begins to listen, and returns the port. Raises OSError."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=_MAX_REQUEST)
        self._tasks.add(asyncio.create_task(_measure_lag(self._lags)))
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._response(head.decode("latin-1")))
                await writer.drain()
        except (TimeoutError, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    def _response(self, head: str) -> bytes:
        from prometheus_client.exposition import choose_encoder

        request, *lines = head.split("\r\n")
        if request.split(" ")[:2] != ["GET", "/metrics"]:
            return _http("404 Not Found", "text/plain; charset=utf-8", b"The metrics are at /metrics.\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        encode, media = choose_encoder(headers.get("accept", ""))
        return _http("200 OK", media, encode(self._registry))


def _http(status: str, media: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


async def _measure_lag(lags: Durations) -> None:
    while True:
        due = time.monotonic() + _LAG_SECONDS
        await asyncio.sleep(_LAG_SECONDS)
        lags.add(max(0.0, time.monotonic() - due))


def _registry(services: Services, lags: Durations) -> "CollectorRegistry":
    # One of our own, because the library's has only what is counted by means of it.
    from prometheus_client import GC_COLLECTOR, CollectorRegistry, Info, ProcessCollector

    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(GC_COLLECTOR)
    about = {"version": VERSION, "engine": services.engine.name}
    Info(f"{_PREFIX}server", "The server that answers.", registry=registry).info(about)
    registry.register(_Collector(services.measures, lags))
    return registry


class _Collector:
    def __init__(self, measures: Measures, lags: Durations) -> None:
        self._measures = measures
        self._lags = lags

    def collect(self) -> Iterator["Metric"]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        measures = self._measures
        replies = CounterMetricFamily(f"{_PREFIX}replies", "Replies that ended, by status.", labels=["status"])
        for status in Status:
            if status not in UNFINISHED:
                replies.add_metric([status.value], measures.replies[status])
        yield replies
        yield _histogram("first_text", "Seconds until the engine gave the first text.", measures.first_texts)
        yield _histogram("checkpoint", "Seconds that a checkpoint of all replies took.", measures.checkpoints)
        yield _histogram("event_loop_lag", "Seconds that the event loop was late.", self._lags)
        reaped = "Replies ended because nobody wrote them any more."
        yield CounterMetricFamily(f"{_PREFIX}replies_reaped", reaped, value=measures.reaped)
        for name, figure in measures.figures.items():
            labels = [figure.label] if figure.label else []
            family = GaugeMetricFamily(_PREFIX + name, figure.description, labels=labels)
            for value, number in figure.read().items():
                family.add_metric([value] if labels else [], number)
            yield family


def _histogram(name: str, description: str, durations: Durations) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    buckets = [("+Inf" if isinf(bound) else str(bound), count) for bound, count in durations.up_to()]
    return HistogramMetricFamily(
        f"{_PREFIX}{name}_seconds", description, buckets=buckets, sum_value=durations.total
    )
